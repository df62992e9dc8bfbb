/**
 * What the core of a simulated replica reads back. It shows a write at any moment that the contract allows
 * (`LogStorage`): when the write was handed to the disk, or when it is durable. It is busy now and then.
 */

import { assert } from '../../src/base/assert.ts'
import type { Entry, SnapshotMetadata } from '../../src/raft/entry.ts'
import type { LogStorage } from '../../src/raft/log-storage.ts'
import type { StorageWrite } from '../../src/raft/ready.ts'
import type { Random } from '../random.ts'
import type { MachineImage } from './machine.ts'
import type { MemoryLog } from './memory-log.ts'

/** A snapshot that can be sent: what it is, and the state itself. */
export interface StoredSnapshot {
  readonly metadata: SnapshotMetadata
  readonly image: MachineImage
}

/** Old snapshots stay for a while, as transfers of them may be under way. */
const SNAPSHOTS_KEPT = 3

export class ReplicaStorage implements LogStorage {
  readonly #log: MemoryLog
  readonly #random: Random
  readonly #busyProbability: number
  readonly #snapshotBusyProbability: number
  /** Writes that were handed out and are not shown yet, in order. */
  #hidden: StorageWrite[] = []
  #snapshots: StoredSnapshot[] = []
  /** False while a core is constructed, which must get all of the log at once. */
  #mayBeBusy = false

  constructor(log: MemoryLog, random: Random, busyProbability: number, snapshotBusyProbability: number) {
    this.#log = log
    this.#random = random
    this.#busyProbability = busyProbability
    this.#snapshotBusyProbability = snapshotBusyProbability
  }

  /** From now on reads may be answered with "being read". */
  constructed(): void {
    this.#mayBeBusy = true
  }

  base(): SnapshotMetadata {
    return this.#log.base
  }

  lastIndex(): number {
    return this.#log.lastIndex
  }

  entries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    assert(from > this.#log.base.index && to <= this.#log.lastIndex + 1, () => {
      return `the core reads ${from} to ${to} of a log from ${this.#log.base.index + 1} to ${this.#log.lastIndex}`
    })
    if (this.#mayBeBusy && this.#random.chance(this.#busyProbability)) return []
    return this.#log.slice(from, to, sizeBytesMax)
  }

  snapshot(): SnapshotMetadata | null {
    if (this.#random.chance(this.#snapshotBusyProbability)) return null
    return this.#snapshots.at(-1)?.metadata ?? null
  }

  /** A write was handed to the disk; it is shown at once if `early`. */
  handed(write: StorageWrite, early: boolean): void {
    this.#hidden.push(write)
    if (early) this.#showUpTo(write.number)
  }

  /** A write is durable, so all before it are. */
  durable(writeNumber: number): void {
    this.#showUpTo(writeNumber)
  }

  compact(base: SnapshotMetadata): void {
    this.#log.compact(base)
  }

  addSnapshot(snapshot: StoredSnapshot): void {
    const newest = this.#snapshots.at(-1)
    if (newest !== undefined && newest.metadata.index >= snapshot.metadata.index) return
    this.#snapshots = [...this.#snapshots, snapshot].slice(-SNAPSHOTS_KEPT)
  }

  snapshotAt(index: number): StoredSnapshot | null {
    return this.#snapshots.find(({ metadata }) => metadata.index === index) ?? null
  }

  #showUpTo(writeNumber: number): void {
    while (this.#hidden[0] !== undefined && this.#hidden[0].number <= writeNumber) {
      const write = this.#hidden.shift()
      if (write === undefined) break
      if (write.snapshot !== null) this.#log.install(write.snapshot)
      this.#log.write(write.entries)
    }
  }
}
