/**
 * A client's transaction as it travels from a gateway to the engine that executes it, and back.
 * Plain data, so that it can cross a thread, a socket or a member without change.
 */

import type { SqlStatement, StatementResult } from './value.ts'

/**
 * What a session brings that changes what its statements do or tell. Part of every log entry, because a
 * replica that replays the statements without it could compute something else (DESIGN section 5).
 */
export interface SessionContext {
  /** `PRAGMA foreign_keys` of the session. SQLite ignores a change of it inside a transaction. */
  readonly foreignKeys: boolean
  /** What `last_insert_rowid()`, `changes()` and `total_changes()` tell when the transaction starts. */
  readonly lastInsertRowid: bigint
  readonly changes: bigint
  readonly totalChanges: bigint
}

/** As a new connection of SQLite begins, except that foreign keys are enforced, as libSQL servers do. */
export const INITIAL_CONTEXT: SessionContext = {
  foreignKeys: true,
  lastInsertRowid: 0n,
  changes: 0n,
  totalChanges: 0n,
}

/** A transaction that is known whole when it is sent: all of its statements are applied, or none. */
export interface TransactionRequest {
  readonly statements: readonly SqlStatement[]
  readonly context: SessionContext
  /** Supplied by the client to make a retry after OUTCOME_UNKNOWN safe: at most one of its uses is applied. */
  readonly idempotencyKey: string | null
  /** Upper bound of the encoded size of all result rows; beyond it the transaction fails with RESPONSE_TOO_LARGE. */
  readonly resultSizeBytesMax: number
}

/** A HarmonyError as plain data. */
export interface ErrorData {
  readonly code: string
  readonly message: string
  readonly offset: number | null
}

/**
 * Who waits for an outcome without a promise: those of all layers together cost a short write more than its execution. One of the two is
 * called, once; it throws nothing.
 */
export interface OutcomeReceiver {
  /**
   * It may hear that the transaction is committed as soon as that is certain, a moment before this member's own file has it: for sessions, whose
   * reads look at the index. Not for who reads the file otherwise.
   */
  readonly isEarly?: boolean
  resolve(outcome: TransactionOutcome): void
  reject(error: Error): void
}

/** Who waits for an index without a promise, likewise. */
export interface IndexReceiver {
  resolve(index: bigint): void
  reject(error: Error): void
}

/**
 * How far a read may go without asking, for whoever reads the file in another process. It is told before anything newer can have been acknowledged, or
 * seen in the file.
 */
export interface ReadPosition {
  /** A read that has this index has everything that was acknowledged; null where somebody has to be asked. */
  readonly readIndex: number | null
  /** What the file has. */
  readonly appliedIndex: number
}

export type TransactionOutcome =
  | {
      readonly kind: 'committed'
      readonly results: readonly StatementResult[]
      /** The session's context after the transaction. */
      readonly context: SessionContext
      /** Log index at which it was committed; a read at or after it sees the transaction. */
      readonly index: bigint
    }
  | {
      /** Nothing of it was applied. `results` are those of the statements before `failedStatement`. */
      readonly kind: 'failed'
      readonly error: ErrorData
      readonly failedStatement: number
      readonly results: readonly StatementResult[]
    }
