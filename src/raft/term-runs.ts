/**
 * The term of every index of a log, in memory, as runs.
 *
 * Terms only grow along a log, so a log of millions of entries has as many runs as it had leaders. Asking
 * for a term therefore never reads the disk, and the back-off after a conflict jumps over whole terms.
 */

import { assert } from '../base/assert.ts'

export class TermRuns {
  /** Where each run begins. The first is the log's base: the entry before the first that is kept. */
  #starts: number[]
  /** The run's term. Strictly growing, except that the base's run may have term 0. */
  #terms: number[]

  constructor(baseIndex: number, baseTerm: number) {
    this.#starts = [baseIndex]
    this.#terms = [baseTerm]
  }

  get baseIndex(): number {
    return this.#starts[0]!
  }

  get lastTerm(): number {
    return this.#terms[this.#terms.length - 1]!
  }

  /** An entry was appended at `index`. */
  append(index: number, term: number): void {
    if (term === this.lastTerm) return
    assert(term > this.lastTerm, () => `term ${term} after ${this.lastTerm} at index ${index}`)
    this.#starts.push(index)
    this.#terms.push(term)
  }

  /** Entries at `from` and beyond are gone. */
  truncate(from: number): void {
    assert(from > this.baseIndex, () => `truncation at ${from}, at or below the base ${this.baseIndex}`)
    while (this.#starts[this.#starts.length - 1]! >= from) {
      this.#starts.pop()
      this.#terms.pop()
    }
  }

  /** Entries up to `baseIndex` are gone; the term at `baseIndex` itself stays known. */
  compact(baseIndex: number): void {
    const run = this.#runOf(baseIndex)
    this.#starts = [baseIndex, ...this.#starts.slice(run + 1)]
    this.#terms = this.#terms.slice(run)
  }

  /** The term at `index`, which must not be before the base nor after the log's end (which is not known here). */
  termAt(index: number): number {
    if (index >= this.#starts[this.#starts.length - 1]!) return this.lastTerm
    return this.#terms[this.#runOf(index)]!
  }

  /** The last index at or before `index` whose term is not above `term`; the base if there is none. */
  lastIndexNotAbove(term: number, index: number): number {
    let run = this.#runOf(Math.max(index, this.baseIndex))
    let found = Math.max(index, this.baseIndex)
    while (run > 0 && this.#terms[run]! > term) {
      found = this.#starts[run]! - 1
      run -= 1
    }
    return this.#terms[run]! > term ? this.baseIndex : found
  }

  /** Which run holds `index`: the last that begins at or before it. */
  #runOf(index: number): number {
    assert(index >= this.baseIndex, () => `index ${index} is before the base ${this.baseIndex}`)
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= index) low = middle
      else high = middle - 1
    }
    return low
  }
}
