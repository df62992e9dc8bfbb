/** Settings of a gateway with their defaults and the reason for each. Times are milliseconds, sizes bytes. */

import { STATEMENT_TIMEOUT_MS } from '../base/statement-timeout.ts'

export interface GatewayConfiguration {
  /** Open sessions. A session in autocommit holds a few hundred bytes; protocols hold more per connection. */
  readonly sessionsMax: number
  /** Open transactions. Each may hold a read transaction, which keeps the WAL from being reset. */
  readonly transactionsMax: number
  /**
   * Between two statements of a transaction. libSQL's 5 s for the whole transaction ends people's debugging sessions and
   * slow jobs; a transaction that does nothing for 10 s while it holds the writer is most likely abandoned.
   */
  readonly transactionIdleTimeoutMs: number
  /** From BEGIN to COMMIT. */
  readonly transactionTotalTimeoutMs: number
  /** How long BEGIN IMMEDIATE, or the first write, waits for the writer; then TRANSACTION_BUSY. */
  readonly writerWaitTimeoutMs: number
  /** How long a linearizable read looks for a leader that confirms its index: several elections fit. Then NOT_LEADER. */
  readonly readIndexTimeoutMs: number
  /** How long a read waits until its index is applied here. */
  readonly appliedWaitTimeoutMs: number
  /** Of one statement that reads; enforced by ending the process that runs it. The writer gets the same bound. */
  readonly statementTimeoutMs: number
  /** How long a statement waits for a query worker. */
  readonly workerWaitTimeoutMs: number
  /** Of one statement's or one atomic batch's whole result, where it is collected in memory. */
  readonly resultSizeBytesMax: number
  /** Of one statement's result that is taken page by page (batches): it never is in memory as a whole. */
  readonly streamedSizeBytesMax: number
  /** Steps of one batch, and statements of one script or atomic call. */
  readonly batchStepsMax: number
  /** A database that nobody has a session on is let go after this time. */
  readonly databaseIdleTimeMs: number
  /** How long open transactions may go on when the gateway shuts down. */
  readonly drainTimeoutMs: number
}

const MIB = 1024 * 1024

export const GATEWAY_DEFAULTS: GatewayConfiguration = {
  sessionsMax: 20_000,
  transactionsMax: 1_000,
  transactionIdleTimeoutMs: 10_000,
  transactionTotalTimeoutMs: 60_000,
  writerWaitTimeoutMs: 5_000,
  readIndexTimeoutMs: 10_000,
  appliedWaitTimeoutMs: 5_000,
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  workerWaitTimeoutMs: 10_000,
  resultSizeBytesMax: 32 * MIB,
  streamedSizeBytesMax: 4096 * MIB,
  batchStepsMax: 10_000,
  databaseIdleTimeMs: 30_000,
  drainTimeoutMs: 5_000,
}
