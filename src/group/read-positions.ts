/**
 * Tells those who read the file from other processes what `readIndexNow` would tell them, before they have a reason to ask: the read index of a sole
 * voter that leads, and how far the file is.
 *
 * What makes it safe is the order. The read index told is the commit index, and it is told before anything else is done about the commit: before the
 * write is acknowledged, and before SQLite's COMMIT shows it to anybody. So a reader that finds `appliedIndex >= readIndex` has everything that was
 * acknowledged, and everything that another reader may have seen. Lost: telling when a write is acknowledged. One reader may see a
 * commit in the file before that, and another one, asked later, would answer from the state before.
 */

import type { AppliedIndex } from './applied-index.ts'

export interface ReadPosition {
  /** Null where somebody has to be asked: other members, or the group, for why it can't be read. */
  readonly readIndex: number | null
  readonly appliedIndex: number
}

export type ReadPositionListener = (position: ReadPosition) => void

export class ReadPositions {
  readonly #applied: AppliedIndex
  readonly #readIndex: () => number | null
  readonly #listeners = new Set<ReadPositionListener>()

  constructor(applied: AppliedIndex, readIndex: () => number | null) {
    this.#applied = applied
    this.#readIndex = readIndex
    applied.onAdvance(() => this.tell())
  }

  /** Calls `listener` now and after every change; returns a function that stops it. */
  watch(listener: ReadPositionListener): () => void {
    this.#listeners.add(listener)
    listener(this.#current())
    return () => void this.#listeners.delete(listener)
  }

  /** The read index may be another one. */
  tell(): void {
    if (this.#listeners.size === 0) return
    const position = this.#current()
    for (const listener of this.#listeners) listener(position)
  }

  #current(): ReadPosition {
    return { readIndex: this.#readIndex(), appliedIndex: Number(this.#applied.index) }
  }
}
