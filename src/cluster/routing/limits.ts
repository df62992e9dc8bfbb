/** Bounds of routing with their defaults and the reason for each. Times are milliseconds, sizes bytes. */

export interface RoutingLimits {
  /**
   * How long a request that was not done may look for a leader and be tried again; then NOT_LEADER. Several elections fit,
   * so that most clients see a failover as latency only.
   */
  readonly leaderTimeoutMs: number
  /**
   * How long the answer of a leader is waited for; then OUTCOME_UNKNOWN. Longer than the longest statement, what waits before it
   * for the writer, and what a group waits for a majority.
   */
  readonly answerTimeoutMs: number
  /** How long the answer of a leader is waited for after this member has heard that another one leads. */
  readonly supersededGraceMs: number
  /** What more than the time that was asked for is given to BEGIN and to the end of a transaction. */
  readonly graceMs: number
  /** First pause before the same leader is asked again without news of another one. It doubles. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** Who knows no leader for so long asks other members. */
  readonly leaderSilenceMs: number
  /** Transactions that share a call, because they came together. */
  readonly submitsPerCallMax: number
  /** A call or an answer over this is sent in parts of this size, so that no heartbeat waits behind a large one. */
  readonly partSizeBytes: number
  /** Of a whole request or answer, in parts. Beyond: TRANSACTION_TOO_LARGE, before anything is sent. */
  readonly messageSizeBytesMax: number
  /** Of all requests and answers that one other member has here in parts. Beyond: OVERLOADED. */
  readonly partsHeldBytesMax: number
  /** Parts that nobody asks about for so long are forgotten. */
  readonly partsIdleMs: number
  /** Transactions that another member has open here, or that ended and it was not told yet. Beyond: OVERLOADED. */
  readonly heldTransactionsMax: number
}

const MIB = 1024 * 1024

export const ROUTING_DEFAULTS: RoutingLimits = {
  leaderTimeoutMs: 10_000,
  answerTimeoutMs: 60_000,
  supersededGraceMs: 500,
  graceMs: 10_000,
  retryMinMs: 10,
  retryMaxMs: 250,
  leaderSilenceMs: 300,
  submitsPerCallMax: 256,
  partSizeBytes: MIB,
  messageSizeBytesMax: 128 * MIB,
  partsHeldBytesMax: 256 * MIB,
  partsIdleMs: 30_000,
  heldTransactionsMax: 4_096,
}
