/**
 * Reads the fields of one message, big-endian, each checked against the message's end. What a client claims (a length, a count) is
 * believed only as far as the bytes are there.
 */

import { isUtf8 } from 'node:buffer'
import { PgError, protocolViolation } from '../error.ts'

export class FieldReader {
  readonly #bytes: Buffer
  #offset: number
  readonly #end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#offset = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#offset
  }

  u8(): number {
    const at = this.#take(1)
    return this.#bytes[at] as number
  }

  i16(): number {
    const at = this.#take(2)
    return this.#bytes.readInt16BE(at)
  }

  u16(): number {
    const at = this.#take(2)
    return this.#bytes.readUInt16BE(at)
  }

  i32(): number {
    const at = this.#take(4)
    return this.#bytes.readInt32BE(at)
  }

  u32(): number {
    const at = this.#take(4)
    return this.#bytes.readUInt32BE(at)
  }

  /** A view of the next `sizeBytes` bytes. */
  bytes(sizeBytes: number): Buffer {
    if (sizeBytes < 0) throw protocolViolation(`invalid message: a length of ${sizeBytes}`)
    const at = this.#take(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  /** A string that ends with a zero byte. */
  string(): string {
    // Most names that clients send are empty: the unnamed statement, the unnamed portal.
    if (this.#offset < this.#end && this.#bytes[this.#offset] === 0) {
      this.#offset++
      return ''
    }
    const short = shortString(this.#bytes, this.#offset, this.#end)
    if (short !== null) {
      this.#offset += short.length + 1
      return short
    }
    const zeroAt = this.#bytes.indexOf(0, this.#offset)
    if (zeroAt < 0 || zeroAt >= this.#end) throw protocolViolation('invalid string in message')
    const text = utf8(this.#bytes.subarray(this.#offset, zeroAt))
    this.#offset = zeroAt + 1
    return text
  }

  rest(): Buffer {
    return this.bytes(this.remaining)
  }

  expectEnd(): void {
    if (this.remaining > 0)
      throw protocolViolation(`invalid message format: ${this.remaining} bytes too many`)
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.remaining) throw protocolViolation('insufficient data left in message')
    const at = this.#offset
    this.#offset += sizeBytes
    return at
  }
}

/**
 * Strings that were seen lately, each in the place that its bytes give: clients send the same few names of statements with every message. The
 * same string comes back, so that looking it up in a map is a comparison of pointers.
 */
const KNOWN_STRINGS = 256
const knownStrings: string[] = Array.from({ length: KNOWN_STRINGS }, () => '')

/** The string that ends with a zero byte before `end`; null if it is not short, or not ASCII. */
function shortString(bytes: Buffer, start: number, end: number): string | null {
  const endMax = Math.min(end, start + SHORT_TEXT_BYTES)
  let hash = 0
  let at = start
  for (; at < endMax; at++) {
    const byte = bytes[at] as number
    if (byte === 0) break
    if (byte >= 0x80) return null
    hash = (hash * 31 + byte) & 0xffffff
  }
  if (at === endMax) return null
  const place = hash % KNOWN_STRINGS
  const known = knownStrings[place] as string
  if (isText(known, bytes, start, at)) return known
  return (knownStrings[place] = bytes.toString('latin1', start, at))
}

function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = start; at < end; at++) if (text.charCodeAt(at - start) !== bytes[at]) return false
  return true
}

/** Up to here a loop over the bytes costs less than a call into C++. */
const SHORT_TEXT_BYTES = 24

function isAscii(bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] as number) >= 0x80) return false
  return true
}

/** Text that is UTF-8; anything else is refused, because replacement characters would be silently wrong. */
export function utf8(bytes: Buffer): string {
  if (bytes.length === 0) return ''
  if (bytes.length <= SHORT_TEXT_BYTES && isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw new PgError('22021', 'invalid byte sequence for encoding "UTF8"')
  return bytes.toString('utf8')
}
