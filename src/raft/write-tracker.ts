/**
 * Writes on their way to storage, and what of the log is durable.
 *
 * Completions are reported in any order; a write counts only when all earlier ones do, so a crash can't take
 * back what was counted. Each write vouches for the log up to its `reach`. Truncating the log lowers the reach
 * of every write under way, so a late completion never vouches for an index that was replaced since: not
 * even if an entry of the same index and term was put back afterwards (the ABA problem).
 */

import { assert } from '../base/assert.ts'

interface WriteUnderWay {
  readonly number: number
  /** The log is durable up to here once this write and all before it are. */
  reach: number
  readonly isSnapshot: boolean
  done: boolean
}

export class WriteTracker {
  #underWay: WriteUnderWay[] = []
  #lastNumber = 0
  #durableNumber = 0
  #durableIndex: number

  constructor(durableIndex: number) {
    this.#durableIndex = durableIndex
  }

  /** The number of the newest write; the next one has the number after it. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /** All writes up to this number are durable. */
  get durableNumber(): number {
    return this.#durableNumber
  }

  /** The log in memory is on disk up to this index. */
  get durableIndex(): number {
    return this.#durableIndex
  }

  /** A write that takes the log to `reach` begins. Its number. */
  begin(reach: number, isSnapshot: boolean): number {
    this.#lastNumber += 1
    this.#underWay.push({ number: this.#lastNumber, reach, isSnapshot, done: false })
    return this.#lastNumber
  }

  /** A write is durable. Whether that completed the installation of a snapshot. */
  complete(number: number): boolean {
    const write = this.#underWay.find((candidate) => candidate.number === number)
    assert(write !== undefined && !write.done, () => `write ${number} is not under way`)
    write.done = true
    let installed = false
    while (this.#underWay.length > 0 && this.#underWay[0]!.done) {
      const first = this.#underWay.shift()!
      this.#durableNumber = first.number
      this.#durableIndex = Math.max(this.#durableIndex, first.reach)
      installed ||= first.isSnapshot
    }
    return installed
  }

  /** Entries at `from` and beyond were replaced: what was written of them counts no more. */
  truncate(from: number): void {
    this.#durableIndex = Math.min(this.#durableIndex, from - 1)
    for (const write of this.#underWay) write.reach = Math.min(write.reach, from - 1)
  }
}
