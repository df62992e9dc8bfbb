/**
 * Committed entries on their way through the state machine: handed out in order, each once, and no more
 * bytes at a time than the limit.
 */

import { assert } from '../base/assert.ts'
import { entriesSizeBytes } from './entry.ts'
import type { Entry } from './entry.ts'

export class ApplyWindow {
  readonly #bytesMax: number
  #applied: number
  #handedOut: number
  #bytes = 0
  /** For each batch that is being applied its last index and its size. */
  #batches: { readonly lastIndex: number; readonly sizeBytes: number }[] = []

  constructor(applied: number, bytesMax: number) {
    this.#applied = applied
    this.#handedOut = applied
    this.#bytesMax = bytesMax
  }

  get applied(): number {
    return this.#applied
  }

  get handedOut(): number {
    return this.#handedOut
  }

  get roomBytes(): number {
    return this.#bytesMax - this.#bytes
  }

  hasRoom(): boolean {
    return this.#bytes < this.#bytesMax
  }

  isBusy(): boolean {
    return this.#applied < this.#handedOut
  }

  handOut(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    assert(entries[0]!.index === this.#handedOut + 1, 'committed entries must be handed out in order')
    const lastIndex = entries[entries.length - 1]!.index
    const sizeBytes = entriesSizeBytes(entries)
    this.#handedOut = lastIndex
    this.#bytes += sizeBytes
    this.#batches.push({ lastIndex, sizeBytes })
  }

  /** The host applied everything up to `index`. A batch counts until the whole of it is. */
  finish(index: number): void {
    assert(index >= this.#applied, () => `applied index goes back from ${this.#applied} to ${index}`)
    assert(index <= this.#handedOut, () => `index ${index} is applied, but was not handed out`)
    this.#applied = index
    while (this.#batches.length > 0 && this.#batches[0]!.lastIndex <= index)
      this.#bytes -= this.#batches.shift()!.sizeBytes
  }

  /** A snapshot took the state machine to `index`. */
  jump(index: number): void {
    assert(!this.isBusy(), 'a snapshot was installed while entries were being applied')
    this.#applied = index
    this.#handedOut = index
  }
}
