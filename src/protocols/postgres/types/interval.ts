/**
 * Intervals: months, days and microseconds that are never mixed, as PostgreSQL keeps them. Read in PostgreSQL's, ISO 8601's and the SQL form;
 * stored and printed in PostgreSQL's (`1 year 2 mons 3 days 04:05:06.7`).
 */

import { invalidText, PgError } from '../error.ts'
import { MICROS, splitMicros } from './datetime.ts'

export interface Interval {
  readonly months: number
  readonly days: number
  readonly micros: bigint
}

const HOUR = 3600n * MICROS

/** Unit → [months, days, microseconds] of one. */
const UNITS: Readonly<Record<string, readonly [months: number, days: number, micros: number]>> = {
  microsecond: [0, 0, 1],
  us: [0, 0, 1],
  usec: [0, 0, 1],
  millisecond: [0, 0, 1e3],
  ms: [0, 0, 1e3],
  msec: [0, 0, 1e3],
  second: [0, 0, 1e6],
  sec: [0, 0, 1e6],
  s: [0, 0, 1e6],
  minute: [0, 0, 6e7],
  min: [0, 0, 6e7],
  m: [0, 0, 6e7],
  hour: [0, 0, 3.6e9],
  hr: [0, 0, 3.6e9],
  h: [0, 0, 3.6e9],
  day: [0, 1, 0],
  d: [0, 1, 0],
  week: [0, 7, 0],
  w: [0, 7, 0],
  month: [1, 0, 0],
  mon: [1, 0, 0],
  year: [12, 0, 0],
  yr: [12, 0, 0],
  y: [12, 0, 0],
  decade: [120, 0, 0],
  century: [1200, 0, 0],
  centurie: [1200, 0, 0],
}

const PART = /\s*([+-]?\d*\.?\d+)\s*([a-z]+)|\s*([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?/gy
const MONTHS_MAX = 2 ** 31 - 1

export function parseInterval(text: string): Interval {
  const trimmed = text.trim().toLowerCase()
  if (trimmed.startsWith('p')) return parseIso(trimmed, text)
  const isAgo = /\sago$/.test(trimmed)
  const body = trimmed
    .replace(/\sago$/, '')
    .replace(/^@/, '')
    .trim()
  const sum = { months: 0, days: 0, micros: 0n }
  if (/^[+-]?\d*\.?\d+$/.test(body)) addUnit(sum, Number(body), 'second', text)
  else addParts(sum, body, text)
  const result = checked(sum, text)
  return isAgo ? negated(result) : result
}

interface Sum {
  months: number
  days: number
  micros: bigint
}

function addParts(sum: Sum, body: string, text: string): void {
  PART.lastIndex = 0
  let end = 0
  for (let match = PART.exec(body); match !== null && end < body.length; match = PART.exec(body)) {
    const [all, amount, unit, sign, hours, minutes, seconds] = match
    if (amount !== undefined) addUnit(sum, Number(amount), unit ?? '', text)
    else addClock(sum, sign === '-', Number(hours), Number(minutes), Number(seconds ?? 0))
    end += all.length
  }
  if (end !== body.length || body === '') throw invalidText('interval', text)
}

function addClock(sum: Sum, isNegative: boolean, hours: number, minutes: number, seconds: number): void {
  const micros = BigInt(hours) * HOUR + BigInt(minutes) * 60n * MICROS + BigInt(Math.round(seconds * 1e6))
  sum.micros += isNegative ? -micros : micros
}

function addUnit(sum: Sum, amount: number, unit: string, text: string): void {
  const known = UNITS[unit] ?? UNITS[unit.replace(/s$/, '')]
  if (known === undefined) throw invalidText('interval', text)
  const [months, days, micros] = known
  const wholeMonths = Math.trunc(amount * months)
  // A fraction of a month is in days of 30 to a month, a fraction of a day in time (PostgreSQL documentation, "Interval Input").
  const monthRest = (amount * months - wholeMonths) * 30
  const exactDays = amount * days + (months === 1 ? monthRest : 0)
  const wholeDays = Math.trunc(exactDays)
  sum.months += wholeMonths + (months > 1 ? Math.round(monthRest / 30) : 0)
  sum.days += wholeDays
  sum.micros += BigInt(Math.round(amount * micros)) + BigInt(Math.round((exactDays - wholeDays) * 86_400e6))
}

function parseIso(trimmed: string, text: string): Interval {
  const match =
    /^p(?:(-?[\d.]+)y)?(?:(-?[\d.]+)m)?(?:(-?[\d.]+)w)?(?:(-?[\d.]+)d)?(?:t(?:(-?[\d.]+)h)?(?:(-?[\d.]+)m)?(?:(-?[\d.]+)s)?)?$/.exec(
      trimmed,
    )
  if (match === null) throw invalidText('interval', text)
  const sum = { months: 0, days: 0, micros: 0n }
  const units = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second']
  for (const [index, unit] of units.entries()) {
    const amount = match[index + 1]
    if (amount !== undefined) addUnit(sum, Number(amount), unit, text)
  }
  return checked(sum, text)
}

function checked(sum: Sum, text: string): Interval {
  const fits = Math.abs(sum.months) <= MONTHS_MAX && Math.abs(sum.days) <= MONTHS_MAX
  if (!fits || BigInt.asIntN(64, sum.micros) !== sum.micros) {
    throw new PgError('22015', `interval field value out of range: "${text.slice(0, 100)}"`)
  }
  return sum
}

function negated(interval: Interval): Interval {
  return { months: -interval.months || 0, days: -interval.days || 0, micros: -interval.micros }
}

/** As `IntervalStyle = postgres` prints. */
export function intervalText(interval: Interval): string {
  const years = Math.trunc(interval.months / 12)
  const parts = [
    unitText(years, 'year'),
    unitText(interval.months % 12, 'mon'),
    unitText(interval.days, 'day'),
  ]
  const isSigned = interval.months < 0 || interval.days < 0
  if (interval.micros !== 0n || parts.every((part) => part === ''))
    parts.push(clockText(interval.micros, isSigned))
  return parts.filter((part) => part !== '').join(' ')
}

function unitText(amount: number, unit: string): string {
  if (amount === 0) return ''
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`
}

function clockText(value: bigint, isSigned: boolean): string {
  const { seconds, micros } = splitMicros(value < 0n ? -value : value)
  const pad = (field: number): string => field.toString().padStart(2, '0')
  const fraction = micros === 0 ? '' : `.${micros.toString().padStart(6, '0').replace(/0+$/, '')}`
  const sign = value < 0n ? '-' : isSigned ? '+' : ''
  return `${sign}${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${fraction}`
}
