/**
 * Where the reads of one transaction see the same state: an open read transaction, in one of two places.
 *
 * `LocalSnapshot` is a connection on the gateway's thread, cheap, for quick statements, shared with others that see the same state. At the first statement that is
 * not quick it moves to a process, if the database is still the same: SQLite has no way to open an older snapshot by
 * name from `node:sqlite`. If it has changed, the transaction conflicts. A transaction that will write would have conflicted
 * anyway; one that only reads has BEGIN READONLY, which takes a `WorkerSnapshot` from the start.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { ReadPage, ReadRequest } from './database-reader.ts'
import type { HeldConnection, QuickResult } from './held-connection.ts'
import { stoppedError } from './query-process.ts'
import type { Lease } from './worker-pool.ts'
import { askFor, pagesOf } from './worker-read.ts'

export interface Snapshot {
  readonly index: bigint
  read(request: ReadRequest): AsyncGenerator<ReadPage, void, void>
  readNow(request: ReadRequest): QuickResult | null
  close(): void
}

const BEGIN_TIMEOUT_MS = 5_000

/** What a local snapshot needs of the reader that opened it. */
export interface SnapshotOwner {
  /** A snapshot in a process, which sees exactly `index`, if one is given. Rejects with TRANSACTION_CONFLICT. */
  moveToWorker(index: bigint | null): Promise<WorkerSnapshot>
  unpin(connection: HeldConnection): void
  closed(snapshot: Snapshot): void
}

export class LocalSnapshot implements Snapshot {
  #index: bigint
  readonly #connection: HeldConnection
  readonly #owner: SnapshotOwner
  #moved: WorkerSnapshot | null = null
  #hasRead = false
  #isPinned = true
  #isClosed = false

  constructor(connection: HeldConnection, appliedIndex: bigint, owner: SnapshotOwner) {
    this.#connection = connection
    this.#index = connection.pin(appliedIndex)
    this.#owner = owner
  }

  get index(): bigint {
    return this.#index
  }

  async *read(request: ReadRequest): AsyncGenerator<ReadPage, void, void> {
    if (this.#isClosed) throw stoppedError()
    if (this.#moved === null) {
      const quick = this.readNow(request)
      if (quick !== null) {
        yield quick
        return
      }
      // A transaction that has read nothing yet is bound to no state: any later one does.
      this.#moved = await this.#owner.moveToWorker(this.#hasRead ? this.#index : null)
      this.#index = this.#moved.index
      if (this.#isClosed) {
        this.#moved.close()
        throw stoppedError()
      }
      this.#unpin()
    }
    yield* this.#moved.read(request)
  }

  /** The whole result of a quick statement; null where it must be read otherwise. */
  readNow({ statement, context, resultSizeBytesMax }: ReadRequest): QuickResult | null {
    if (this.#isClosed || this.#moved !== null) return null
    const quick = this.#connection.read(statement, context, this.#index, resultSizeBytesMax)
    if (quick !== null) this.#hasRead = true
    return quick
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#moved?.close()
    this.#unpin()
    this.#owner.closed(this)
  }

  #unpin(): void {
    if (!this.#isPinned) return
    this.#isPinned = false
    this.#owner.unpin(this.#connection)
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

  readNow(): null {
    return null
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
