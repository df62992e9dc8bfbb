/**
 * Damage to bytes that are right. Random bytes only ever test the first check; what was right and is wrong in one place gets as far as that
 * place. Length fields and counts get numbers of every size on purpose, because a parser that believes one allocates it.
 */

import type { FuzzRandom } from './random.ts'

/** Larger inputs cost time and find nothing that smaller ones don't. */
const INPUT_BYTES_MAX = 64 * 1024
const REPEATS_MAX = 64

const BYTES = [0, 1, 2, 0x0a, 0x20, 0x22, 0x2c, 0x30, 0x5b, 0x7b, 0x7f, 0x80, 0xff]
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
const LARGE_NUMBERS = [2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

export interface Material {
  /** Inputs that are right. */
  readonly corpus: readonly Uint8Array[]
  /** Pieces that mean something where this is parsed. */
  readonly pieces: readonly Uint8Array[]
}

/** An input that was right, with some damage; once in a while none, or nothing but noise. */
export function mutate(random: FuzzRandom, material: Material): Uint8Array {
  if (random.oneIn(64)) return noise(random, random.below(256))
  let bytes = random.pick(material.corpus)
  if (random.oneIn(32)) return bytes
  for (let times = random.oneIn(16) ? 16 : 1 + random.below(2); times > 0; times--)
    bytes = random.pick(DAMAGES)(bytes, random, material).subarray(0, INPUT_BYTES_MAX)
  return bytes
}

type Damage = (bytes: Uint8Array, random: FuzzRandom, material: Material) => Uint8Array

const DAMAGES: readonly Damage[] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.length)
    return overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.below(8))))
  },
  function setByte(bytes, random) {
    const byte = random.oneIn(2) ? random.below(256) : random.pick(BYTES)
    return overwrite(bytes, random.below(bytes.length), Uint8Array.of(byte))
  },
  function setNumber(bytes, random) {
    const sizeBytes = random.pick([2, 4, 8])
    return overwrite(bytes, random.below(bytes.length), fixedNumber(random, bytes.length, sizeBytes))
  },
  function setVarint(bytes, random) {
    const at = random.below(bytes.length)
    return splice(bytes, at, at + 1, varint(someNumber(random, bytes.length)))
  },
  function cutEnd(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length))
  },
  function cutOut(bytes, random) {
    const at = random.below(bytes.length)
    return splice(bytes, at, at + 1 + random.below(16), new Uint8Array())
  },
  function repeatPart(bytes, random) {
    const at = random.below(bytes.length)
    const part = bytes.subarray(at, at + 1 + random.below(64))
    const times = 1 + random.below(random.oneIn(8) ? REPEATS_MAX : 2)
    const repeated = new Uint8Array(part.length * times)
    for (let time = 0; time < times; time++) repeated.set(part, time * part.length)
    return splice(bytes, at, at, repeated)
  },
  function spliceOther(bytes, random, { corpus }) {
    const other = random.pick(corpus)
    const from = random.below(other.length)
    const part = other.subarray(from, random.oneIn(2) ? other.length : from + random.below(64))
    const at = random.below(bytes.length)
    return splice(bytes, at, random.oneIn(2) ? bytes.length : at + part.length, part)
  },
  function insertNoise(bytes, random) {
    const at = random.below(bytes.length + 1)
    return splice(bytes, at, at, noise(random, 1 + random.below(8)))
  },
  function insertPiece(bytes, random, { pieces }) {
    if (pieces.length === 0) return bytes
    const at = random.below(bytes.length + 1)
    return splice(bytes, at, random.oneIn(2) ? at : at + random.below(8), random.pick(pieces))
  },
]

function noise(random: FuzzRandom, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, () => random.below(256))
}

/** Of any size; often one that is nearly right for the length that is there. */
function someNumber(random: FuzzRandom, lengthBytes: number): bigint {
  if (random.oneIn(3)) return BigInt(Math.max(0, lengthBytes + random.below(9) - 4))
  return random.oneIn(2) ? BigInt(random.pick(NUMBERS)) : random.pick(LARGE_NUMBERS)
}

function fixedNumber(random: FuzzRandom, lengthBytes: number, sizeBytes: number): Uint8Array {
  const number = BigInt.asUintN(sizeBytes * 8, someNumber(random, lengthBytes))
  const bytes = Uint8Array.from({ length: sizeBytes }, (_, at) => Number((number >> BigInt(at * 8)) & 255n))
  return random.oneIn(2) ? bytes : bytes.toReversed()
}

function varint(number: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = number
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Uint8Array.from([...bytes, Number(rest)])
}

function overwrite(bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  changed.set(part.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
  return changed
}

function splice(bytes: Uint8Array, from: number, to: number, part: Uint8Array): Uint8Array {
  const end = Math.min(bytes.length, Math.max(from, to))
  const changed = new Uint8Array(from + part.length + bytes.length - end)
  changed.set(bytes.subarray(0, from))
  changed.set(part, from)
  changed.set(bytes.subarray(end), from + part.length)
  return changed
}
