/**
 * What the gateway needs from whoever reads a database's SQLite file. Declared here, implemented in
 * `engine/reader/`, joined in `cli`, so that the gateway imports no SQLite at all.
 *
 * All times are milliseconds, all sizes bytes. Every error is a HarmonyError.
 */

import type { SessionContext } from '../base/transaction.ts'
import type { ResultColumn, SqlStatement, SqlValue, StatementResult } from '../base/value.ts'
import type { StatementDescription } from './session.ts'

/** How BEGIN was spelled. EXCLUSIVE is the same as IMMEDIATE in WAL mode. */
export type BeginMode = 'deferred' | 'immediate' | 'readonly'

/** What the gateway does itself instead of sending it to a connection: transaction control and session settings. */
export type StatementControl =
  | { readonly type: 'begin'; readonly mode: BeginMode }
  | { readonly type: 'commit' }
  | { readonly type: 'rollback' }
  | { readonly type: 'savepoint'; readonly name: string }
  | { readonly type: 'release'; readonly name: string }
  | { readonly type: 'rollback_to'; readonly name: string }
  /** `PRAGMA foreign_keys`; `value` is null where it asks. */
  | { readonly type: 'foreign_keys'; readonly value: boolean | null }
  | { readonly type: 'defer_foreign_keys'; readonly value: boolean | null }
  /** `PRAGMA harmonydb_consistency`: the level of the session's reads, as `consistency.ts` reads it. */
  | { readonly type: 'harmonydb_consistency'; readonly value: string | null }
  /** `PRAGMA harmonydb_last_index`: the session's read-your-writes token. */
  | { readonly type: 'harmonydb_last_index' }

/**
 * What is known from the text alone, without a schema. `write` means that no schema could make it a
 * read (INSERT, CREATE, …); `unknown` that SQLite must say (SELECT, WITH, PRAGMA, EXPLAIN).
 */
export type StatementClass =
  | { readonly kind: 'control'; readonly control: StatementControl }
  | { readonly kind: 'write' }
  | { readonly kind: 'unknown' }

export interface ReadRequest {
  readonly statement: SqlStatement
  /** What `last_insert_rowid()`, `changes()` and `total_changes()` tell. */
  readonly context: SessionContext
  /** The read sees at least this index: the reader renews a held transaction that is older. */
  readonly appliedIndex: bigint
  /** Beyond it the read fails with RESPONSE_TOO_LARGE. */
  readonly resultSizeBytesMax: number
  /** Of work, the time that the caller takes between pages left out; beyond it STATEMENT_TIMEOUT. */
  readonly timeoutMs: number
  /** Stops the statement at once, however busy it is; it then fails with STATEMENT_CANCELLED. */
  readonly signal?: AbortSignal
}

/** Rows of one statement. The first page brings the columns. */
export interface ReadPage {
  readonly columns: readonly ResultColumn[] | null
  readonly rows: readonly (readonly SqlValue[])[]
  /** Applied index of the state that the statement sees: the one asked for, or a later one. */
  readonly index: bigint
}

export interface InlineResult extends StatementResult {
  /** Applied index of the state that the statement saw: the one asked for, or a later one. */
  readonly index: bigint
  /** What the statement took, in milliseconds. */
  readonly durationMs: number
}

/** Where a transaction's reads all see the same state. Calls must not overlap. */
export interface ReadSnapshot {
  /** Applied index that the snapshot certainly holds; it may hold more. */
  readonly index: bigint
  /** At the snapshot. Rejects with TRANSACTION_CONFLICT if the statement needs a process of its own that can't see it. */
  read(request: ReadRequest): AsyncGenerator<ReadPage, void, void>
  /** The whole result of a quick statement; null where it must be read otherwise, with nothing done. */
  readNow(request: ReadRequest): InlineResult | null
  /** Lets go of the read transaction. Safe to call twice, and while a read runs: that is stopped. */
  close(): void
}

export interface SnapshotOptions {
  readonly appliedIndex: bigint
  /**
   * True takes a process of its own at once, so that no later statement can conflict (BEGIN READONLY).
   * False begins on the gateway's thread, and moves when the first slow statement comes.
   */
  readonly isLong: boolean
  /** How long to wait for a process; then OVERLOADED. */
  readonly waitTimeoutMs: number
}

export interface ReaderStatistics {
  /** Statements that ran on the gateway's own thread. */
  readonly readsInline: number
  /** Statements that ran in a query worker. */
  readonly readsInWorkers: number
  readonly workers: number
  readonly workersBusy: number
  readonly workersKilled: number
  readonly snapshotsOpen: number
}

/** The read-only side of one database file. */
export interface DatabaseReader {
  /**
   * The texts of the statements in a script, each found when it is asked for. Rejects nothing: what does not parse stays
   * in one piece, and what is too long for `classify` comes cut and last.
   */
  split(sql: string): Iterable<string>
  /** Throws SQL_NO_STATEMENT, SQL_MANY_STATEMENTS, STATEMENT_REFUSED. */
  classify(sql: string): StatementClass
  /** By SQLite, at `appliedIndex` or later. Rejects with what `prepare` throws, and STATEMENT_REFUSED. */
  describe(sql: string, appliedIndex: bigint): Promise<StatementDescription>
  /**
   * Resolves when `sql` may be compiled by the writer, whose thread can't be interrupted: texts that could take long to
   * compile are compiled in a worker first. Rejects with STATEMENT_TIMEOUT; other errors are left to the writer.
   */
  vet(sql: string, appliedIndex: bigint): Promise<void>
  /** Whether `vet` would resolve at once. */
  isHarmless(sql: string, appliedIndex: bigint): boolean
  /**
   * The whole result, if the statement is known to be quick; null if it must go to `readInWorker`. Synchronous: it is the fast
   * path of every point read.
   */
  readInline(request: ReadRequest): InlineResult | null
  /** Page by page; nothing runs ahead of what is taken. Ending the generator ends the statement. */
  readInWorker(request: ReadRequest): AsyncGenerator<ReadPage, void, void>
  openSnapshot(options: SnapshotOptions): Promise<ReadSnapshot>
  /** One on the gateway's thread, as `isLong: false` opens it. */
  openSnapshotNow(appliedIndex: bigint): ReadSnapshot
  /** Ends everything that runs. */
  close(): Promise<void>
}

/** Opens readers; owns the query workers that all of them share. */
export interface ReaderFactory {
  open(dataFile: string): DatabaseReader
  statistics(): ReaderStatistics
  close(): Promise<void>
}
