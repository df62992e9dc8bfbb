/**
 * A simulated disk that holds one file of records, written only at its end: what a journal stands on.
 *
 * Writing a batch takes an event for each record, then a sync. A sync makes durable what was written when
 * it *began*. Several syncs may be under way at once and end in any order, as `fdatasync` does from a
 * thread pool; with `overlappingSyncs` off, they end in the order of the batches.
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
}

export const CALM_DISK: DiskOptions = {
  writeMeanUs: 20,
  syncMinUs: 100,
  syncMeanUs: 200,
  slowSyncProbability: 0,
  slowSyncMeanUs: 0,
  overlappingSyncs: true,
}

interface Batch<DiskRecord> {
  readonly records: readonly DiskRecord[]
  readonly done: () => void
  readonly sync: boolean
  written: number
}

export class SimulatedDisk<DiskRecord> {
  readonly #queue: EventQueue
  readonly #random: Random
  #options: DiskOptions
  #contents: (DiskRecord | null)[] = []
  #durable = 0
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
   * Writes the records one by one and syncs; `done` is called when all of them are durable. Without `sync` it
   * is called when they are written, and a crash may lose them.
   */
  write(records: readonly DiskRecord[], done: () => void, sync = true): void {
    this.#waiting.push({ records, done, sync, written: 0 })
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
    this.#contents = this.#survivors()
    this.#durable = this.#contents.length
  }

  /** What a reader does when it opens the file: keeps what is whole up to `count` and cuts off the rest. */
  truncate(count: number): void {
    this.#contents.length = Math.min(this.#contents.length, count)
    this.#durable = Math.min(this.#durable, count)
  }

  #survivors(): (DiskRecord | null)[] {
    const kept: (DiskRecord | null)[] = this.#contents.slice(0, this.#durable)
    const unsynced = this.#contents.slice(this.#durable)
    if (unsynced.length === 0) return kept
    const fate = this.#random.pick(['lost', 'kept', 'prefix', 'torn', 'holes'] as const)
    const length = fate === 'kept' ? unsynced.length : this.#random.integer(0, unsynced.length)
    switch (fate) {
      case 'lost':
        return kept
      case 'kept':
      case 'prefix':
        return [...kept, ...unsynced.slice(0, length)]
      case 'torn':
        return [...kept, ...unsynced.slice(0, length), null]
      case 'holes':
        return [...kept, ...unsynced.map((record) => (this.#random.chance(0.5) ? record : null))]
    }
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
    } else if (!batch.sync) {
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
    const covered = this.#contents.length
    this.#syncing += 1
    this.#schedule(this.#syncDuration(), () => {
      this.#syncing -= 1
      this.#durable = Math.max(this.#durable, covered)
      batch.done()
      this.#advance()
    })
  }

  #syncDuration(): number {
    const { syncMinUs, syncMeanUs, slowSyncProbability, slowSyncMeanUs } = this.#options
    const slow = this.#random.chance(slowSyncProbability) ? this.#random.exponential(slowSyncMeanUs) : 0
    return syncMinUs + this.#random.exponential(syncMeanUs) + slow
  }
}
