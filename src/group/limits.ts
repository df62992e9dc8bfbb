/** Bounds of one group with their defaults and the reason for each. Times are milliseconds, sizes bytes. */

export interface GroupLimits {
  /** Transactions that wait for a batch; beyond it OVERLOADED. At 10,000 writes a second this is two seconds of waiting. */
  readonly waitingRequestsMax: number
  /** Size of their statements and values. They are held in memory. */
  readonly waitingSizeBytesMax: number
  /** Who comes when the oldest of those who wait has waited for so long is refused with OVERLOADED: it would wait as long. */
  readonly waitingTimeMsMax: number
  /** Interactive transactions that wait for the writer; beyond it OVERLOADED. Each may hold it for seconds. */
  readonly waitingTransactionsMax: number
  /** How long a transaction waits for a batch while an interactive one holds the writer; then TRANSACTION_BUSY. */
  readonly batchWaitTimeoutMs: number
  /** Of one batch. A larger one saves nothing more per transaction and makes those in it wait longer. */
  readonly batchRequestsMax: number
  readonly batchSizeBytesMax: number
  /** Entries applied since the last checkpoint, in bytes. It bounds the work at a restart and the size of the WAL. */
  readonly checkpointSizeBytes: number
  /** The same in number of entries. */
  readonly checkpointEntries: number
  /**
   * Entries that the log keeps for followers that were away for a moment and would need a snapshot otherwise. Not with a single member. The
   * index of the journal holds some 150 bytes in memory for each.
   */
  readonly tailEntries: number
  /** The same in bytes. */
  readonly tailSizeBytes: number
  /** The same for a database that nobody uses. */
  readonly restingTailEntries: number
  /** While a copy is made, sent or just installed somewhere, the log keeps up to so many entries for who has it: more than are written meanwhile. */
  readonly snapshotTailEntries: number
  /** The same in bytes. Beyond it the receiver may need another copy. */
  readonly snapshotTailSizeBytes: number
  /** A copy that nobody uses is kept for so long: for a receiver that comes back after its connection was lost, and for the next one. */
  readonly snapshotLingerMs: number
  /** How long a client waits for the fate of its transaction after the leadership was lost; then OUTCOME_UNKNOWN. */
  readonly unknownAfterMs: number
  /** How long a member that stops tries to hand a leadership over; then the others elect a leader by themselves. */
  readonly handOverTimeoutMs: number
  /** How much of the log is replayed with one call of the engine. */
  readonly replaySizeBytes: number
  /**
   * Processes for engines. With more awake databases than that, some share one, and wait for each other's long writes. Each
   * takes some 40 MB of its own.
   */
  readonly engineProcessesMax: number
  /** What SQLite and JavaScript may hold in one of them (sorts, large values); then it is killed, and the statement fails. */
  readonly engineMemoryBytesMax: number
}

const MIB = 1024 * 1024

export const GROUP_DEFAULTS: GroupLimits = {
  waitingRequestsMax: 20_000,
  waitingSizeBytesMax: 64 * MIB,
  waitingTimeMsMax: 10_000,
  waitingTransactionsMax: 1_000,
  batchWaitTimeoutMs: 10_000,
  batchRequestsMax: 1_024,
  batchSizeBytesMax: 4 * MIB,
  checkpointSizeBytes: 16 * MIB,
  checkpointEntries: 50_000,
  tailEntries: 10_000,
  tailSizeBytes: 32 * MIB,
  restingTailEntries: 500,
  snapshotTailEntries: 200_000,
  snapshotTailSizeBytes: 512 * MIB,
  snapshotLingerMs: 60_000,
  unknownAfterMs: 5_000,
  handOverTimeoutMs: 2_000,
  replaySizeBytes: 4 * MIB,
  engineProcessesMax: 4,
  engineMemoryBytesMax: 1024 * MIB,
}
