/**
 * A simulated disk that holds one file of records, written only at its end: what a journal stands on.
 *
 * Writing a batch takes an event for each record, then a sync. A sync makes durable what was written when
 * it *began*: all of it, as `fdatasync` does for one file, or with `syncCoversEarlier` off only its own batch, as
 * happens where a journal goes on in a new file. Several syncs may be under way at once and end in any order, as
 * from a thread pool; with `overlappingSyncs` off, they end in the order of the batches.
 *
 * A crash may come at any event, so between any two record writes. What was synced survives. Of the rest,
 * a file system may have written back any part in any order: nothing, everything, a prefix, or some
 * records with holes between them; and the last one reached may be torn. Holes and torn records are `null`
 * in what is found afterwards: a reader, as one with checksums does, must stop there.
 */

import type { EventQueue, ScheduledEvent, TimeUs } from './event-queue.ts'
import type { Random } from './random.ts'

export interface DiskOptions {
  /** Mean time to write one record into the cache of the operating system. */
  readonly writeMeanUs: TimeUs
  readonly syncMinUs: TimeUs
  readonly syncMeanUs: TimeUs
  /** Probability that a sync is slow, and the mean of what is added to it. */
  readonly slowSyncProbability: number
  readonly slowSyncMeanUs: TimeUs
  /** True: several syncs may be under way and end in any order. */
  readonly overlappingSyncs: boolean
  /** False: a sync makes only its own batch durable, and those before it when theirs end. */
  readonly syncCoversEarlier: boolean
}

export const CALM_DISK: DiskOptions = {
  writeMeanUs: 20,
  syncMinUs: 100,
  syncMeanUs: 200,
  slowSyncProbability: 0,
  slowSyncMeanUs: 0,
  overlappingSyncs: true,
  syncCoversEarlier: true,
}

interface Batch<DiskRecord> {
  readonly records: readonly DiskRecord[]
  readonly done: () => void
  readonly mode: 'any-order' | 'in-order' | 'unsynced'
  written: number
}

export class SimulatedDisk<DiskRecord> {
  readonly #queue: EventQueue
  readonly #random: Random
  #options: DiskOptions
  #contents: (DiskRecord | null)[] = []
  /** For each record whether a sync has covered it. */
  #synced: boolean[] = []
  /** Up to here all are. */
  #durable = 0
  /** Where the batch that was synced last ends; what was written unsynced since then belongs to the next sync. */
  #lastSyncEnd = 0
  /** What waits for everything before it to be durable. */
  #waitingForPrefix: { readonly end: number; readonly done: () => void }[] = []
  #waiting: Batch<DiskRecord>[] = []
  readonly #events = new Set<ScheduledEvent>()
  #writing = false
  #syncing = 0
  #stalled = false
  #resume: (() => void)[] = []
  #writesUntilCrash = Infinity
  #crashHook: (() => void) | null = null

  constructor(queue: EventQueue, random: Random, options: DiskOptions) {
    this.#queue = queue
    this.#random = random
    this.#options = options
  }

  setOptions(options: DiskOptions): void {
    this.#options = options
  }

  /** All records, in the order of writing; null for a torn one or a hole left by a crash. */
  get contents(): readonly (DiskRecord | null)[] {
    return this.#contents
  }

  /** How many records, from the first, are sure to survive a crash. */
  get durableCount(): number {
    return this.#durable
  }

  get stalled(): boolean {
    return this.#stalled
  }

  /**
   * Writes the records one by one and syncs; `done` is called when all of them are durable: `in-order` only when
   * all written before them are, too. With `unsynced` it is called when they are written, and a crash may lose them.
   */
  write(
    records: readonly DiskRecord[],
    done: () => void,
    mode: 'any-order' | 'in-order' | 'unsynced' = 'any-order',
  ): void {
    this.#waiting.push({ records, done, mode, written: 0 })
    this.#advance()
  }

  /** While stalled, nothing is written and no sync ends. */
  stall(): void {
    this.#stalled = true
  }

  unstall(): void {
    this.#stalled = false
    const resume = this.#resume
    this.#resume = []
    for (const action of resume) this.#schedule(0, action)
    this.#advance()
  }

  /** Calls `hook` right after the `count`th record from now was written and before anything else happens. */
  crashAfterWrites(count: number, hook: () => void): void {
    this.#writesUntilCrash = count
    this.#crashHook = hook
  }

  /** Loses power: what was not synced may be gone, nothing that was under way completes. */
  crash(): void {
    for (const event of this.#events) event.cancel()
    this.#events.clear()
    this.#waiting = []
    this.#resume = []
    this.#writing = false
    this.#syncing = 0
    this.#stalled = false
    this.#writesUntilCrash = Infinity
    this.#crashHook = null
    this.#waitingForPrefix = []
    this.#contents = this.#survivors()
    this.#durable = this.#contents.length
    this.#synced = this.#contents.map(() => true)
    this.#lastSyncEnd = this.#durable
  }

  /** What a reader does when it opens the file: keeps what is whole up to `count` and cuts off the rest. */
  truncate(count: number): void {
    this.#contents.length = Math.min(this.#contents.length, count)
    this.#synced.length = this.#contents.length
    this.#durable = Math.min(this.#durable, count)
    this.#lastSyncEnd = Math.min(this.#lastSyncEnd, count)
  }

  /** What was synced; of the rest, what chance lets the file system have written back. */
  #survivors(): (DiskRecord | null)[] {
    const fate = this.#random.pick(['lost', 'kept', 'prefix', 'torn', 'holes'] as const)
    const end = this.#random.integer(this.#durable, this.#contents.length)
    const found = this.#contents.map((record, at) => {
      if (this.#synced[at] === true) return record
      return this.#isWrittenBack(fate, at < end) ? record : null
    })
    if (fate === 'torn') return found
    // Records that were never written back are missing at the end, not torn.
    while (found.length > this.#durable && found.at(-1) === null) found.pop()
    return found
  }

  #isWrittenBack(fate: 'lost' | 'kept' | 'prefix' | 'torn' | 'holes', isInPrefix: boolean): boolean {
    if (fate === 'kept') return true
    if (fate === 'holes') return this.#random.chance(0.5)
    return isInPrefix && fate !== 'lost'
  }

  #schedule(delayUs: number, action: () => void): void {
    const event = this.#queue.after(delayUs, () => {
      this.#events.delete(event)
      if (this.#stalled) this.#resume.push(action)
      else action()
    })
    this.#events.add(event)
  }

  /** Starts the next step of the batch at the head, if none is under way. */
  #advance(): void {
    const batch = this.#waiting[0]
    if (batch === undefined || this.#writing || this.#stalled) return
    if (batch.written < batch.records.length) {
      this.#writing = true
      this.#schedule(this.#random.exponential(this.#options.writeMeanUs), () => this.#writeNext(batch))
    } else if (batch.mode === 'unsynced') {
      this.#waiting.shift()
      batch.done()
      this.#advance()
    } else if (this.#options.overlappingSyncs || this.#syncing === 0) {
      this.#waiting.shift()
      this.#sync(batch)
      this.#advance()
    }
  }

  #writeNext(batch: Batch<DiskRecord>): void {
    this.#writing = false
    this.#contents.push(batch.records[batch.written] as DiskRecord)
    this.#synced.push(false)
    batch.written += 1
    this.#writesUntilCrash -= 1
    const hook = this.#crashHook
    if (this.#writesUntilCrash <= 0 && hook !== null) {
      this.#crashHook = null
      hook()
    }
    this.#advance() // does nothing after a crash
  }

  #sync(batch: Batch<DiskRecord>): void {
    const end = this.#contents.length
    const begin = this.#options.syncCoversEarlier ? this.#durable : this.#lastSyncEnd
    this.#lastSyncEnd = end
    this.#syncing += 1
    this.#schedule(this.#syncDuration(), () => {
      this.#syncing -= 1
      for (let at = begin; at < end; at += 1) this.#synced[at] = true
      while (this.#synced[this.#durable] === true) this.#durable += 1
      if (batch.mode === 'in-order') this.#waitingForPrefix.push({ end, done: batch.done })
      else batch.done()
      this.#releasePrefix()
      this.#advance()
    })
  }

  #releasePrefix(): void {
    const ready = this.#waitingForPrefix.filter(({ end }) => end <= this.#durable)
    if (ready.length === 0) return
    this.#waitingForPrefix = this.#waitingForPrefix.filter(({ end }) => end > this.#durable)
    for (const { done } of ready) done()
  }

  #syncDuration(): number {
    const { syncMinUs, syncMeanUs, slowSyncProbability, slowSyncMeanUs } = this.#options
    const slow = this.#random.chance(slowSyncProbability) ? this.#random.exponential(slowSyncMeanUs) : 0
    return syncMinUs + this.#random.exponential(syncMeanUs) + slow
  }
}
