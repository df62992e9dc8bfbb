/**
 * What SQLite's counters tell of the session whose transaction runs: `last_insert_rowid()`, `changes()`, and how many rows a statement has changed.
 * Many sessions share the connection, so what it tells may be of the one before; `Priming` sets it right, where somebody would see it.
 */

import type { Counters, WriterConnection } from './connection.ts'
import { Priming } from './priming.ts'
import type { PreparedStatement } from './statement-cache.ts'
import type { StatementRun } from './statement-run.ts'

/** What `Priming.setLastInsertRowid` adds to `total_changes()`. */
const ROWS_OF_PRIMING = 1n

/** As the session should see them. */
export interface SessionCounts {
  lastInsertRowid: bigint
  changes: bigint
  /** SQLite's `changes()` tells what this session should see. */
  areChangesSet: boolean
}

export interface StatementCounts {
  /** Those of triggers and foreign key actions included. */
  readonly changedRows: bigint
  readonly changes: bigint
  readonly lastInsertRowid: bigint
}

export class SessionCounters {
  readonly #connection: WriterConnection
  readonly #priming: Priming
  readonly #isQuickOnly: boolean
  /** What SQLite's counters told last. */
  #total = 0n
  #rowid = 0n

  /** `isQuickOnly`: no statement runs triggers. */
  constructor(connection: WriterConnection, isQuickOnly: boolean) {
    this.#connection = connection
    this.#priming = new Priming(connection)
    this.#isQuickOnly = isQuickOnly
  }

  /** Something other than a client's statement may have moved them. */
  read(): void {
    const { totalChanges, lastInsertRowid } = this.#connection.counters()
    this.#total = totalChanges
    this.#rowid = lastInsertRowid
  }

  /** `total_changes()` since it was last read. */
  changedSince(): bigint {
    return this.#connection.counters().totalChanges - this.#total
  }

  /** `last_insert_rowid()` tells what the session should see. */
  primeRowid(session: SessionCounts): void {
    const { lastInsertRowid } = session
    if (this.#rowid === lastInsertRowid) return
    this.#priming.setLastInsertRowid(lastInsertRowid)
    this.#total += ROWS_OF_PRIMING
    this.#rowid = lastInsertRowid
    // It is a write, too.
    session.areChangesSet = false
  }

  /** Both tell what the session should see. */
  prime({ changes, lastInsertRowid }: SessionCounts): void {
    this.#priming.setChanges(changes, lastInsertRowid)
    this.read()
  }

  /** Of a statement that has just run. */
  after(session: SessionCounts, prepared: PreparedStatement, run: StatementRun): StatementCounts {
    const { totalChanges, changes, lastInsertRowid } = this.#told(prepared, run)
    const changedRows = totalChanges - this.#total
    const isOwn = this.#rowid === session.lastInsertRowid || (prepared.rowidEffect === 'sets' && changes > 0n)
    this.#total = totalChanges
    this.#rowid = lastInsertRowid
    return { changedRows, changes, lastInsertRowid: isOwn ? lastInsertRowid : session.lastInsertRowid }
  }

  /** Without triggers, the rows that a statement counts are all that it changes. */
  #told({ facts }: PreparedStatement, run: StatementRun): Counters {
    if (!this.#isQuickOnly || run.kind === 'failed' || !facts.isRowWrite) return this.#connection.counters()
    const { changes, lastInsertRowid } = run
    return { totalChanges: this.#total + changes, changes, lastInsertRowid }
  }
}
