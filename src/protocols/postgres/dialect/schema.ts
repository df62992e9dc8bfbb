/** The tables of a database as the dialect needs them: names, columns, types, keys. A value: it is replaced, not changed. */

import type { TypeWithModifier } from '../types/declared-type.ts'

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

export interface SchemaRelation {
  readonly name: string
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
  readonly #relations = new Map<string, SchemaRelation>()

  constructor(version: bigint, relations: readonly SchemaRelation[], hasNotifications = false) {
    this.version = version
    this.hasNotifications = hasNotifications
    for (const relation of relations) this.#relations.set(relation.name.toLowerCase(), relation)
  }

  /** SQLite's names do not tell upper from lower case. */
  find(name: string): SchemaRelation | null {
    return this.#relations.get(name.toLowerCase()) ?? null
  }

  all(): Iterable<SchemaRelation> {
    return this.#relations.values()
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
    const key = this.find(table)?.keys.find(
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
