/** Chance for fuzzers: an input is a function of the seed and its number, so that one input comes back without those before it. */

export class FuzzRandom {
  #state: number

  constructor(seed: number, input: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(input + 1, 0xc2b2ae35)) >>> 0
    this.#state ^= Math.floor(input / 2 ** 32) ^ Math.floor(seed / 2 ** 32)
  }

  /** An integer from 0 to `count` - 1; 0 for an empty range. (mulberry32) */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * count)
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}
