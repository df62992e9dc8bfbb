/**
 * numeric. SQLite holds an INTEGER where the number is whole and fits in 64 bits, else a REAL, which is exact to 15 decimal digits. Input that
 * needs more is refused, never rounded silently; output shows the declared scale, or up to 15 digits.
 *
 * Type modifier: -1 for none, else ((precision << 16) | scale) + 4.
 * Binary format: i16 count of digits in base 10000, i16 weight, u16 sign, u16 display scale, the digits
 * (PostgreSQL source, numeric_send).
 */

import { INT64_MAX, INT64_MIN, type SqlValue } from '../../../base/value.ts'
import { invalidText, PgError } from '../error.ts'
import type { Encoder } from '../wire/encoder.ts'
import { naturalText, type Codec } from './codec.ts'

const REAL_DIGITS = 15
const BASE_DIGITS = 4
const NEGATIVE = 0x4000
const SPECIAL = 0xc000

export const NUMERIC_CODEC: Codec = {
  encodeText: (value, modifier) => numericText(value, modifier),
  encodeBinary(out, value, modifier) {
    const text = numericText(value, modifier)
    if (!/^-?\d+(\.\d+)?$/.test(text)) {
      throw new PgError('22P02', `the stored value "${text}" is not of its declared type numeric`)
    }
    writeNumeric(out, text)
  },
  decodeText: (text, modifier) => parseNumeric(text, modifier),
  decodeBinary: (bytes, modifier) => parseNumeric(readNumeric(bytes), modifier),
}

export function numericModifier(precision: number, scale: number): number {
  return ((precision << 16) | (scale & 0xffff)) + 4
}

function scaleOf(modifier: number): number | null {
  return modifier < 4 ? null : (modifier - 4) & 0xffff
}

function numericText(value: Exclude<SqlValue, null>, modifier: number): string {
  if (typeof value === 'string' || value instanceof Uint8Array) return naturalText(value)
  const plain = typeof value === 'bigint' ? value.toString() : plainDecimal(value)
  const scale = scaleOf(modifier)
  return scale === null || !Number.isFinite(Number(value)) ? plain : roundDecimal(plain, scale)
}

/** Up to 15 significant digits, never with an exponent. */
function plainDecimal(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : value < 0 ? '-Infinity' : 'NaN'
  return expand(value.toPrecision(REAL_DIGITS))
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
    .replace(/^-0$/, '0')
}

/** Removes an exponent: '1.2e-7' → '0.00000012'. */
function expand(text: string): string {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text)
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? []
  const point = whole.length + Number(power)
  const digits = whole + fraction
  const minus = sign === '-' ? '-' : ''
  if (point <= 0) return `${minus}0.${'0'.repeat(-point)}${digits}`
  if (point >= digits.length) return minus + digits.padEnd(point, '0')
  return `${minus}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Half away from zero, as PostgreSQL rounds numeric; exactly `scale` decimals. */
export function roundDecimal(plain: string, scale: number): string {
  const [whole = '0', fraction = ''] = plain.replace(/^-/, '').split('.')
  const kept = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
  const rounded = (fraction[scale] ?? '0') >= '5' ? kept + 1n : kept
  const digits = rounded.toString().padStart(scale + 1, '0')
  const sign = plain.startsWith('-') && rounded !== 0n ? '-' : ''
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

export function parseNumeric(text: string, modifier: number): SqlValue {
  const trimmed = text.trim()
  if (/^[+-]?(nan|inf(inity)?)$/i.test(trimmed)) {
    throw new PgError('0A000', `numeric ${trimmed} is not supported by HarmonyDB`)
  }
  const match = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,9}))?$/i.exec(trimmed)
  if (match === null) throw invalidText('numeric', text)
  // An exponent beyond what a double holds would make a text of millions of zeros.
  if (Math.abs(Number(match[1] ?? 0)) > 400) throw tooPrecise(trimmed)
  const plain = expand(trimmed).replace(/^(-?)0+(?=\d)/, '$1')
  return storedNumeric(fitted(plain, modifier, trimmed), trimmed)
}

function fitted(plain: string, modifier: number, text: string): string {
  const scale = scaleOf(modifier)
  if (scale === null) return plain
  const precision = (modifier - 4) >> 16
  const rounded = roundDecimal(plain, scale)
  if (rounded.replace(/^-/, '').split('.')[0]!.replace(/^0+/, '').length > precision - scale) {
    throw new PgError('22003', 'numeric field overflow', {
      detail: `A field with precision ${precision}, scale ${scale} must round to an absolute value less than 10^${precision - scale}; got ${text}.`,
    })
  }
  return rounded
}

function storedNumeric(plain: string, text: string): SqlValue {
  const trimmed = plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain
  if (!trimmed.includes('.')) {
    const integer = BigInt(trimmed)
    if (integer >= INT64_MIN && integer <= INT64_MAX) return integer
    throw tooPrecise(text)
  }
  if (trimmed.replace(/^-?[0.]*/, '').replace('.', '').length > REAL_DIGITS) throw tooPrecise(text)
  return Number(trimmed)
}

function tooPrecise(text: string): PgError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return new PgError(
    '22003',
    `numeric value ${shown} does not fit: HarmonyDB holds 64-bit integers and decimals of up to ${REAL_DIGITS} digits exactly`,
    {
      hint: 'Store it as text, or as an integer in a smaller unit.',
    },
  )
}

function writeNumeric(out: Encoder, text: string): void {
  const negative = text.startsWith('-')
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const paddedWhole = whole.padStart(Math.ceil(whole.length / BASE_DIGITS) * BASE_DIGITS, '0')
  const paddedFraction = fraction.padEnd(Math.ceil(fraction.length / BASE_DIGITS) * BASE_DIGITS, '0')
  const groups = (paddedWhole + paddedFraction).match(/.{4}/g) ?? []
  let weight = paddedWhole.length / BASE_DIGITS - 1
  while (groups[0] === '0000') {
    groups.shift()
    weight--
  }
  while (groups.at(-1) === '0000') groups.pop()
  out.i32(8 + groups.length * 2)
  out.i16(groups.length)
  out.i16(groups.length === 0 ? 0 : weight)
  out.i16(negative && groups.length > 0 ? NEGATIVE : 0)
  out.i16(fraction.length)
  for (const group of groups) out.i16(Number(group))
}

function readNumeric(bytes: Buffer): string {
  const damaged = new PgError('22P03', 'invalid binary data of type numeric')
  if (bytes.length < 8) throw damaged
  const count = bytes.readUInt16BE(0)
  const weight = bytes.readInt16BE(2)
  const sign = bytes.readUInt16BE(4)
  const scale = bytes.readUInt16BE(6)
  if (bytes.length !== 8 + count * 2 || scale > 0x3fff) throw damaged
  if ((sign & SPECIAL) === SPECIAL) return sign === 0xc000 ? 'NaN' : 'Infinity'
  // Nothing outside this can be held; the digits of a hostile weight are never written out.
  if (Math.abs(weight) > 100) throw tooPrecise('with that many digits')
  let digits = ''
  for (let index = 0; index < count; index++) {
    const group = bytes.readUInt16BE(8 + index * 2)
    if (group > 9999) throw damaged
    digits += group.toString().padStart(BASE_DIGITS, '0')
  }
  const minus = sign === NEGATIVE ? '-' : ''
  return minus + pointed(digits, (weight + 1) * BASE_DIGITS)
}

function pointed(digits: string, point: number): string {
  if (digits === '') return '0'
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`
  return point >= digits.length
    ? digits.padEnd(point, '0')
    : `${digits.slice(0, point)}.${digits.slice(point)}`
}
