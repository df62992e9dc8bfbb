/**
 * The engine's contract: what `group` drives, the same whether the engine runs in this thread
 * (`LocalEngine`) or in a process of its own (`EngineProcess`). One engine is the one writer of one database's
 * SQLite file. `DESIGN.md` beside this file tells how it works and why.
 *
 * At most one SQLite transaction is open at a time. It is opened by `executeBatch` or `begin` and ended by
 * `commit`, `rollback`, or by the call that opened it if there is nothing to replicate. Calls are carried
 * out in the order in which they are made. Every method rejects with a HarmonyError; after `DISK_FAILED`,
 * `DISK_FULL`, `DATA_CORRUPT`, `REPLICA_DIVERGED` and `INTERNAL` the open transaction has been rolled back. It is an
 * EngineEndedError where the engine's process has ended: the transaction is gone, and so is the engine.
 */

import type {
  ErrorData,
  SessionContext,
  TransactionOutcome,
  TransactionRequest,
} from '../base/transaction.ts'
import type { SqlStatement, SqlValue, StatementResult } from '../base/value.ts'
import type { Description } from './reader/read-connection.ts'

export type { Description } from './reader/read-connection.ts'

/** What the leader puts into an entry so that every replica computes the same. */
export interface EntryStamp {
  /** Milliseconds since 1970 UTC: `now` in SQL. The engine never lets it fall below that of the entry before. */
  readonly timeMs: number
  /** 16 bytes from the machine's secure source: `random()` and `randomblob()` are drawn from it, and clients make secrets with them. */
  readonly seed: Uint8Array
}

/** What the SQLite file has, as it says itself. */
export interface AppliedState {
  readonly index: bigint
  readonly term: bigint
  /** SHA-256 chain over the effects of all entries so far. */
  readonly digest: Uint8Array
}

export interface EngineOptions {
  /** Name of the database, for messages. */
  readonly database: string
  /** Path of the SQLite file; created if missing. */
  readonly dataFile: string
  /** Keep the changed rows of each entry and hand them out with `commit` and `replay`. Default false. */
  readonly captureChanges?: boolean
  /**
   * How long one call that runs what clients ask for may take. Then its process is killed, and the call rejects with STATEMENT_TIMEOUT. In
   * this thread nothing can end it. Default: for ever.
   */
  readonly statementTimeoutMs?: number
  readonly limits?: Partial<EngineLimits>
}

export interface EngineLimits {
  /** Of one SQL text. Default 1 MiB. */
  readonly sqlLengthBytesMax: number
  /** Of one string, blob or row. Default 64 MiB. */
  readonly rowLengthBytesMax: number
  /** Of one entry; beyond it TRANSACTION_TOO_LARGE. Default 32 MiB. */
  readonly entryLengthBytesMax: number
  /** Changed rows that one entry records in full; beyond it digest and feed count (DESIGN.md, "Bounded capture"). */
  readonly capturedRowsMax: number
  /** How long an idempotency key is remembered, in log time. Default 24 h. */
  readonly idempotencyLifetimeMs: number
  /** Of the memory map of the SQLite file. Default 1 GiB; 0 for none. */
  readonly mmapSizeBytes: number
}

export type BatchExecution =
  /** Nothing to replicate: all of `outcomes` are final and no SQLite transaction is open. */
  | { readonly kind: 'settled'; readonly taken: number; readonly outcomes: readonly TransactionOutcome[] }
  /** Propose `payload`; then `commit` (which gives the outcomes) or `rollback`. */
  | { readonly kind: 'pending'; readonly taken: number; readonly payload: Uint8Array }

export interface BeginRequest {
  readonly context: SessionContext
  readonly stamp: EntryStamp
  readonly idempotencyKey: string | null
}

export type BeginResult =
  | { readonly kind: 'begun' }
  /** The idempotency key has been used: this is what came of it. No transaction is open. */
  | { readonly kind: 'known'; readonly outcome: TransactionOutcome }

export type StatementOutcome =
  | { readonly kind: 'ok'; readonly result: StatementResult }
  /** `isEnded`: SQLite rolled the whole transaction back (OR ROLLBACK, RAISE(ROLLBACK), a full disk). */
  | { readonly kind: 'failed'; readonly error: ErrorData; readonly isEnded: boolean }

export type DescribeOutcome =
  | { readonly kind: 'ok'; readonly description: Description }
  | { readonly kind: 'failed'; readonly error: ErrorData }

export type PreparedCommit =
  /** Propose `payload`; then `commit` or `rollback`. */
  | { readonly kind: 'pending'; readonly payload: Uint8Array }
  /** It changed nothing; it is over. */
  | { readonly kind: 'settled'; readonly context: SessionContext }

export interface CommitResult {
  readonly applied: AppliedState
  /** One for each request taken, in order; for an interactive transaction one without results. */
  readonly outcomes: readonly TransactionOutcome[]
  /** Null unless `captureChanges`. */
  readonly changes: EntryChanges | null
}

export interface LogEntry {
  readonly term: bigint
  readonly index: bigint
  /** Empty for Raft's own entries, which only move the applied index. */
  readonly payload: Uint8Array
}

export interface ReplayResult {
  /** After the last entry. */
  readonly applied: AppliedState
  /** One for each entry; empty unless `captureChanges`. */
  readonly changes: readonly EntryChanges[]
}

export interface RowChange {
  readonly table: string
  readonly operation: 'insert' | 'update' | 'delete'
  /** True if only a trigger or a foreign key action changed it. */
  readonly isIndirect: boolean
  /** Columns of the primary key, by position. */
  readonly primaryKey: readonly boolean[]
  /** By column; null for inserts. In an update, `undefined` where the column is neither changed nor in the key. */
  readonly before: readonly (SqlValue | undefined)[] | null
  /** By column; null for deletes. In an update, `undefined` where the column is not changed. */
  readonly after: readonly (SqlValue | undefined)[] | null
}

/** What one entry changed, for the change feed. */
export interface EntryChanges {
  readonly index: bigint
  readonly rows: readonly RowChange[]
  /**
   * Tables that changed in ways that `rows` does not show: too many rows, no primary key, a NULL in the
   * key, or a changed schema. Whoever mirrors them reads them anew.
   */
  readonly unlistedTables: readonly string[]
  readonly isSchemaChanged: boolean
}

/** Resolves with requests that have come in the meantime, or with null when the batch is to be closed. Never rejects. */
export type MoreRequests = () => Promise<readonly TransactionRequest[] | null>

export interface Engine {
  /** As of the last resolved call. */
  readonly applied: AppliedState
  /**
   * Runs requests from the front in one SQLite transaction, as many as can share an entry (`taken`, at least
   * one). The caller asks again for the rest after the commit or rollback. An engine may ask `more` for what comes
   * meanwhile, and `taken` counts that, too.
   */
  executeBatch(
    requests: readonly TransactionRequest[],
    stamp: EntryStamp,
    more?: MoreRequests,
  ): Promise<BatchExecution>
  begin(request: BeginRequest): Promise<BeginResult>
  /** One statement of the interactive transaction. Rejects only where the engine itself failed. */
  execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementOutcome>
  /** A statement under the schema that the interactive transaction sees, its own changes included. Nothing runs. */
  describe(sql: string): Promise<DescribeOutcome>
  prepareCommit(): Promise<PreparedCommit>
  /**
   * What `commit` is going to answer for the open entry at `index`, where that is certain and known here at once; null elsewhere. Between
   * this and `commit` nothing else is called.
   */
  outcomesAt?(index: bigint): readonly TransactionOutcome[] | null
  /** The payload was committed at `index`: makes it visible and answers. */
  commit(term: bigint, index: bigint): Promise<CommitResult>
  /** Undoes whatever is open; nothing if nothing is. */
  rollback(): Promise<void>
  /** Applies committed entries that this engine did not execute itself. REPLICA_DIVERGED if one has another effect here. */
  replay(entries: readonly LogEntry[]): Promise<ReplayResult>
  /** Makes the applied state durable in the SQLite file and returns it: older log entries are no longer needed. */
  checkpoint(): Promise<AppliedState>
  /** Copies the database, page by page, to a new file; returns the state that the copy has. Other calls go on meanwhile. */
  snapshot(path: string): Promise<AppliedState>
  /** Full hash of the content: every table with its rowids, and the schema. Reads everything. */
  contentDigest(): Promise<Uint8Array>
  close(): Promise<void>
}

export type EngineOpener = (options: EngineOptions) => Promise<Engine>
