/**
 * Chance for simulations: a generator whose whole future follows from its seed.
 *
 * The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * 2018): four 32-bit words, fast with JavaScript's integers. It is not for secrets.
 *
 * `fork` gives a part of the simulation a stream of its own. The stream depends on the parent's seed and
 * the label only, not on how much the parent has drawn, so a new draw in the network does not change what
 * the clients do, and a seed that has found a bug keeps more of its meaning while the code around it grows.
 */
export class Random {
  readonly #identity: string
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number | string) {
    this.#identity = String(seed)
    const mix = splitMix32(hashText(this.#identity))
    this.#a = mix()
    this.#b = mix()
    this.#c = mix()
    this.#d = mix() | 1 // the state must not be all zeros
  }

  /** An independent stream: the same seed and the same label give the same stream, always. */
  fork(label: string): Random {
    return new Random(`${this.#identity}/${label}`)
  }

  /** An integer from 0 to 2^32 - 1, all equally likely. */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotateLeft(this.#d, 11)
    return result
  }

  /** A number from 0 (included) to 1 (excluded), in steps of 2^-32. */
  fraction(): number {
    return this.uint32() / 4_294_967_296
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1))
  }

  /** A number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low)
  }

  /** True with the given probability. Always draws, so that a rate of 0 and of 1 use up the same chance. */
  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** Exponentially distributed with the given mean: waiting times between events with no memory. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.fraction())
  }

  /** One item of a list that is not empty. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('can not pick from an empty list')
    return items[this.integer(0, items.length - 1)] as T
  }

  /** A new list with the same items in random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items]
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.integer(0, last)
      const item = result[last] as T
      result[last] = result[other] as T
      result[other] = item
    }
    return result
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** FNV-1a over UTF-16 units: spreads labels that differ in one character. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash
}

/** Steele, Lea and Flood's generator, the recommended way to fill xoshiro's state from one word. */
function splitMix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = state ^ (state >>> 16)
    word = Math.imul(word, 0x21f0aaad)
    word ^= word >>> 15
    word = Math.imul(word, 0x735a2d97)
    return word ^ (word >>> 15)
  }
}
