/** What the schema says about tables, as far as the engine must know it; forgotten whenever the schema changes. */

import type { SqlValue } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'
import { foldName, hasWord } from './sql-text.ts'

type Rows = SqlValue[][]

const TYPE_QUERY = `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = ?`

const DEFERRED = new Set(['DEFERRED'])
const SESSION_FUNCTIONS = new Set(['CHANGES', 'LAST_INSERT_ROWID'])

/** How fully a changeset shows the rows of a table. */
export type Visibility =
  | 'all'
  /** It has a primary key that may be NULL, and rows with NULL there are left out. */
  | 'without-null-keys'
  /** No primary key, or a virtual table. */
  | 'none'

export class SchemaFacts {
  readonly #connection: WriterConnection
  #deferred: ReadonlySet<string> | null = null
  #asksForSession: boolean | null = null
  #shadows: ReadonlySet<string> | null = null
  #virtual: ReadonlySet<string> | null = null
  readonly #visibility = new Map<string, Visibility>()

  constructor(connection: WriterConnection) {
    this.#connection = connection
  }

  clear(): void {
    this.#deferred = null
    this.#asksForSession = null
    this.#shadows = null
    this.#virtual = null
    this.#visibility.clear()
  }

  /** Tables on either side of a foreign key that is checked at COMMIT, in lower case. */
  get deferredTables(): ReadonlySet<string> {
    this.#deferred ??= this.#findDeferred()
    return this.#deferred
  }

  /** True if a definition mentions `changes()` or `last_insert_rowid()`: column defaults hide them from the authorizer. */
  get asksForSession(): boolean {
    this.#asksForSession ??= this.#tableDefinitions().some(([, sql]) => hasWord(sql, SESSION_FUNCTIONS))
    return this.#asksForSession
  }

  visibility(table: string): Visibility {
    let visibility = this.#visibility.get(table)
    if (visibility === undefined) {
      visibility = this.#findVisibility(table)
      this.#visibility.set(table, visibility)
    }
    return visibility
  }

  /** A table in which a virtual table keeps its content. */
  isShadow(table: string): boolean {
    this.#shadows ??= this.#tablesOfType('shadow')
    return this.#shadows.has(table)
  }

  isVirtual(table: string): boolean {
    this.#virtual ??= this.#tablesOfType('virtual')
    return this.#virtual.has(table)
  }

  get hasVirtual(): boolean {
    this.#virtual ??= this.#tablesOfType('virtual')
    return this.#virtual.size > 0
  }

  #tablesOfType(type: 'shadow' | 'virtual'): ReadonlySet<string> {
    const rows = this.#connection.own(TYPE_QUERY).all(type) as unknown as Rows
    return new Set(rows.map(([name]) => foldName(String(name))))
  }

  #tableDefinitions(): [string, string][] {
    const sql = `SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql IS NOT NULL`
    return this.#connection.own(sql).all() as unknown as [string, string][]
  }

  #findDeferred(): ReadonlySet<string> {
    const tables = new Set<string>()
    for (const [name, sql] of this.#tableDefinitions()) {
      if (!hasWord(sql, DEFERRED)) continue
      tables.add(foldName(name))
      const parents = this.#connection
        .own('SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)')
        .all(name) as unknown as Rows
      for (const [parent] of parents) tables.add(foldName(String(parent)))
    }
    return tables
  }

  #findVisibility(table: string): Visibility {
    const kind = this.#connection.row(
      `SELECT type, wr FROM pragma_table_list(?) WHERE schema = 'main'`,
      table,
    )
    if (kind === undefined || kind[0] === 'virtual') return 'none'
    if (kind[0] === 'view') return 'all'
    const keys = this.#connection
      .own('SELECT "notnull", upper(type) FROM pragma_table_info(?) WHERE pk > 0')
      .all(table) as unknown as Rows
    if (keys.length === 0) return 'none'
    if (kind[1] === 1n || keys.every(([notNull]) => notNull === 1n)) return 'all'
    return keys.length === 1 && keys[0]?.[1] === 'INTEGER' ? 'all' : 'without-null-keys'
  }
}
