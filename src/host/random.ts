/** Chance as the layers below the gateway see it: injected, so that one seed replays a whole run. */

import { randomFillSync } from 'node:crypto'
import { assert } from '../base/assert.ts'

export interface Random {
  /** 64 random bits, not negative. */
  u64(): bigint
  /** A number in [0, 1). */
  float(): number
  /** An integer in [0, bound). */
  integer(bound: number): number
  bytes(sizeBytes: number): Uint8Array<ArrayBuffer>
}

const FLOAT_STEPS = 2 ** 53

abstract class BitSource implements Random {
  abstract u64(): bigint

  float(): number {
    return Number(this.u64() >> 11n) / FLOAT_STEPS
  }

  integer(bound: number): number {
    assert(Number.isSafeInteger(bound) && bound > 0, 'bound must be a positive integer')
    return Math.floor(this.float() * bound)
  }

  bytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(sizeBytes)
    for (let at = 0; at < sizeBytes; at += 8) {
      let word = this.u64()
      for (let end = Math.min(at + 8, sizeBytes), next = at; next < end; next++) {
        bytes[next] = Number(word & 0xffn)
        word >>= 8n
      }
    }
    return bytes
  }
}

/** A call of the system's source takes microseconds, however few bytes it is asked for; every batch of writes asks for 16. */
const POOL_BYTES = 4_096

/** The machine's random numbers, unpredictable for anyone. Taken from it in advance; each byte is handed out once. */
export class SystemRandom extends BitSource {
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #used = POOL_BYTES

  u64(): bigint {
    return this.#pool.readBigUInt64LE(this.#take(8))
  }

  override bytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (sizeBytes > POOL_BYTES) return randomFillSync(new Uint8Array(sizeBytes))
    const start = this.#take(sizeBytes)
    return Uint8Array.from(this.#pool.subarray(start, start + sizeBytes))
  }

  /** Where the next bytes of the pool are. */
  #take(sizeBytes: number): number {
    if (this.#used + sizeBytes > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const start = this.#used
    this.#used += sizeBytes
    return start
  }
}

const MASK_64 = 2n ** 64n - 1n

/** SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): the same seed, the same numbers. */
export class SeededRandom extends BitSource {
  #state: bigint

  constructor(seed: bigint) {
    super()
    this.#state = seed & MASK_64
  }

  u64(): bigint {
    this.#state = (this.#state + 0x9e3779b97f4a7c15n) & MASK_64
    let word = this.#state
    word = ((word ^ (word >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64
    word = ((word ^ (word >> 27n)) * 0x94d049bb133111ebn) & MASK_64
    return word ^ (word >> 31n)
  }
}
