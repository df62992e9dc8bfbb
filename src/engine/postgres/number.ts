/** PostgreSQL's rules for numbers where SQLite's differ. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'

const REAL_DIGITS = 15

/** For divisors: SQLite would give NULL. */
export function nonZero(value: SqlValue): SqlValue {
  if (value === 0n || value === 0) throw failure('division by zero')
  return value
}

/** LIMIT and OFFSET of a parameter. */
export function limit(value: SqlValue, none: SqlValue): SqlValue {
  if (value === null) return none
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw failure(`invalid input syntax for type bigint: "${String(value)}"`)
  if (value < 0) throw failure(none === 0n ? 'OFFSET must not be negative' : 'LIMIT must not be negative')
  return value
}

/** A REAL as PostgreSQL writes numerics: up to 15 digits, no exponent. */
export function numberText(value: SqlValue): string | null {
  if (value === null) return null
  if (typeof value !== 'number') return String(value)
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const text = plainDigits(value)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** Without an exponent. */
function plainDigits(value: number): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(value.toPrecision(REAL_DIGITS))
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? []
  const digits = whole + fraction
  const point = whole.length + Number(power)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return point >= digits.length
    ? sign + digits.padEnd(point, '0')
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Half away from zero in decimal, which SQLite's round is not for numbers such as 1.005. */
export function round(value: SqlValue, places: bigint): SqlValue {
  if (typeof value === 'bigint' && places >= 0n) return value
  if (value === null || (typeof value !== 'number' && typeof value !== 'bigint')) return value
  const text = numberText(value) ?? ''
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.')
  const scale = Number(places)
  const digits = whole + fraction.padEnd(Math.max(0, scale), '0')
  const keep = whole.length + scale
  if (keep < 0) return 0n
  const kept = BigInt(digits.slice(0, keep) || '0') + ((digits[keep] ?? '0') >= '5' ? 1n : 0n)
  const result = Number(`${text.startsWith('-') ? '-' : ''}${kept}e${-scale}`)
  return Number.isSafeInteger(result) ? BigInt(result) : result
}

/** numeric(precision, scale). */
export function fit(value: SqlValue, precision: bigint, scale: bigint): SqlValue {
  const rounded = round(value, scale)
  const size = Math.abs(Number(rounded))
  if (size >= 10 ** Number(precision - scale))
    throw failure('numeric field overflow: the value is out of range')
  return rounded
}

/** float8 rounds half to even. */
export function roundEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

export function floatToInteger(value: SqlValue): SqlValue {
  if (typeof value !== 'number') return value
  const rounded = roundEven(value)
  if (!(Math.abs(rounded) < 2 ** 63)) throw failure('bigint out of range')
  return BigInt(rounded)
}

const INTEGER_RANGES: Readonly<Record<string, readonly [min: bigint, max: bigint, name: string]>> = {
  int2: [-32768n, 32767n, 'smallint'],
  int4: [-(2n ** 31n), 2n ** 31n - 1n, 'integer'],
  int8: [-(2n ** 63n), 2n ** 63n - 1n, 'bigint'],
  oid: [0n, 2n ** 32n - 1n, 'oid'],
}

export function integerFromText(text: string, type: string): bigint {
  const [min, max, name] = INTEGER_RANGES[type] ?? [0n, 0n, type]
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw failure(`invalid input syntax for type ${name}: "${text}"`)
  const value = BigInt(text.trim().replace(/^\+/, ''))
  if (value < min || value > max) throw failure(`value "${text}" is out of range for type ${name}`)
  return value
}

export function numberFromText(text: string, type: string): SqlValue {
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text)) {
    throw failure(
      `invalid input syntax for type ${type === 'numeric' ? 'numeric' : 'double precision'}: "${text}"`,
    )
  }
  if (type !== 'numeric') return Number(text)
  if (/^\s*[+-]?\d{1,18}\s*$/.test(text)) return BigInt(text.trim().replace(/^\+/, ''))
  if (text.replaceAll(/^[^1-9]*|e.*$|\D/gi, '').length > REAL_DIGITS)
    throw failure(`numeric value ${text} does not fit: it is out of range`)
  return Number(text)
}

export function booleanFromText(text: string): bigint {
  const word = text.trim().toLowerCase()
  if (word !== '' && ('true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on' || word === '1'))
    return 1n
  if (word !== '' && ('false'.startsWith(word) || 'no'.startsWith(word) || word === 'off' || word === '0'))
    return 0n
  throw failure(`invalid input syntax for type boolean: "${text}"`)
}
