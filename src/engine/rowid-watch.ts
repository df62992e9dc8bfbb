/**
 * Tables in which SQLite would choose rowids at random: once a row has the largest rowid, a new row without an
 * explicit one gets any free number (autoinc.html), and no two replicas the same.
 *
 * So each entry looks, table by table, whether it has made such a row. If it has, it is undone and run again with the
 * table under suspicion: from then on, statements that write to it run twice and must give the same rowids both times.
 */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import type { SqlValue } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'

const ROWID_MAX = 2n ** 63n - 1n
const ROWID_NAMES = ['rowid', '_rowid_', 'oid']

/** Virtual tables keep the rowids in one of these. Asking the virtual table itself could make it write. */
const SHADOW_SUFFIXES = ['_content', '_docsize', '_rowid']

interface Queries {
  readonly largest: StatementSync
  readonly fingerprint: StatementSync
}

export class RowidWatch {
  readonly #connection: WriterConnection
  /** Null for what has no rowids of its own: views, tables WITHOUT ROWID. */
  readonly #queries = new Map<string, Queries | null>()
  readonly #suspects = new Set<string>()

  constructor(connection: WriterConnection) {
    this.#connection = connection
  }

  /** The schema has changed: tables are looked at anew. Suspicion stays, because an entry that is run again needs it. */
  clear(): void {
    this.#queries.clear()
  }

  isSuspect(tables: ReadonlySet<string>): boolean {
    for (const table of tables) {
      // The first look at a table since it was opened or the schema changed.
      if (!this.#queries.has(table) && this.#hasLargest(table)) this.#suspects.add(table)
      if (this.#suspects.has(table)) return true
    }
    return false
  }

  /** Puts tables under suspicion that have the largest rowid; true if one of them was not. */
  findNew(tables: Iterable<string>): boolean {
    let isFound = false
    for (const table of tables) {
      if (this.#suspects.has(table) || !this.#hasLargest(table)) continue
      this.#suspects.add(table)
      isFound = true
    }
    return isFound
  }

  /** Differs where the suspects among `tables` have other rowids. Reads all of them. */
  fingerprint(tables: ReadonlySet<string>): string {
    const parts = [...tables].map((table) => {
      const queries = this.#suspects.has(table) ? this.#queriesOf(table) : null
      return queries === null ? '' : (queries.fingerprint.get() as unknown as SqlValue[]).join(' ')
    })
    return parts.join(';')
  }

  #hasLargest(table: string): boolean {
    const queries = this.#queriesOf(table)
    return queries !== null && queries.largest.get(ROWID_MAX) !== undefined
  }

  #queriesOf(table: string): Queries | null {
    let queries = this.#queries.get(table)
    if (queries === undefined) {
      queries = this.#makeQueries(table)
      this.#queries.set(table, queries)
    }
    return queries
  }

  #makeQueries(table: string): Queries | null {
    const kind = this.#kindOf(table)
    if (kind === null) return null
    if (kind === 'virtual') return this.#makeShadowQueries(table)
    const columns = this.#connection
      .own('SELECT lower(name) FROM pragma_table_xinfo(?)')
      .all(table) as unknown as SqlValue[][]
    const rowid = ROWID_NAMES.find((name) => !columns.some(([column]) => column === name))
    if (rowid === undefined) return null
    const source = `main."${table.replaceAll('"', '""')}"`
    const database = this.#connection.database
    return {
      largest: database.prepare(`SELECT 1 FROM ${source} WHERE ${rowid} = ?`),
      fingerprint: database.prepare(
        `SELECT count(*), sum(${rowid} & 0xffffffff), sum(${rowid} >> 32) FROM ${source}`,
      ),
    }
  }

  #makeShadowQueries(table: string): Queries | null {
    const shadow = SHADOW_SUFFIXES.map((suffix) => table + suffix).find(
      (name) => this.#kindOf(name) === 'shadow',
    )
    return shadow === undefined ? null : this.#makeQueries(shadow)
  }

  /** Null for what has no rowids. */
  #kindOf(table: string): string | null {
    const kind = this.#connection.row(
      `SELECT type, wr FROM pragma_table_list(?) WHERE schema = 'main'`,
      table,
    )
    return kind === undefined || kind[0] === 'view' || kind[1] === 1n ? null : String(kind[0])
  }
}

/**
 * The statement would make replicas differ; what it did must be undone with its whole transaction. SQLITE_FULL, as SQLite
 * itself says at the end of an AUTOINCREMENT, lost: clients and monitoring take it for a full disk, and answer 507.
 */
export class RandomRowidError extends HarmonyError {
  constructor(tables: ReadonlySet<string>) {
    super(
      'STATEMENT_REFUSED',
      `One of the tables ${[...tables].join(', ')} holds the largest possible rowid, so that SQLite chooses new ones at ` +
        'random and replicas would differ: give the rowid, or delete the row that has the largest one',
    )
  }
}
