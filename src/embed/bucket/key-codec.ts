/**
 * Keys as bytes. Entries are ordered by their keys' bytes, compared as unsigned numbers (memcmp, as bbolt and LMDB do); the codec decides what
 * that order means:
 *
 * - `string`: UTF-8, whose order is that of the code points. Not JavaScript's `<`, which compares UTF-16 units: it differs beyond U+FFFF.
 * - `bytes`: as they are.
 * - `ordered`: lists of null, booleans, numbers, strings, bytes, and lists of these. Numbers are ordered as numbers (-1 < 2 < 10), lists item by item,
 *   different kinds as just listed. A list that another one begins with comes first, and is a prefix of it.
 *
 * The bytes of an item of `ordered` are a tag and then
 *
 *   0x01 null, 0x02 false, 0x03 true   nothing
 *   0x04 number                        8 bytes: IEEE 754, big-endian; all bits turned where it is negative, else the sign bit
 *   0x05 string, 0x06 bytes            the bytes with 0x00 written as 0x00 0xff, then 0x00
 *   0x07 list                          its items, then 0x00
 *
 * A key is its items alone, so that a shorter list is a prefix of its bytes. That is the tuple
 * encoding of FoundationDB with fewer kinds. (Lost: whole numbers of their own kind, shorter, but then 1 and 1.5 would not be neighbours.)
 */

import { HarmonyError } from '../../base/errors.ts'

export interface KeyCodec<K> {
  readonly encode: (key: K) => Uint8Array
  readonly decode: (bytes: Uint8Array) => K
  /** Bytes that keys with this prefix begin with. */
  readonly encodePrefix: (prefix: K) => Uint8Array
  /** What the key is looked up by: its bytes, or the text that has them, which is bound in half of the time. */
  readonly toText: ((key: K) => string) | null
}

export type OrderedItem = null | boolean | number | string | Uint8Array | readonly OrderedItem[]
export type OrderedKey = readonly OrderedItem[]

export type KeyKind = 'string' | 'bytes' | 'ordered'

const TEXT = new TextDecoder()

function checkedString(key: unknown): string {
  if (typeof key !== 'string') throw invalidKey(`is ${describe(key)}, and this bucket's keys are strings`)
  // Each half of a pair alone becomes U+FFFD in UTF-8: two keys would be one.
  if (!key.isWellFormed()) throw invalidKey('holds half of a surrogate pair, which UTF-8 can not tell')
  return key
}

function encodeString(key: string): Uint8Array {
  return Buffer.from(checkedString(key))
}

function encodeBytes(key: Uint8Array): Uint8Array {
  if (key instanceof Uint8Array) return key
  throw invalidKey(`is ${describe(key)}, and this bucket's keys are Uint8Arrays`)
}

export const STRING_KEYS: KeyCodec<string> = {
  encode: encodeString,
  decode: (bytes) => TEXT.decode(bytes),
  encodePrefix: encodeString,
  toText: checkedString,
}

export const BYTES_KEYS: KeyCodec<Uint8Array> = {
  encode: encodeBytes,
  decode: (bytes) => bytes,
  encodePrefix: encodeBytes,
  toText: null,
}

const TAG = { end: 0, null: 1, false: 2, true: 3, number: 4, string: 5, bytes: 6, list: 7 } as const
const ESCAPED = 0xff

function encodeOrdered(key: OrderedKey): Uint8Array {
  if (!Array.isArray(key)) throw invalidKey(`is ${describe(key)}, and this bucket's keys are lists`)
  const out: number[] = []
  for (const item of key as OrderedKey) writeItem(out, item)
  return Uint8Array.from(out)
}

function writeItem(out: number[], item: OrderedItem): void {
  if (item === null) out.push(TAG.null)
  else if (typeof item === 'boolean') out.push(item ? TAG.true : TAG.false)
  else if (typeof item === 'number') writeNumber(out, item)
  else if (typeof item === 'string') writeBytes(out, TAG.string, encodeString(item))
  else if (item instanceof Uint8Array) writeBytes(out, TAG.bytes, item)
  else if (Array.isArray(item)) {
    out.push(TAG.list)
    for (const inner of item as readonly OrderedItem[]) writeItem(out, inner)
    out.push(TAG.end)
  } else
    throw invalidKey(
      `holds ${describe(item)}: null, booleans, numbers, strings, Uint8Arrays and lists have an order`,
    )
}

function writeNumber(out: number[], value: number): void {
  if (Number.isNaN(value)) throw invalidKey('holds NaN, which has no place in an order')
  const view = new DataView(new ArrayBuffer(8))
  // -0 and 0 are one key.
  view.setFloat64(0, value === 0 ? 0 : value)
  const isNegative = view.getUint8(0) >= 0x80
  out.push(TAG.number)
  for (let at = 0; at < 8; at++) {
    const byte = view.getUint8(at)
    out.push(isNegative ? byte ^ 0xff : at === 0 ? byte ^ 0x80 : byte)
  }
}

function writeBytes(out: number[], tag: number, bytes: Uint8Array): void {
  out.push(tag)
  for (const byte of bytes) {
    out.push(byte)
    if (byte === TAG.end) out.push(ESCAPED)
  }
  out.push(TAG.end)
}

class ItemReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Items up to the end, or to the end of a list. */
  items(isInner: boolean): OrderedItem[] {
    const items: OrderedItem[] = []
    for (;;) {
      const tag = this.#next(isInner)
      if (tag === null || (isInner && tag === TAG.end)) return items
      items.push(this.#item(tag))
    }
  }

  #item(tag: number): OrderedItem {
    if (tag === TAG.null) return null
    if (tag === TAG.false || tag === TAG.true) return tag === TAG.true
    if (tag === TAG.number) return this.#number()
    if (tag === TAG.string) return TEXT.decode(this.#escaped())
    if (tag === TAG.bytes) return this.#escaped()
    if (tag === TAG.list) return this.items(true)
    throw notOrdered()
  }

  /** Null at the end, where there may be one. */
  #next(isNeeded: boolean): number | null {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined && isNeeded) throw notOrdered()
    return byte ?? null
  }

  #number(): number {
    const view = new DataView(new ArrayBuffer(8))
    const isNegative = (this.#bytes[this.#at] ?? 0) < 0x80
    for (let at = 0; at < 8; at++) {
      const byte = this.#next(true) as number
      view.setUint8(at, isNegative ? byte ^ 0xff : at === 0 ? byte ^ 0x80 : byte)
    }
    return view.getFloat64(0)
  }

  #escaped(): Uint8Array {
    const out: number[] = []
    for (;;) {
      const byte = this.#next(true) as number
      if (byte !== TAG.end) out.push(byte)
      else if (this.#bytes[this.#at] === ESCAPED) {
        this.#at++
        out.push(byte)
      } else return Uint8Array.from(out)
    }
  }
}

export const ORDERED_KEYS: KeyCodec<OrderedKey> = {
  encode: encodeOrdered,
  decode: (bytes) => new ItemReader(bytes).items(false),
  encodePrefix: encodeOrdered,
  toText: null,
}

function notOrdered(): HarmonyError {
  return invalidKey(
    'was not written as an `ordered` key: open the bucket with the `keys` that it was written with',
  )
}

function invalidKey(what: string): HarmonyError {
  return new HarmonyError('ARGS_INVALID', `The key ${what}.`)
}

export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return `an object (${value.constructor?.name ?? 'without a class'})`
}
