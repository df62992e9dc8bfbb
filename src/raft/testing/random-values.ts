/** Seeded choices for property tests. */

import { seededRandom } from './seeded-random.ts'

export class RandomValues {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed)
  }

  /** From 0 to `count` - 1. */
  below(count: number): number {
    return this.#next() % count
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  /** Each of `values` with the same chance, in their order. */
  subset<T>(values: readonly T[], percent = 50): T[] {
    return values.filter(() => this.chance(percent))
  }
}
