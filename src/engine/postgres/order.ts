/**
 * Keys for values that are stored as text and do not compare as such: SQLite compares and sorts the keys, and gets PostgreSQL's order. Two values have equal
 * keys exactly when PostgreSQL calls them equal ('1' and '1.0' as jsonb, a day and 24 hours).
 */

import type { SqlValue } from '../../base/value.ts'
import { items, NumberText, parse, type Json } from './json.ts'
import { parseInterval } from './time.ts'

const DAY_MICROS = 86_400_000_000n
const DAYS_OF_MONTH = 30

/** Microseconds; a month is 30 days (PostgreSQL source, interval_cmp_value). */
export function intervalKey(text: string): bigint {
  const { months, days, micros } = parseInterval(text)
  return BigInt(months * DAYS_OF_MONTH + days) * DAY_MICROS + micros
}

/**
 * Empty array < null < text < numbers < booleans < arrays < objects; longer arrays and objects after shorter ones (PostgreSQL source,
 * compareJsonbContainers, whose empty array stands before scalars only at the top).
 */
export function jsonKey(document: SqlValue): string {
  const value = parse(document)
  return Array.isArray(value) && value.length === 0 ? '0' : keyOf(value)
}

/** Element by element; NULL is the largest element, and a beginning comes before what it is the beginning of. */
export function arrayKey(array: SqlValue): string {
  return items(array)
    .map((value) => (value === null ? '8' : keyOf(value)))
    .join('')
    .concat('!')
}

function keyOf(value: Json): string {
  if (value === null) return '1'
  if (typeof value === 'string') return `2${textKey(value)}`
  if (value instanceof NumberText) return `3${numberKey(value.text)}`
  if (typeof value === 'boolean') return value ? '41' : '40'
  if (Array.isArray(value)) return `5${countKey(value.length)}${value.map(keyOf).join('')}`
  const byLength = (left: Buffer, right: Buffer): number =>
    left.length - right.length || Buffer.compare(left, right)
  const names = Object.keys(value).toSorted((left, right) => byLength(Buffer.from(left), Buffer.from(right)))
  const pairs = names.map((name) => textKey(name) + keyOf(value[name] as Json))
  return `6${countKey(names.length)}${pairs.join('')}`
}

/** Ends with a character below all others; those that could be taken for it are moved up. */
function textKey(text: string): string {
  return `${text.replaceAll('\u0002', '\u0002\u0002').replaceAll('\u0001', '\u0002\u0001')}\u0001`
}

function countKey(count: number): string {
  return count.toString(16).padStart(8, '0')
}

const EXACT_DIGITS_MAX = 15

/** The bits of the floating point number, turned so that they sort; digits behind where it does not tell all. */
function numberKey(text: string): string {
  const bytes = Buffer.alloc(8)
  const number = Number(text)
  bytes.writeDoubleBE(number === 0 ? 0 : number)
  const bits = bytes.readBigUInt64BE()
  const turned = number < 0 ? ~bits & 0xffff_ffff_ffff_ffffn : bits | 0x8000_0000_0000_0000n
  const digits = text.replace(/e.*$/i, '').replaceAll(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '')
  return `${turned.toString(16).padStart(16, '0')}${digits.length > EXACT_DIGITS_MAX ? digits : ''};`
}
