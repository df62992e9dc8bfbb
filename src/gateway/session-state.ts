/** What SQLite would keep in a connection, and what it would not: how fresh reads must be, and what the session has seen. */

import { INITIAL_CONTEXT, type SessionContext } from '../base/transaction.ts'
import type { StatementResult } from '../base/value.ts'
import { LINEARIZABLE } from './consistency.ts'
import type { Consistency } from './session.ts'

export class SessionState {
  context: SessionContext = INITIAL_CONTEXT
  /** Of reads that ask for no other. */
  consistency: Consistency = LINEARIZABLE
  /** `PRAGMA defer_foreign_keys` in autocommit: it holds for the next transaction. */
  defersForeignKeys = false
  /** The last transaction came too late with its first write: the next one takes the writer at once, or it might for ever. */
  hasConflicted = false
  #lastIndex = 0n

  /** Highest log index that the session has written or read at. */
  get lastIndex(): bigint {
    return this.#lastIndex
  }

  /** What `last_insert_rowid()` tells, as results show it. */
  get lastInsertRowid(): bigint | null {
    return this.context.lastInsertRowid === 0n ? null : this.context.lastInsertRowid
  }

  seen(index: bigint): void {
    if (index > this.#lastIndex) this.#lastIndex = index
  }

  committed(index: bigint, context: SessionContext): void {
    this.context = { ...context, foreignKeys: this.context.foreignKeys }
    this.seen(index)
  }

  /** What `last_insert_rowid()` and the others tell after a rollback: SQLite does not roll them back. */
  noteResult({ changes, lastInsertRowid }: StatementResult): void {
    if (changes === 0n && lastInsertRowid === this.lastInsertRowid) return
    this.context = {
      ...this.context,
      lastInsertRowid: lastInsertRowid ?? 0n,
      changes,
      totalChanges: this.context.totalChanges + changes,
    }
  }
}
