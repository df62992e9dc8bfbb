/**
 * Tells those who read the file from other processes what `readIndexNow` would tell them, before they have a reason to ask: the read index of a sole
 * voter that leads, and how far the file is.
 *
 * What makes it safe is the order. The read index told is the commit index, and it is told before anything else is done about the commit: before the
 * write is acknowledged, and before SQLite's COMMIT shows it to anybody. So a reader that finds `appliedIndex >= readIndex` has everything that was
 * acknowledged, and everything that another reader may have seen. Lost: telling when a write is acknowledged. One reader may see a
 * commit in the file before that, and another one, asked later, would answer from the state before.
 */

import type { ReadPosition } from '../base/transaction.ts'
import type { AppliedIndex } from './applied-index.ts'

export type ReadPositionListener = (position: ReadPosition) => void

export class ReadPositions {
  readonly #applied: AppliedIndex
  readonly #readIndex: () => number | null
  readonly #listeners = new Set<ReadPositionListener>()
  /** All who listen know that somebody has to be asked. */
  #isNoneTold = false

  constructor(applied: AppliedIndex, readIndex: () => number | null) {
    this.#applied = applied
    this.#readIndex = readIndex
    applied.onAdvance(() => this.tell())
  }

  /** Calls `listener` now and after every change; where somebody has to be asked, once. Returns a function that stops it. */
  watch(listener: ReadPositionListener): () => void {
    this.#listeners.add(listener)
    this.#isNoneTold = false
    this.tell()
    return () => void this.#listeners.delete(listener)
  }

  /** The read index may be another one. */
  tell(): void {
    if (this.#listeners.size === 0) return
    const readIndex = this.#readIndex()
    // With other members that goes on and on, and the applied index alone is of no use.
    if (readIndex === null && this.#isNoneTold) return
    this.#isNoneTold = readIndex === null
    const position = { readIndex, appliedIndex: Number(this.#applied.index) }
    for (const listener of this.#listeners) listener(position)
  }
}
