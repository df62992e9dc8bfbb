/**
 * Reading and writing of binary formats: log entries, journal records, peer and thread messages.
 *
 * Integers are little-endian. A varint is LEB128: seven bits a byte, lowest first, the high bit set on all
 * bytes but the last. Strings are UTF-8. `bytes` and `string` carry a varint length before them.
 *
 * A reader trusts nothing: every read is checked against the end of its input and throws a `DecodeError`
 * with the offset, because its input may come from a damaged disk or a hostile peer. Writers check their
 * arguments with assertions, because those come from our own code.
 */

import { assert } from './assert.ts'

/** The bytes are not what the format says. Whoever knows the file or peer turns it into a HarmonyError. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** Offset of the offending field in the reader's input. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`)
    this.offset = offset
  }
}

// Both exist in every JavaScript host. `base` compiles without any host's type library, hence the declarations.
declare const TextEncoder: new () => {
  encodeInto(text: string, target: Uint8Array): { read: number; written: number }
}
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const CAPACITY_MIN_BYTES = 64
const VARINT_BYTES_MAX = 10
/** A string at most this long is written character by character while it is ASCII: faster than the encoder. */
const SHORT_STRING_CHARS = 24
const U64_MAX = 2n ** 64n - 1n

/** Appends fields to a buffer that grows as needed. Reusable through `reset`. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView<ArrayBuffer>
  #length = 0

  constructor(capacityBytes: number = CAPACITY_MIN_BYTES) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, CAPACITY_MIN_BYTES))
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** Forgets what was written and keeps the buffer. Views that `view` gave become invalid. */
  reset(): void {
    this.#length = 0
  }

  /** What was written, without a copy: valid until the next write or reset. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What was written, as a copy of its own. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }

  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, 'not a u8')
    const at = this.#take(1)
    this.#bytes[at] = value
    return this
  }

  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, 'not a u32')
    const at = this.#take(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  u64(value: bigint): this {
    assert(value >= 0n && value <= U64_MAX, 'not a u64')
    const at = this.#take(8)
    this.#view.setBigUint64(at, value, true)
    return this
  }

  i64(value: bigint): this {
    assert(BigInt.asIntN(64, value) === value, 'not an i64')
    const at = this.#take(8)
    this.#view.setBigInt64(at, value, true)
    return this
  }

  f64(value: number): this {
    const at = this.#take(8)
    this.#view.setFloat64(at, value, true)
    return this
  }

  boolean(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  /** A safe integer, not negative. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'not a varint')
    this.#reserve(VARINT_BYTES_MAX)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
    return this
  }

  /** Any u64, in as few bytes as it needs. */
  bigVarint(value: bigint): this {
    if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return this.varint(Number(value))
    assert(value >= 0n && value <= U64_MAX, 'not a u64')
    this.#reserve(VARINT_BYTES_MAX)
    let rest = value
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  /** Bytes as they are, with no length before them. */
  raw(bytes: Uint8Array): this {
    const at = this.#take(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /** A lone surrogate, which UTF-8 can't express, becomes U+FFFD. */
  string(text: string): this {
    if (text.length <= SHORT_STRING_CHARS && this.#shortAscii(text)) return this
    // UTF-16 text takes at most three bytes of UTF-8 for each code unit.
    this.#reserve(VARINT_BYTES_MAX + text.length * 3)
    const scratchAt = this.#length + VARINT_BYTES_MAX
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(scratchAt))
    this.varint(written)
    this.#bytes.copyWithin(this.#length, scratchAt, scratchAt + written)
    this.#length += written
    return this
  }

  /** Overwrites a u32 written before, for lengths and checksums that are known only later. */
  patchU32(offset: number, value: number): void {
    assert(offset >= 0 && offset + 4 <= this.#length, 'patch outside what was written')
    this.#view.setUint32(offset, value, true)
  }

  #shortAscii(text: string): boolean {
    this.#reserve(1 + text.length)
    const at = this.#length
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) return false
      this.#bytes[at + 1 + index] = unit
    }
    this.#bytes[at] = text.length
    this.#length = at + 1 + text.length
    return true
  }

  #take(sizeBytes: number): number {
    this.#reserve(sizeBytes)
    const at = this.#length
    this.#length += sizeBytes
    return at
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#length + sizeBytes
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.view())
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads fields in the order in which they were written. Byte fields are views of the input, not copies. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset: number
  readonly #end: number

  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'reader outside its input')
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = start
    this.#end = end
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#end - this.#offset
  }

  u8(): number {
    const at = this.#take(1)
    return this.#view.getUint8(at)
  }

  u32(): number {
    const at = this.#take(4)
    return this.#view.getUint32(at, true)
  }

  u64(): bigint {
    const at = this.#take(8)
    return this.#view.getBigUint64(at, true)
  }

  i64(): bigint {
    const at = this.#take(8)
    return this.#view.getBigInt64(at, true)
  }

  f64(): number {
    const at = this.#take(8)
    return this.#view.getFloat64(at, true)
  }

  boolean(): boolean {
    const at = this.#offset
    const value = this.u8()
    if (value > 1) throw new DecodeError(`${value} is no boolean`, at)
    return value === 1
  }

  varint(): number {
    const at = this.#offset
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError('varint over 2^53', at)
      if (byte < 0x80) return this.#shortest(byte, scale > 1, at, value)
      scale *= 0x80
    }
  }

  bigVarint(): bigint {
    const at = this.#offset
    let value = 0n
    let shift = 0n
    for (;;) {
      const byte = this.u8()
      value |= BigInt(byte & 0x7f) << shift
      if (value > U64_MAX) throw new DecodeError('varint over 2^64', at)
      if (byte < 0x80) return this.#shortest(byte, shift > 0n, at, value)
      shift += 7n
    }
  }

  /** `sizeBytes` bytes as they are. */
  raw(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  bytes(): Uint8Array {
    return this.raw(this.varint())
  }

  string(): string {
    const at = this.#offset
    const bytes = this.bytes()
    try {
      return decoder.decode(bytes)
    } catch {
      throw new DecodeError('string is not UTF-8', at)
    }
  }

  /** Throws unless everything was read: trailing bytes mean another format, or damage. */
  expectEnd(): void {
    if (this.remaining > 0) throw new DecodeError(`${this.remaining} bytes too many`, this.#offset)
  }

  /** One value has one encoding, so that equal values have equal checksums; it also ends endless zeros. */
  #shortest<T>(lastByte: number, isLong: boolean, at: number, value: T): T {
    if (lastByte === 0 && isLong) throw new DecodeError('varint is longer than it needs', at)
    return value
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.remaining) {
      throw new DecodeError(`${sizeBytes} bytes expected, ${this.remaining} are left`, this.#offset)
    }
    const at = this.#offset
    this.#offset += sizeBytes
    return at
  }
}

/** Whether both hold the same bytes. Not for secrets: it returns at the first difference. */
export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false
  }
  return true
}
