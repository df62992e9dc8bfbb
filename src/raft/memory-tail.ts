/**
 * The end of the log that is kept in memory: entries that storage may not be asked for yet, and durable
 * ones that are still to be applied or sent, so that the usual path never reads the disk.
 *
 * A queue over one array: appending pushes, releasing moves `#head` and lets go of the entries, and the array is cut only
 * when half of it is dead, so both cost O(1) per entry.
 */

import { assert } from '../base/assert.ts'
import { entrySizeBytes } from './entry.ts'
import type { Entry } from './entry.ts'

const CUT_LENGTH_MIN = 1024

/** In the places of the dead part: a thousand large entries must not stay in memory until the array is cut. */
const RELEASED: Entry = { index: 0, term: 0, kind: 'empty', data: new Uint8Array() }

export class MemoryTail {
  #entries: Entry[] = []
  #head = 0
  #firstIndex: number
  #sizeBytes = 0

  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex
  }

  /** The index of the first entry here, or of the next to be appended if there is none. */
  get firstIndex(): number {
    return this.#firstIndex
  }

  /** One beyond the last entry. */
  get endIndex(): number {
    return this.#firstIndex + this.#entries.length - this.#head
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  append(entry: Entry): void {
    assert(entry.index === this.endIndex, () => `entry ${entry.index} appended at ${this.endIndex}`)
    this.#entries.push(entry)
    this.#sizeBytes += entrySizeBytes(entry)
  }

  /** Drops entries at `from` and beyond; an end before the first entry empties it and moves it there. */
  truncate(from: number): void {
    if (from <= this.#firstIndex) return this.reset(from)
    const keep = this.#head + from - this.#firstIndex
    for (let at = keep; at < this.#entries.length; at += 1)
      this.#sizeBytes -= entrySizeBytes(this.#entries[at]!)
    this.#entries.length = Math.min(this.#entries.length, keep)
  }

  reset(firstIndex: number): void {
    this.#entries = []
    this.#head = 0
    this.#firstIndex = firstIndex
    this.#sizeBytes = 0
  }

  /** Drops entries up to and with `index`. */
  release(index: number): void {
    const count = Math.min(index, this.endIndex - 1) - this.#firstIndex + 1
    if (count <= 0) return
    for (let at = this.#head; at < this.#head + count; at += 1) {
      this.#sizeBytes -= entrySizeBytes(this.#entries[at]!)
      this.#entries[at] = RELEASED
    }
    this.#head += count
    this.#firstIndex += count
    if (this.#head >= CUT_LENGTH_MIN && this.#head * 2 >= this.#entries.length) this.#cut()
  }

  /** Entries from `from` up to and without `to`: as many as fit `sizeBytesMax`, at least one. */
  slice(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    assert(
      from >= this.#firstIndex && to <= this.endIndex,
      () => `entries ${from} to ${to} are not in memory`,
    )
    const begin = this.#head + from - this.#firstIndex
    const end = begin + to - from
    let sizeBytes = 0
    for (let at = begin; at < end; at += 1) {
      sizeBytes += entrySizeBytes(this.#entries[at]!)
      if (sizeBytes > sizeBytesMax && at > begin) return this.#entries.slice(begin, at)
    }
    return this.#entries.slice(begin, end)
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
