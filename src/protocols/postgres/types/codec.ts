/**
 * One codec per family of types. A codec knows how a value of SQLite stands for a value of PostgreSQL (the table in DESIGN.md), in the text and in
 * the binary format, both ways.
 *
 * Text output never fails: a value that breaks its declared type (SQLite may hold one) is shown as it is. Binary output
 * of such a value is an error, because a client would read garbage. Input that is not of the type is PgError 22P02 and the like.
 */

import type { SqlValue } from '../../../base/value.ts'
import type { Encoder } from '../wire/encoder.ts'
import type { TimeZone } from './time-zone.ts'

/** What of the session's settings changes how values look. */
export interface ValueStyle {
  readonly timeZone: TimeZone
}

export interface Codec {
  /** `modifier` is PostgreSQL's type modifier, -1 for none. `value` is not null in any of the four. */
  encodeText(value: Exclude<SqlValue, null>, modifier: number, style: ValueStyle): string
  /** Writes the value's length and its bytes. */
  encodeBinary(out: Encoder, value: Exclude<SqlValue, null>, modifier: number): void
  decodeText(text: string, modifier: number, style: ValueStyle): SqlValue
  decodeBinary(bytes: Buffer, modifier: number): SqlValue
  /** What `decodeText` gives for these bytes, where that can be told without making a string of them; null otherwise. */
  decodePlain?(bytes: Buffer): SqlValue
}

/** The text of a value as SQLite itself would show it, except that bytes are shown as PostgreSQL shows bytea. */
export function naturalText(value: Exclude<SqlValue, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return floatText(value)
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

/** As PostgreSQL's float8out: shortest digits that read back the same, exponent form from 1e15 and below 1e-4. */
export function floatText(value: number): string {
  return digitsText(value, String(value), 15)
}

/** `shortest` is a decimal form of `value`; `fixedDigits` is the type's decimal precision. */
export function digitsText(value: number, shortest: string, fixedDigits: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 10 ** fixedDigits) return shortest.includes('e') ? expanded(shortest) : shortest
  return exponentForm(shortest)
}

/** '1.5e-7' or '123000' as PostgreSQL writes exponents: '1.5e-07', '1.23e+05'. */
function exponentForm(shortest: string): string {
  const { sign, digits, exponent } = decimalParts(shortest)
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  const size = Math.abs(exponent).toString().padStart(2, '0')
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
}

function expanded(shortest: string): string {
  const { sign, digits, exponent } = decimalParts(shortest)
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  return sign + digits.padEnd(exponent + 1, '0')
}

/** `digits` without zeros at either end; the value is d.ddd × 10^exponent. */
function decimalParts(text: string): { sign: string; digits: string; exponent: number } {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(text)
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? []
  const all = whole + fraction
  const leading = /^0*/.exec(all)?.[0].length ?? 0
  return {
    sign,
    digits: all.slice(leading).replace(/0+$/, '') || '0',
    exponent: Number(power) + whole.length - 1 - leading,
  }
}
