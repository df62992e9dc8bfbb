/** Keeps the data of the newest entries in memory, over all groups, up to a number of bytes: followers mostly need those. */

import { BoundedQueue } from '../base/queue.ts'
import type { EntryLocation } from './group-index.ts'

export class EntryCache {
  readonly #sizeBytesMax: number
  readonly #locations = new BoundedQueue<EntryLocation>(Number.MAX_SAFE_INTEGER)
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** `location.data` is set; it is forgotten when it is among the oldest over the limit. */
  add(location: EntryLocation): void {
    this.#locations.push(location)
    this.#sizeBytes += location.sizeBytes
    while (this.#sizeBytes > this.#sizeBytesMax) {
      const oldest = this.#locations.shift()
      if (oldest === undefined) return
      this.#sizeBytes -= oldest.sizeBytes
      oldest.data = null
    }
  }
}
