/** int2, int4, int8, oid and its kin: exact, whatever the size (promise P9). */

import type { SqlValue } from '../../../base/value.ts'
import { invalidText, PgError } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'

interface IntegerRange {
  readonly typeName: string
  readonly sizeBytes: 2 | 4 | 8
  readonly min: bigint
  readonly max: bigint
}

export function integerCodec(range: IntegerRange): Codec {
  return {
    encodeText(value) {
      refuseBeyond64Bits(value)
      return naturalText(value)
    },
    encodeBinary(out, value) {
      const integer = integerOf(value, range)
      out.i32(range.sizeBytes)
      if (range.sizeBytes === 8) out.i64(integer)
      else if (range.sizeBytes === 4) out.i32(Number(BigInt.asIntN(32, integer)))
      else out.i16(Number(integer))
    },
    decodeText: (text) => inRange(parseInteger(text, range.typeName), range, text),
    decodeBinary: (bytes) => decodeBinary(bytes, range),
    decodePlain(bytes) {
      const value = shortInteger(bytes)
      return value === null || value > range.max ? null : BigInt(value)
    },
  }
}

/** Digits that a double holds exactly. */
const SHORT_DIGITS = 15

/** What nearly all integers are that clients send: some digits. Null for everything else. */
function shortInteger(text: Buffer): number | null {
  if (text.length === 0 || text.length > SHORT_DIGITS) return null
  let value = 0
  for (let index = 0; index < text.length; index++) {
    const digit = (text[index] as number) - 0x30
    if (digit < 0 || digit > 9) return null
    value = value * 10 + digit
  }
  return value
}

/** As PostgreSQL 15 reads integers: decimal with an optional sign, spaces around it allowed. */
export function parseInteger(text: string, typeName: string): bigint {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalidText(typeName, text)
  const trimmed = text.trim()
  return BigInt(trimmed.startsWith('+') ? trimmed.slice(1) : trimmed)
}

function inRange(value: bigint, range: IntegerRange, text: string): bigint {
  if (value < range.min || value > range.max) {
    throw new PgError('22003', `value "${text.trim()}" is out of range for type ${range.typeName}`)
  }
  return value
}

/** SQLite goes on in floating point where 64 bits are not enough; PostgreSQL does not. */
function refuseBeyond64Bits(value: Exclude<SqlValue, null>): void {
  if (typeof value === 'number' && Math.abs(value) >= 2 ** 63)
    throw new PgError('22003', 'bigint out of range')
}

function integerOf(value: Exclude<SqlValue, null>, range: IntegerRange): bigint {
  if (typeof value === 'bigint') return inRange(value, range, value.toString())
  if (typeof value === 'number' && Number.isSafeInteger(value))
    return inRange(BigInt(value), range, `${value}`)
  refuseBeyond64Bits(value)
  throw new PgError(
    '22P02',
    `the stored value "${naturalText(value)}" is not of its declared type ${range.typeName}`,
    { hint: 'Read it in text format, or correct it.' },
  )
}

function decodeBinary(bytes: Buffer, range: IntegerRange): bigint {
  if (bytes.length !== range.sizeBytes) {
    throw new PgError('22P03', `incorrect binary data format: ${bytes.length} bytes for ${range.typeName}`)
  }
  if (range.sizeBytes === 8) return bytes.readBigInt64BE(0)
  if (range.sizeBytes === 2) return BigInt(bytes.readInt16BE(0))
  return BigInt(range.min === 0n ? bytes.readUInt32BE(0) : bytes.readInt32BE(0))
}
