/**
 * Where the reads of one transaction see the same state: an open read transaction, in one of two places.
 *
 * `LocalSnapshot` is a connection on the gateway's thread, cheap, for quick statements. At the first statement that is
 * not quick it moves to a process, if the database is still the same: SQLite has no way to open an older snapshot by
 * name from `node:sqlite`. If it has changed, the transaction conflicts. A transaction that will write would have conflicted
 * anyway; one that only reads has BEGIN READONLY, which takes a `WorkerSnapshot` from the start.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { ReadPage, ReadRequest } from './database-reader.ts'
import type { HeldConnection } from './held-connection.ts'
import { stoppedError } from './query-process.ts'
import type { Lease } from './worker-pool.ts'
import { askFor, pagesOf } from './worker-read.ts'

export interface Snapshot {
  readonly index: bigint
  read(request: ReadRequest): AsyncGenerator<ReadPage, void, void>
  close(): void
}

const BEGIN_TIMEOUT_MS = 5_000

export class LocalSnapshot implements Snapshot {
  #index: bigint
  readonly #connection: HeldConnection
  readonly #toWorker: (index: bigint | null) => Promise<WorkerSnapshot>
  readonly #onClosed: () => void
  #moved: WorkerSnapshot | null = null
  #hasRead = false
  #isClosed = false

  constructor(
    connection: HeldConnection,
    appliedIndex: bigint,
    toWorker: (index: bigint | null) => Promise<WorkerSnapshot>,
    onClosed: () => void,
  ) {
    this.#connection = connection
    this.#index = connection.pin(appliedIndex)
    this.#toWorker = toWorker
    this.#onClosed = onClosed
  }

  get index(): bigint {
    return this.#index
  }

  async *read(request: ReadRequest): AsyncGenerator<ReadPage, void, void> {
    if (this.#isClosed) throw stoppedError()
    if (this.#moved === null) {
      const { statement, context, resultSizeBytesMax } = request
      const quick = this.#connection.read(statement, context, this.#index, resultSizeBytesMax)
      if (quick !== null) {
        this.#hasRead = true
        yield quick
        return
      }
      // A transaction that has read nothing yet is bound to no state: any later one does.
      this.#moved = await this.#toWorker(this.#hasRead ? this.#index : null)
      this.#index = this.#moved.index
      if (this.#isClosed) {
        this.#moved.close()
        throw stoppedError()
      }
      this.#connection.unpin()
    }
    yield* this.#moved.read(request)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#moved?.close()
    this.#connection.unpin()
    this.#onClosed()
  }
}

export class WorkerSnapshot implements Snapshot {
  readonly index: bigint
  readonly #lease: Lease
  readonly #dataFile: string
  readonly #onClosed: () => void
  #isReading = false
  #isClosed = false

  constructor(index: bigint, lease: Lease, dataFile: string, onClosed: () => void) {
    this.index = index
    this.#lease = lease
    this.#dataFile = dataFile
    this.#onClosed = onClosed
  }

  static async open(lease: Lease, dataFile: string, onClosed: () => void): Promise<WorkerSnapshot> {
    const { index } = await askFor(lease.worker, 'begun', { type: 'begin', dataFile }, BEGIN_TIMEOUT_MS)
    return new WorkerSnapshot(index, lease, dataFile, onClosed)
  }

  async *read(request: ReadRequest): AsyncGenerator<ReadPage, void, void> {
    if (this.#isClosed) throw stoppedError()
    if (this.#lease.worker.isDead)
      throw new HarmonyError(
        'TRANSACTION_ABORTED',
        'The transaction has lost its snapshot, because an earlier statement of it was stopped. Roll it back and retry.',
      )
    this.#isReading = true
    try {
      yield* pagesOf(this.#lease.worker, this.#dataFile, request)
    } finally {
      this.#isReading = false
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClosed()
    void this.#end().finally(() => this.#lease.release())
  }

  async #end(): Promise<void> {
    if (this.#lease.worker.isDead) return
    // A statement in the middle of its rows answers nobody any more; only the process can be ended.
    if (this.#isReading) return this.#lease.worker.kill(stoppedError())
    await askFor(this.#lease.worker, 'ended', { type: 'end' }, BEGIN_TIMEOUT_MS).catch(() => undefined)
  }
}
