/** Random numbers of the load: a seed for each client, so that each run asks the same. Not the ones of `host/`, whose 64-bit integers cost more than a read does. */

/** sfc32 of C. Doty-Humphrey's PractRand: passes its tests, four additions a number. */
export class LoadRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = 0x9e3779b9
    this.#c = 0x243f6a88
    for (let warmUp = 0; warmUp < 12; warmUp++) this.u32()
  }

  u32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** In [0, 1). */
  float(): number {
    return this.u32() / 2 ** 32
  }

  /** In [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  /** In [low, high], both included, as TPC-C counts. */
  between(low: number, high: number): number {
    return low + this.integer(high - low + 1)
  }

  /** Letters and digits. */
  text(length: number): string {
    let text = ''
    while (text.length < length) text += this.u32().toString(36)
    return text.slice(0, length)
  }
}
