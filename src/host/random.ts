/** Chance as the layers below the gateway see it: injected, so that one seed replays a whole run. */

import { randomBytes } from 'node:crypto'
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

/** The machine's random numbers, unpredictable for anyone. */
export class SystemRandom extends BitSource {
  u64(): bigint {
    return randomBytes(8).readBigUInt64LE()
  }

  override bytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(randomBytes(sizeBytes))
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
