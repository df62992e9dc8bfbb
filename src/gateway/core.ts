/**
 * What the gateway needs from the layers below it. The gateway declares these interfaces and `cli` wires
 * in what implements them (rqlite's `http.Store` is the model), so that the core may stand in the same
 * process, behind a local socket or on another member. Everything that crosses is plain data.
 */

import type {
  IndexReceiver,
  OutcomeReceiver,
  ReadPosition,
  SessionContext,
  TransactionOutcome,
  TransactionRequest,
} from '../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../base/value.ts'
import type { StatementDescription } from './session.ts'

/** An interactive transaction that holds the database's writer. Calls must not overlap. */
export interface WriteTransaction {
  /**
   * Runs one statement; SAVEPOINT, RELEASE and ROLLBACK TO included. A HarmonyError means that this
   * statement had no effect and the transaction goes on, unless `ended` tells otherwise.
   */
  execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult>
  /** What is known of a statement under the schema that the transaction sees, its own changes included. Nothing runs. */
  describe(sql: string): Promise<StatementDescription>
  /** Resolves when the transaction is durable. Rejects with OUTCOME_UNKNOWN where that can't be told. */
  commit(): Promise<{ readonly index: bigint; readonly context: SessionContext }>
  rollback(): Promise<void>
  /** Why the transaction is over although nobody ended it (a timeout, RAISE(ROLLBACK), shutdown); null while it lives. */
  readonly ended: Error | null
}

export interface BeginOptions {
  readonly context: SessionContext
  /**
   * Applied index of the snapshot that the client has read from already; null if it has read nothing.
   * If the database has moved on, `begin` rejects with TRANSACTION_CONFLICT (serializability, promise P3).
   */
  readonly snapshotIndex: bigint | null
  readonly idempotencyKey: string | null
  /** How long to wait for the writer before TRANSACTION_BUSY. */
  readonly waitTimeoutMs: number
  /** Between statements; then it is rolled back and `ended` is TRANSACTION_TIMEOUT. */
  readonly idleTimeoutMs: number
  /** From begin to commit. */
  readonly totalTimeoutMs: number
}

/** One database: the only way in which a gateway changes anything. */
export interface DatabaseCore {
  readonly name: string
  /** Path of the SQLite file, for the gateway's own read-only connections. */
  readonly dataFile: string
  /** Log index that the SQLite file has. Never goes back. */
  readonly appliedIndex: bigint
  /** Calls `listener` after `appliedIndex` has moved; returns a function that stops it. */
  onApplied(listener: (appliedIndex: bigint) => void): () => void
  /** Joins the next batch. Resolves when the transaction is durable, or nothing of it was done. */
  submit(request: TransactionRequest): Promise<TransactionOutcome>
  /** The same without a promise, where it is known who leads; false, with nothing done, where it is not. */
  submitHere?(receiver: OutcomeReceiver, request: TransactionRequest): boolean
  begin(options: BeginOptions): Promise<WriteTransaction>
  /**
   * An index such that a read at it sees every write acknowledged before this call (Raft thesis 6.4). Rejects with NOT_LEADER when no leader
   * confirmed one within `timeoutMs`.
   */
  readIndex(timeoutMs?: number): Promise<bigint>
  /** The same for who waits without a promise; false, with nothing done, where that is not possible. Throws why the database can't be used. */
  readIndexFor?(receiver: IndexReceiver, timeoutMs: number): boolean
  /** The same where it needs nobody's answer, so that a read may be made at once; null where it does. */
  readIndexNow?(): bigint | null
  /** What `readIndexNow` would tell. Calls `listener` now and after every change; returns a function that stops it. */
  onReadPosition?(listener: (position: ReadPosition) => void): () => void
  /** Resolves when `appliedIndex >= index`. */
  waitApplied(index: bigint, timeoutMs: number): Promise<void>
}

export interface DatabaseInfo {
  readonly name: string
  readonly appliedIndex: bigint
  readonly sizeBytes: number
}

/** All databases of the member or cluster. */
export interface DatabaseDirectory {
  list(): Promise<readonly DatabaseInfo[]>
  /** Rejects with DATABASE_NOT_FOUND. */
  get(name: string): Promise<DatabaseCore>
  /** Rejects with DATABASE_EXISTS, DATABASE_NAME_INVALID. */
  create(name: string): Promise<void>
  /** Rejects with DATABASE_NOT_FOUND. Deletes its files. Open transactions end with DATABASE_NOT_FOUND. */
  drop(name: string): Promise<void>
}
