/**
 * A log in memory: a base and the entries after it. It is used three times for each simulated replica: as
 * what the core has handed out, as what the core reads back, and as what is durable on the disk.
 */

import type { Entry, SnapshotMetadata } from '../../src/raft/entry.ts'
import { entrySizeBytes } from '../../src/raft/entry.ts'
import { assert } from '../../src/base/assert.ts'

export class MemoryLog {
  #base: SnapshotMetadata
  #entries: Entry[] = []

  constructor(base: SnapshotMetadata, entries: readonly Entry[] = []) {
    this.#base = base
    this.#entries = [...entries]
  }

  get base(): SnapshotMetadata {
    return this.#base
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term
  }

  /** The term of the entry at `index`; null outside base and last index. */
  term(index: number): number | null {
    if (index === this.#base.index) return this.#base.term
    return this.entry(index)?.term ?? null
  }

  entry(index: number): Entry | null {
    return this.#entries[index - this.#base.index - 1] ?? null
  }

  all(): readonly Entry[] {
    return this.#entries
  }

  /** Entries from `from` up to and without `to` that fit the size, at least one. */
  slice(from: number, to: number, sizeBytesMax: number): Entry[] {
    const result: Entry[] = []
    let sizeBytes = 0
    for (let index = from; index < to; index += 1) {
      const entry = this.entry(index)
      assert(entry !== null, () => `index ${index} is not in the log ${this.#base.index}..${this.lastIndex}`)
      sizeBytes += entrySizeBytes(entry)
      if (result.length > 0 && sizeBytes > sizeBytesMax) break
      result.push(entry)
    }
    return result
  }

  /** Replaces everything from the first of `entries` on. Returns the index below which nothing changed. */
  write(entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    const keep = first.index - this.#base.index - 1
    assert(keep >= 0 && keep <= this.#entries.length, () => `entries at ${first.index} leave a hole`)
    this.#entries.length = keep
    for (const entry of entries) this.#entries.push(entry)
  }

  /** Replaces the whole log by a snapshot. */
  install(snapshot: SnapshotMetadata): void {
    this.#base = snapshot
    this.#entries = []
  }

  /** Drops what `base` covers. */
  compact(base: SnapshotMetadata): void {
    if (base.index <= this.#base.index) return
    this.#entries = this.#entries.slice(base.index - this.#base.index)
    this.#base = base
  }

  copy(): MemoryLog {
    return new MemoryLog(this.#base, this.#entries)
  }
}
