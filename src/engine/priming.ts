/**
 * Sets what `last_insert_rowid()` and `changes()` tell, so that a session which shares the connection with others
 * sees its own values. SQLite's functions stay as they are, because inside triggers only SQLite knows their values.
 *
 * The tables are temporary, so that neither the file nor a session nor ANALYZE sees them. Priming is part of the
 * transaction that it precedes; a rollback that takes it back does not take back the values.
 *
 * SQLite keeps everyone from writing to a table `x_y` of any schema where a virtual table `x` claims `y` as its shadow
 * (build.c, sqlite3ShadowTableName, looks at the last underscore). So these names are reserved up to their last
 * underscore too: no client can give a virtual table the name `_harmony_priming`.
 */

import type { StatementSync } from 'node:sqlite'
import type { WriterConnection } from './connection.ts'

const TABLES = `
  CREATE TEMP TABLE _harmony_priming_rowid (id INTEGER PRIMARY KEY, one INTEGER UNIQUE);
  CREATE TEMP TABLE _harmony_priming_count (id INTEGER PRIMARY KEY, value INTEGER);
`

/** Higher counts are told as this: the rows needed would take too long to make. */
const PRIMED_CHANGES_MAX = 1_000_000n

export class Priming {
  readonly #connection: WriterConnection
  readonly #setRowid: StatementSync
  readonly #setChanges: StatementSync

  constructor(connection: WriterConnection) {
    this.#connection = connection
    connection.database.exec(TABLES)
    this.#setRowid = connection.own(`INSERT OR REPLACE INTO temp._harmony_priming_rowid VALUES (?, 1)`)
    this.#setChanges = connection.own(`UPDATE temp._harmony_priming_count SET value = 0 WHERE id <= ?`)
  }

  setLastInsertRowid(rowid: bigint): void {
    this.#setRowid.run(rowid)
  }

  /** Leaves `last_insert_rowid()` at `rowid`: making rows changes it. */
  setChanges(changes: bigint, rowid: bigint): void {
    const count = changes > PRIMED_CHANGES_MAX ? PRIMED_CHANGES_MAX : changes
    this.#ensureRows(count)
    this.setLastInsertRowid(rowid)
    this.#setChanges.run(count)
  }

  #ensureRows(count: bigint): void {
    const have = this.#connection.row(`SELECT coalesce(max(id), 0) FROM temp._harmony_priming_count`)?.[0]
    if ((have as bigint) >= count) return
    this.#connection
      .own(
        `INSERT INTO temp._harmony_priming_count WITH RECURSIVE row(id) AS
         (SELECT ? UNION ALL SELECT id + 1 FROM row WHERE id < ?) SELECT id, 0 FROM row`,
      )
      .run((have as bigint) + 1n, count)
  }
}
