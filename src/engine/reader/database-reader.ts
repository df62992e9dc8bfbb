/**
 * The read side of one database file, and what all databases of a gateway share: the query workers. Implements the
 * interfaces of `gateway/reader.ts` by structure; `cli` joins the two.
 *
 * A statement is tried on the gateway's thread first (`HeldConnection` says whether it is quick), and goes to a worker
 * otherwise. Which lane it takes there depends on how long it took the last time.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { SessionContext } from '../../base/transaction.ts'
import type { ResultColumn, SqlStatement } from '../../base/value.ts'
import { statementsOf } from '../sql-text.ts'
import { classifyStatement, type ReadStatementClass } from './statement-class.ts'
import { HeldConnection, type QuickResult } from './held-connection.ts'
import { LruMap } from './lru-map.ts'
import type { Description, Row } from './read-connection.ts'
import { READER_DEFAULTS, type ReaderOptions } from './reader-options.ts'
import { LocalSnapshot, type Snapshot, type SnapshotOwner, WorkerSnapshot } from './snapshot.ts'
import { type Lane, WorkerPool } from './worker-pool.ts'
import { describeInWorker, pagesOf } from './worker-read.ts'

export interface ReadRequest {
  readonly statement: SqlStatement
  readonly context: SessionContext
  readonly appliedIndex: bigint
  readonly resultSizeBytesMax: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface ReadPage {
  readonly columns: readonly ResultColumn[] | null
  readonly rows: readonly Row[]
  readonly index: bigint
}

export interface SnapshotOptions {
  readonly appliedIndex: bigint
  readonly isLong: boolean
  readonly waitTimeoutMs: number
}

export interface ReaderStatistics {
  readonly readsInline: number
  readonly readsInWorkers: number
  readonly workers: number
  readonly workersBusy: number
  readonly workersKilled: number
  readonly snapshotsOpen: number
}

/** A statement that a worker compiled within this processor time may be compiled on the gateway's thread. */
const COMPILE_TIME_MS_MAX = 10
/** A statement whose last run took longer than this is a long one. */
export const SHORT_TIME_MS_MAX = 100

const WAITING_MAX = 1_000
/** Longer texts, such as inserts of many rows, seldom come twice. */
const SQL_LENGTH_CACHED_MAX = 16 * 1024

/** Errors of vetting that are not about what the statement says. */
const VETTING_ERRORS: ReadonlySet<string> = new Set(['STATEMENT_TIMEOUT', 'OVERLOADED', 'SHUTTING_DOWN'])

/** What the readers of a gateway share. */
export class ReaderPool {
  readonly options: ReaderOptions
  readonly single: WorkerPool
  readonly snapshots: WorkerPool
  readonly counts: { inline: number; inWorkers: number; snapshotsOpen: number } = {
    inline: 0,
    inWorkers: 0,
    snapshotsOpen: 0,
  }

  constructor(options: Partial<ReaderOptions> = {}) {
    this.options = { ...READER_DEFAULTS, ...options }
    this.single = this.#pool(
      this.options.workersMax,
      Math.max(1, this.options.workersMax - 1),
      this.options.yieldTimeMs,
    )
    this.snapshots = this.#pool(this.options.snapshotWorkersMax, this.options.snapshotWorkersMax, null)
  }

  open(dataFile: string): DatabaseReader {
    return new DatabaseReader(dataFile, this)
  }

  statistics(): ReaderStatistics {
    const single = this.single.statistics()
    const snapshots = this.snapshots.statistics()
    return {
      readsInline: this.counts.inline,
      readsInWorkers: this.counts.inWorkers,
      workers: single.workers + snapshots.workers,
      workersBusy: single.busy + snapshots.busy,
      workersKilled: single.killed + snapshots.killed,
      snapshotsOpen: this.counts.snapshotsOpen,
    }
  }

  /** Of the query workers that run, for diagnostics. */
  processIds(): number[] {
    return [...this.single.processIds(), ...this.snapshots.processIds()]
  }

  async close(): Promise<void> {
    await Promise.all([this.single.close(), this.snapshots.close()])
  }

  #pool(workersMax: number, longMax: number, yieldTimeMs: number | null): WorkerPool {
    const { valueSizeBytesMax, rowSizeBytesMax, mmapSizeBytes, pageRowsMax, pageSizeBytesMax } = this.options
    return new WorkerPool({
      workersMax,
      longMax,
      waitingMax: WAITING_MAX,
      idleTimeMs: this.options.workerIdleTimeMs,
      yieldTimeMs,
      worker: {
        valueSizeBytesMax,
        rowSizeBytesMax,
        mmapSizeBytes,
        pageRowsMax,
        pageSizeBytesMax,
        memoryBytesMax: this.options.workerMemoryBytesMax,
      },
    })
  }
}

export class DatabaseReader {
  readonly #dataFile: string
  readonly #pool: ReaderPool
  /** For single statements, and for the transactions that began at its state. Replaced when it is pinned to a state that is too old. */
  #held: HeldConnection
  readonly #lastTimeMs: LruMap<string, number>
  readonly #classes: LruMap<string, ReadStatementClass>
  readonly #snapshots = new Set<Snapshot>()
  /** That were replaced, and are pinned no more. */
  readonly #spare: HeldConnection[] = []
  #isClosed = false

  constructor(dataFile: string, pool: ReaderPool) {
    this.#dataFile = dataFile
    this.#pool = pool
    this.#held = new HeldConnection(dataFile, pool.options)
    this.#lastTimeMs = new LruMap(pool.options.statementsCachedMax)
    this.#classes = new LruMap(pool.options.statementsCachedMax)
  }

  *split(sql: string): Generator<string, void, void> {
    for (const statement of statementsOf(sql, this.#pool.options.sqlSizeBytesMax)) yield statement.sql
  }

  classify(sql: string): ReadStatementClass {
    if (sql.length > this.#pool.options.sqlSizeBytesMax)
      throw new HarmonyError(
        'STATEMENT_TOO_LARGE',
        `The statement has ${sql.length} characters; the limit is ${this.#pool.options.sqlSizeBytesMax}. Bind large values as arguments.`,
      )
    const known = this.#classes.get(sql)
    if (known !== undefined) return known
    const found = classifyStatement(sql)
    if (sql.length <= SQL_LENGTH_CACHED_MAX) this.#classes.set(sql, found)
    return found
  }

  async describe(sql: string, appliedIndex: bigint): Promise<Description> {
    const known = this.#at(appliedIndex).describe(sql, appliedIndex)
    if (known !== null) return known
    const lease = await this.#pool.single.lease('long', this.#pool.options.workerWaitTimeoutMs)
    try {
      const { description, compileTimeMs } = await describeInWorker(lease.worker, this.#dataFile, sql)
      if (compileTimeMs <= COMPILE_TIME_MS_MAX) this.#held.vet(sql)
      return description
    } finally {
      lease.release()
    }
  }

  async vet(sql: string, appliedIndex: bigint): Promise<void> {
    if (this.isHarmless(sql, appliedIndex)) return
    try {
      await this.describe(sql, appliedIndex)
    } catch (error) {
      if (error instanceof HarmonyError && VETTING_ERRORS.has(error.code)) throw error
    }
  }

  isHarmless(sql: string, appliedIndex: bigint): boolean {
    this.#checkOpen()
    const { isOutdated } = this.#held
    const held = isOutdated ? this.#at(appliedIndex) : this.#held
    return !held.isHazardous(sql, isOutdated ? appliedIndex : null)
  }

  readInline(request: ReadRequest): QuickResult | null {
    const { statement, context, appliedIndex, resultSizeBytesMax } = request
    const result = this.#at(appliedIndex).read(statement, context, appliedIndex, resultSizeBytesMax)
    if (result !== null) this.#pool.counts.inline++
    return result
  }

  async openSnapshot(options: SnapshotOptions): Promise<Snapshot> {
    if (!options.isLong) return this.openSnapshotNow(options.appliedIndex)
    return this.#opened(await this.#openWorkerSnapshot(options.waitTimeoutMs))
  }

  openSnapshotNow(appliedIndex: bigint): Snapshot {
    return this.#opened(new LocalSnapshot(this.#at(appliedIndex), appliedIndex, this.#owner))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const snapshot of this.#snapshots) snapshot.close()
    for (const spare of this.#spare.splice(0)) spare.close()
    this.#held.close()
  }

  async *readInWorker(request: ReadRequest): AsyncGenerator<ReadPage, void, void> {
    const { sql } = request.statement
    const lease = await this.#pool.single.lease(
      this.#laneOf(sql),
      this.#pool.options.workerWaitTimeoutMs,
      request.signal,
    )
    this.#pool.counts.inWorkers++
    const startMs = performance.now()
    try {
      yield* pagesOf(lease.worker, this.#dataFile, request)
    } finally {
      this.#lastTimeMs.set(sql, performance.now() - startMs)
      lease.release()
    }
  }

  #laneOf(sql: string): Lane {
    const lastMs = this.#lastTimeMs.get(sql)
    return lastMs !== undefined && lastMs <= SHORT_TIME_MS_MAX ? 'short' : 'long'
  }

  readonly #owner: SnapshotOwner = {
    moveToWorker: (index) => this.#moveToWorker(index),
    unpin: (connection) => this.#unpin(connection),
    closed: (snapshot) => this.#ended(snapshot),
  }

  /** The connection that may be asked for `appliedIndex`. */
  #at(appliedIndex: bigint): HeldConnection {
    this.#checkOpen()
    if (!this.#held.canServe(appliedIndex))
      this.#held = this.#spare.pop() ?? new HeldConnection(this.#dataFile, this.#pool.options)
    return this.#held
  }

  /** A statement that waited for its state to be applied may come when its gateway has closed everything. */
  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new HarmonyError(
      'SHUTTING_DOWN',
      'The database is not read here any more: the member stops, or it was dropped. Nothing was done; try again.',
    )
  }

  #unpin(connection: HeldConnection): void {
    connection.unpin()
    if (connection === this.#held || connection.isPinned) return
    if (this.#isClosed || this.#spare.length >= SPARE_MAX) {
      connection.close()
      return
    }
    connection.letGo()
    this.#spare.push(connection)
  }

  #opened(snapshot: Snapshot): Snapshot {
    this.#snapshots.add(snapshot)
    this.#pool.counts.snapshotsOpen++
    return snapshot
  }

  async #openWorkerSnapshot(waitTimeoutMs: number): Promise<WorkerSnapshot> {
    const lease = await this.#pool.snapshots.lease('long', waitTimeoutMs)
    try {
      const snapshot: WorkerSnapshot = await WorkerSnapshot.open(lease, this.#dataFile, () =>
        this.#ended(snapshot),
      )
      return snapshot
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** A snapshot in a worker that sees exactly `index`, if one is given; TRANSACTION_CONFLICT if the database has moved on. */
  async #moveToWorker(index: bigint | null): Promise<WorkerSnapshot> {
    const moved = await this.#openWorkerSnapshot(this.#pool.options.workerWaitTimeoutMs)
    if (index === null || moved.index === index) return moved
    moved.close()
    throw new HarmonyError(
      'TRANSACTION_CONFLICT',
      'The database has changed since this transaction began, and the statement may run long, which needs a process ' +
        'of its own that can not see the older state. Retry the transaction, or use BEGIN READONLY.',
    )
  }

  #ended(snapshot: Snapshot): void {
    if (this.#snapshots.delete(snapshot)) this.#pool.counts.snapshotsOpen--
  }
}

/** Each state that transactions are open at needs a connection, and a connection some kilobytes and a millisecond to open. */
const SPARE_MAX = 8
