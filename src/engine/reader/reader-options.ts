/** Settings of the read side, with their defaults. Sizes are bytes, times milliseconds. */

export interface ReaderOptions {
  /** Longest SQL text. SQLite compiles it on the caller's thread, so it bounds what one compilation costs. */
  readonly sqlSizeBytesMax: number
  /** Largest value, row or SQL text of a statement in a query worker. */
  readonly valueSizeBytesMax: number
  /** Largest row of a result: it crosses from its worker in one piece. */
  readonly rowSizeBytesMax: number
  /** Address space that each connection may map of the file; reads through it copy nothing. */
  readonly mmapSizeBytes: number
  /** A held read transaction is let go after this time, used or not, so that the writer can reset the WAL. */
  readonly holdTimeMs: number
  /** Statements and their analyses kept per connection. */
  readonly statementsCachedMax: number
  /** Rows in a page, and how many a statement on the gateway's thread may give. */
  readonly pageRowsMax: number
  readonly pageSizeBytesMax: number
  /** Upper bound of the instructions that a statement may run on the gateway's thread: some milliseconds. */
  readonly inlineWorkMax: number
  /** A statement that took longer than this on the gateway's thread, several times in a row, runs in workers from then on. */
  readonly inlineTimeMsMax: number
  /** Tables with up to this many rows may be walked through on the gateway's thread. */
  readonly smallTableRowsMax: number
  /** Query workers for single statements. They start when first needed and stay. */
  readonly workersMax: number
  /** Query workers for read transactions, one each. */
  readonly snapshotWorkersMax: number
  /** Heap of a worker's JavaScript, and of its SQLite. */
  readonly workerMemoryBytesMax: number
  /** A worker that was not needed for this long ends, down to one. */
  readonly workerIdleTimeMs: number
  /** How long a statement waits for a worker before OVERLOADED. */
  readonly workerWaitTimeoutMs: number
  /** A statement whose client has taken nothing of its result for so long loses its worker while others wait for one. */
  readonly yieldTimeMs: number
}

const MIB = 1024 * 1024

export const READER_DEFAULTS: ReaderOptions = {
  sqlSizeBytesMax: 1 * MIB,
  valueSizeBytesMax: 64 * MIB,
  rowSizeBytesMax: 64 * MIB,
  mmapSizeBytes: 1024 * MIB,
  holdTimeMs: 20,
  statementsCachedMax: 1_000,
  pageRowsMax: 500,
  pageSizeBytesMax: 256 * 1024,
  inlineWorkMax: 100_000,
  inlineTimeMsMax: 20,
  smallTableRowsMax: 500,
  workersMax: 4,
  snapshotWorkersMax: 8,
  workerMemoryBytesMax: 256 * MIB,
  workerIdleTimeMs: 60_000,
  workerWaitTimeoutMs: 10_000,
  yieldTimeMs: 2_000,
}
