/**
 * A `LogStorage` in memory: for trying the core out, for benchmarks and tests. What is durable about it is up to
 * whoever calls it: it performs writes at once.
 */

import { assert } from '../base/assert.ts'
import { entrySizeBytes, INITIAL_HARD_STATE } from './entry.ts'
import type { Entry, HardState, SnapshotMetadata } from './entry.ts'
import type { LogStorage } from './log-storage.ts'
import type { Configuration } from './membership.ts'
import type { StorageWrite } from './ready.ts'

export class MemoryLogStorage implements LogStorage {
  #base: SnapshotMetadata
  #entries: Entry[] = []
  #hardState: HardState = INITIAL_HARD_STATE
  #snapshot: SnapshotMetadata | null = null

  constructor(configuration: Configuration) {
    this.#base = { index: 0, term: 0, configuration }
  }

  get hardState(): HardState {
    return this.#hardState
  }

  base(): SnapshotMetadata {
    return this.#base
  }

  lastIndex(): number {
    return this.#base.index + this.#entries.length
  }

  entries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    const begin = from - this.#base.index - 1
    const end = to - this.#base.index - 1
    assert(begin >= 0 && end <= this.#entries.length, () => `entries ${from} to ${to} are not stored`)
    let sizeBytes = 0
    for (let at = begin; at < end; at += 1) {
      sizeBytes += entrySizeBytes(this.#entries[at]!)
      if (sizeBytes > sizeBytesMax && at > begin) return this.#entries.slice(begin, at)
    }
    return this.#entries.slice(begin, end)
  }

  snapshot(): SnapshotMetadata | null {
    return this.#snapshot
  }

  /** From now on this snapshot is sent to followers that need one. */
  offerSnapshot(snapshot: SnapshotMetadata): void {
    this.#snapshot = snapshot
  }

  /** Performs a write (`StorageWrite` tells how). */
  perform(write: StorageWrite): void {
    if (write.hardState !== null) this.#hardState = write.hardState
    if (write.snapshot !== null) this.#install(write.snapshot)
    const [first] = write.entries
    if (first === undefined) return
    const keep = first.index - this.#base.index - 1
    assert(keep >= 0 && keep <= this.#entries.length, () => `a write leaves a gap before ${first.index}`)
    this.#entries.length = keep
    for (const entry of write.entries) this.#entries.push(entry)
  }

  #install(snapshot: SnapshotMetadata): void {
    this.#base = snapshot
    this.#snapshot = snapshot
    this.#entries = []
  }

  /** Drops the log up to what `Raft.compact` returned. */
  compact(base: SnapshotMetadata): void {
    this.#entries = this.#entries.slice(base.index - this.#base.index)
    this.#base = base
  }
}
