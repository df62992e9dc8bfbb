/**
 * What protocols stand on: sessions. A session is one client's connection to one database: its
 * transaction state, its settings, its consistency. Calls on one session must not overlap; protocols queue.
 */

import type { ResultColumn, SqlStatement, SqlValue, StatementResult } from '../base/value.ts'

/** How fresh a read must be (DESIGN section 4, promise P2). */
export type Consistency =
  | { readonly level: 'linearizable' }
  /** At least as fresh as the session's own writes, and as `index` where the client brings a token. */
  | { readonly level: 'session'; readonly index?: bigint }
  | { readonly level: 'stale'; readonly maxStalenessMs?: number }

/** Who the client is, as its protocol found out. */
export interface Credential {
  /** Enforced by SQLite on every statement, not by looking at text. */
  readonly access: 'read-only' | 'read-write'
  /** Databases that it may open; null for all. */
  readonly databases: readonly string[] | null
}

export interface ExecuteOptions {
  /** Before the session's own; a comment in the statement (`consistency.ts`) comes before both. With BEGIN: of the transaction's reads. */
  readonly consistency?: Consistency
  readonly idempotencyKey?: string
  /** Leave the rows away (Hrana's want_rows: false). */
  readonly wantRows?: boolean
}

export interface BatchOptions extends ExecuteOptions {
  /**
   * For who holds all rows until the batch is complete: a read that passes it fails with RESPONSE_TOO_LARGE, and so do, without running, the
   * steps behind (but for transaction control). What is done is always told.
   */
  readonly rowsBytesMax?: number
}

export interface ExecuteResult extends StatementResult {
  readonly durationMs: number
  /** Log index of the write, or index at which the read was made. */
  readonly index: bigint
}

/** Who waits for a result without a promise. One of the two is called, once, perhaps within the call that took the receiver; it throws nothing. */
export interface ResultReceiver {
  resolve(result: ExecuteResult): void
  reject(error: Error): void
  /** In place of both: nothing was done, because the statement is not that quick after all. Without it only what is certain to be is taken. */
  notHere?(): void
}

/** Hrana's condition language; also what the gateway uses for its own batches. Steps count from 0. */
export type BatchCondition =
  | { readonly type: 'ok'; readonly step: number }
  | { readonly type: 'error'; readonly step: number }
  | { readonly type: 'not'; readonly condition: BatchCondition }
  | { readonly type: 'and'; readonly conditions: readonly BatchCondition[] }
  | { readonly type: 'or'; readonly conditions: readonly BatchCondition[] }
  | { readonly type: 'is_autocommit' }

export interface BatchStep {
  readonly statement: SqlStatement
  readonly condition: BatchCondition | null
  readonly wantRows?: boolean
}

/** What a batch gives, in order. Rows come in pages, so that a slow reader holds back the query, not memory. */
export type BatchEvent =
  | { readonly type: 'step_begin'; readonly step: number; readonly columns: readonly ResultColumn[] }
  | { readonly type: 'rows'; readonly rows: readonly (readonly SqlValue[])[] }
  | {
      readonly type: 'step_end'
      readonly step: number
      readonly changes: bigint
      readonly lastInsertRowid: bigint | null
      readonly durationMs: number
      readonly index: bigint
    }
  /** The step failed; later steps go on as their conditions say. A skipped step gives no event. */
  | { readonly type: 'step_error'; readonly step: number; readonly error: Error }

/** What is known of a statement without running it. */
export interface StatementDescription {
  /** Parameter names with their prefix, by position; null for `?` without a name. */
  readonly parameters: readonly (string | null)[]
  readonly columns: readonly ResultColumn[]
  readonly isExplain: boolean
  /** As SQLite's own sqlite3_stmt_readonly: BEGIN and COMMIT count as read-only. */
  readonly isReadOnly: boolean
}

export interface Session {
  readonly database: string
  /** False inside a transaction, and after one that has ended by itself until its client has ended it. */
  readonly isAutocommit: boolean
  /** Highest log index that this session has written or read at: its read-your-writes token. */
  readonly lastIndex: bigint
  /** Of reads that ask for no other. A new session begins with `linearizable`. May be set between calls. */
  consistency: Consistency
  /** Runs exactly one statement, transaction control included. Rejects with a HarmonyError. */
  execute(statement: SqlStatement, options?: ExecuteOptions): Promise<ExecuteResult>
  /**
   * The same at once: for a read that is known to be quick, where nobody needs to be asked how fresh this member is, and for
   * BEGIN, COMMIT and ROLLBACK around such reads; null for everything else, with nothing done: then `execute`. Throws a HarmonyError.
   * It makes no promise, because for a point read the promises cost more than the read.
   */
  executeNow?(statement: SqlStatement): ExecuteResult | null
  /**
   * What `execute` does, for a lone write where it is known who leads, and for a quick linearizable read about which the leader is asked: true if the receiver will hear; false for everything else, with nothing
   * done: then `execute`. Throws a HarmonyError. The promises of all layers cost more than a short write.
   */
  executeHere?(receiver: ResultReceiver, statement: SqlStatement): boolean
  /** All or nothing, in one round trip to the writer. Rejects with the first failing statement's error. */
  executeAtomic(
    statements: readonly SqlStatement[],
    options?: ExecuteOptions,
  ): Promise<readonly ExecuteResult[]>
  /** Runs steps as their conditions say. Nothing runs ahead of what the caller has taken, beyond one page. */
  batch(steps: readonly BatchStep[], options?: BatchOptions): AsyncGenerator<BatchEvent, void, void>
  /** Runs a script of any number of statements, up to the first error. */
  sequence(sql: string, options?: ExecuteOptions): Promise<void>
  describe(sql: string): Promise<StatementDescription>
  /**
   * Stops the call that is under way, which then rejects with STATEMENT_CANCELLED, nothing of its statement done; the one
   * method that may be called meanwhile. A call that is past stopping (it is being made durable) ends as usual.
   */
  cancel?(): void
  /** Rolls back what is open. Never rejects. */
  close(): Promise<void>
}

/** The gateway as protocols see it. */
export interface Gateway {
  /** Rejects with DATABASE_NOT_FOUND, SHUTTING_DOWN, OVERLOADED, AUTH_INVALID (not a database of the credential). */
  openSession(database: string, credential: Credential): Promise<Session>
}
