/** The tables of a database as the dialect needs them: names, columns, types, keys. A value: it is replaced, not changed. */

import type { TypeWithModifier } from '../types/declared-type.ts'
import type { OnCommit } from './temporary-space.ts'

export interface SchemaColumn {
  readonly name: string
  readonly type: TypeWithModifier
  /** From 1, as pg_attribute.attnum. */
  readonly number: number
  readonly isNotNull: boolean
  readonly hasDefault: boolean
  readonly isGenerated: boolean
  /** SQLite's text of the default; `serial` for one that numbers rows; null without one. */
  readonly defaultText: string | null
  readonly isIdentity: boolean
}

export interface SchemaIndex {
  readonly oid: number
  /** As PostgreSQL would name it. */
  readonly name: string
  /** What DROP INDEX takes. */
  readonly sqliteName: string
  readonly isUnique: boolean
  readonly isPrimary: boolean
  readonly isPartial: boolean
  /** Made by PRIMARY KEY or UNIQUE, or named as ALTER TABLE names such keys. */
  readonly isConstraint: boolean
  /** null for an expression. */
  readonly columns: readonly (string | null)[]
  readonly sql: string | null
}

export interface SchemaForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly table: string
  readonly targetColumns: readonly string[]
  readonly onUpdate: string
  readonly onDelete: string
}

export interface SchemaKey {
  /** Constraint name as PostgreSQL would have it. */
  readonly name: string
  readonly columns: readonly string[]
  readonly isPrimary: boolean
  /** An index of its own in SQLite, not part of CREATE TABLE. */
  readonly isIndex: boolean
}

/** A table of one session (temporary-space.ts). */
export interface TemporaryFacts {
  /** What all names of its session begin with. */
  readonly prefix: string
  readonly member: number
  readonly onCommit: OnCommit
}

export interface SchemaRelation {
  /** In the database, and so in translated statements. */
  readonly name: string
  /** What PostgreSQL's clients call it: the same, but for temporary tables. */
  readonly shownName: string
  readonly temporary: TemporaryFacts | null
  readonly kind: 'table' | 'view'
  readonly oid: number
  readonly columns: readonly SchemaColumn[]
  /** Primary key and UNIQUE. */
  readonly keys: readonly SchemaKey[]
  readonly indexes: readonly SchemaIndex[]
  readonly foreignKeys: readonly SchemaForeignKey[]
  /** Their CREATE TRIGGER texts. */
  readonly triggers: readonly string[]
  /** The column that is SQLite's rowid, if there is one. */
  readonly rowidColumn: string | null
  /** As sqlite_schema has it. */
  readonly sql: string
  /** A sequence is a table of one row, made by CREATE SEQUENCE. */
  readonly isSequence: boolean
}

export class Schema {
  readonly version: bigint
  /** The table that NOTIFY writes to exists (notification-table.ts). It is not among the relations. */
  readonly hasNotifications: boolean
  /** Whose temporary tables are seen; null for nobody's. */
  readonly temporaryPrefix: string | null
  /** Of all sessions. */
  readonly temporaries: readonly SchemaRelation[]
  readonly #ordinary: readonly SchemaRelation[]
  readonly #own: readonly SchemaRelation[]
  readonly #byName = new Map<string, SchemaRelation>()
  readonly #views = new Map<string, Schema>()

  constructor(
    version: bigint,
    relations: readonly SchemaRelation[],
    hasNotifications = false,
    temporaryPrefix: string | null = null,
  ) {
    this.version = version
    this.hasNotifications = hasNotifications
    this.temporaryPrefix = temporaryPrefix
    this.#ordinary = relations.filter(({ temporary }) => temporary === null)
    this.temporaries = relations.filter(({ temporary }) => temporary !== null)
    this.#own = this.temporaries.filter(({ temporary }) => temporary?.prefix === temporaryPrefix)
    for (const relation of this.#ordinary) this.#byName.set(relation.name.toLowerCase(), relation)
    // PostgreSQL looks for temporary tables first. Their full names stand in the texts of views.
    for (const relation of this.#own) {
      this.#byName.set(relation.name.toLowerCase(), relation)
      this.#byName.set(relation.shownName.toLowerCase(), relation)
    }
  }

  /** The same for a session with temporary tables. */
  seenBy(temporaryPrefix: string | null): Schema {
    if (temporaryPrefix === this.temporaryPrefix) return this
    const known = this.#views.get(temporaryPrefix ?? '')
    if (known !== undefined) return known
    const relations = [...this.#ordinary, ...this.temporaries]
    const view = new Schema(this.version, relations, this.hasNotifications, temporaryPrefix)
    this.#views.set(temporaryPrefix ?? '', view)
    return view
  }

  /** SQLite's names do not tell upper from lower case. */
  find(name: string): SchemaRelation | null {
    return this.#byName.get(name.toLowerCase()) ?? null
  }

  /** `public.name`, or `pg_temp.name`. */
  findIn(space: 'public' | 'pg_temp', name: string): SchemaRelation | null {
    const relations = space === 'public' ? this.#ordinary : this.#own
    const wanted = name.toLowerCase()
    return relations.find(({ shownName }) => shownName.toLowerCase() === wanted) ?? null
  }

  /** What its session sees: other sessions' temporary tables are not there. */
  *all(): Iterable<SchemaRelation> {
    yield* this.#ordinary
    yield* this.#own
  }

  /** Null where the table is unknown or has none. */
  primaryKey(table: string): readonly string[] | null {
    const relation = this.find(table)
    const key = relation?.keys.find(({ isPrimary }) => isPrimary)?.columns
    const rowid = relation?.rowidColumn ?? null
    return key ?? (rowid === null ? null : [rowid])
  }

  /** The constraint on exactly these columns. */
  constraintName(table: string, columns: readonly string[]): string | null {
    const relation = this.find(table) ?? this.temporaries.find(({ name }) => name === table)
    const key = relation?.keys.find(
      ({ columns: own }) =>
        own.length === columns.length &&
        own.every((name, index) => name.toLowerCase() === columns[index]?.toLowerCase()),
    )
    return key?.name ?? null
  }
}

export const EMPTY_SCHEMA: Schema = new Schema(-1n, [])

/** First OID that users' objects get, as in PostgreSQL. */
export const FIRST_USER_OID = 16384
