/**
 * Which record an operation asks for. Zipfian as YCSB has it (B. F. Cooper and others, "Benchmarking cloud serving systems with YCSB", SoCC
 * 2010), after J. Gray and others, "Quickly generating billion-record synthetic databases", SIGMOD 1994, section 3.2.
 */

import { assert } from '../base/assert.ts'
import type { LoadRandom } from './random.ts'

/** YCSB's constant: of many records, the most popular one takes some 1 / ln n of the requests. */
const THETA = 0.99

/** Ranks 0 (the most popular) to n - 1, of which n may grow. */
export class Zipfian {
  #count: number
  #zeta: number
  #eta = 0
  readonly #zetaOfTwo: number = 1 + 0.5 ** THETA

  constructor(count: number) {
    assert(count >= 2, 'a Zipfian distribution needs two records')
    this.#count = 0
    this.#zeta = 0
    this.grow(count)
  }

  /** To `count` records; less than before is ignored. */
  grow(count: number): void {
    if (count <= this.#count) return
    for (let rank = this.#count + 1; rank <= count; rank++) this.#zeta += 1 / rank ** THETA
    this.#count = count
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - this.#zetaOfTwo / this.#zeta)
  }

  rank(random: LoadRandom): number {
    const share = random.float()
    const scaled = share * this.#zeta
    if (scaled < 1) return 0
    if (scaled < this.#zetaOfTwo) return 1
    const rank = Math.floor(this.#count * (this.#eta * share - this.#eta + 1) ** (1 / (1 - THETA)))
    return Math.min(rank, this.#count - 1)
  }
}

/** FNV-1a of the number's 32 bits, so that records that are popular are not neighbours. */
export function scatter(ordinal: number): number {
  let hash = 0x811c9dc5
  for (let shift = 0; shift < 32; shift += 8) {
    hash = Math.imul(hash ^ ((ordinal >>> shift) & 0xff), 0x01000193)
  }
  return hash >>> 0
}
