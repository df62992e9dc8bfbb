/**
 * Times as the PostgreSQL front door stores them (ISO 8601 with a space, up to six decimals, `+00:00` behind timestamptz), and intervals in PostgreSQL's
 * own form. Everything is in UTC; microseconds are exact.
 */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'

const MICROS = 1_000_000n
export const DAY: bigint = 86_400n * MICROS

interface Moment {
  /** Microseconds since 1970; of a time of day, since midnight. */
  readonly micros: bigint
  readonly shape: 'date' | 'time' | 'timestamp' | 'timestamptz'
}

const DATE_TIME =
  /^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?\s*$/i
const TIME = /^\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*$/

export function parseMoment(text: string): Moment {
  const time = TIME.exec(text)
  if (time !== null) return { micros: clock(time[1], time[2], time[3], time[4]), shape: 'time' }
  const match = DATE_TIME.exec(text)
  if (match === null) throw failure(`invalid input syntax for type timestamp: "${text}"`)
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const micros =
    dayMicros(Number(year), Number(month), Number(day), text) + clock(hour, minute, second, fraction)
  if (hour === undefined) return { micros, shape: 'date' }
  return zone === undefined
    ? { micros, shape: 'timestamp' }
    : { micros: micros - zoneMicros(zone), shape: 'timestamptz' }
}

function dayMicros(year: number, month: number, day: number, text: string): bigint {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw failure(`date/time field value out of range: "${text}"`)
  }
  return BigInt(date.getTime()) * 1000n
}

function clock(hour = '0', minute = '0', second = '0', fraction = ''): bigint {
  const seconds = BigInt((Number(hour) * 60 + Number(minute)) * 60 + Number(second))
  return seconds * MICROS + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
}

function zoneMicros(zone: string): bigint {
  if (zone.toUpperCase() === 'Z') return 0n
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.replace(':', '').slice(3) || 0)
  return BigInt(zone.startsWith('-') ? -minutes : minutes) * 60n * MICROS
}

const two = (value: number | bigint): string => value.toString().padStart(2, '0')

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

function clockText(micros: bigint): string {
  const seconds = Number(micros / MICROS)
  const fraction = (micros % MICROS).toString().padStart(6, '0').replace(/0+$/, '')
  const text = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return fraction === '' ? text : `${text}.${fraction}`
}

export function momentText({ micros, shape }: Moment): string {
  if (shape === 'time') return clockText(((micros % DAY) + DAY) % DAY)
  const days = floorDivide(micros, DAY)
  const date = dateOf(days)
  if (date.year < 1 || date.year > 9999)
    throw failure('timestamp out of range: HarmonyDB holds the years 1 to 9999')
  const text = `${date.year.toString().padStart(4, '0')}-${two(date.month)}-${two(date.day)}`
  if (shape === 'date') return text
  return `${text} ${clockText(micros - days * DAY)}${shape === 'timestamptz' ? '+00:00' : ''}`
}

function dateOf(days: bigint): { year: number; month: number; day: number; weekday: number } {
  const date = new Date(Number(days) * 86_400_000)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
  }
}

// Intervals.

export interface Interval {
  readonly months: number
  readonly days: number
  readonly micros: bigint
}

/** Only PostgreSQL's own form: what the front door stores. */
export function parseInterval(text: string): Interval {
  const unit = (word: string): number => Number(new RegExp(`(-?\\d+) ${word}s?\\b`).exec(text)?.[1] ?? 0)
  const time = /([+-]?)(\d+):(\d{2}):(\d{2})(?:\.(\d+))?/.exec(text)
  const size = time === null ? 0n : clock(time[2], time[3], time[4], time[5])
  return {
    months: unit('year') * 12 + unit('mon'),
    days: unit('day'),
    micros: time?.[1] === '-' ? -size : size,
  }
}

export function intervalText({ months, days, micros }: Interval): string {
  const named = (amount: number, word: string): string =>
    amount === 0 ? '' : `${amount} ${word}${amount === 1 ? '' : 's'}`
  const parts = [
    named(Math.trunc(months / 12), 'year'),
    named(months % 12, 'mon'),
    named(days, 'day'),
  ].filter((part) => part !== '')
  const sign = micros < 0n ? '-' : months < 0 || days < 0 ? '+' : ''
  if (micros !== 0n || parts.length === 0) parts.push(sign + clockText(micros < 0n ? -micros : micros))
  return parts.join(' ')
}

export function shift(text: string, sign: string, intervalText_: string): string {
  const moment = parseMoment(text)
  const interval = parseInterval(intervalText_)
  const factor = sign === '-' ? -1 : 1
  if (moment.shape === 'time')
    return momentText({ ...moment, micros: moment.micros + BigInt(factor) * interval.micros })
  const days = floorDivide(moment.micros, DAY)
  const rest = moment.micros - days * DAY
  const shifted = addMonths(days, interval.months * factor) + BigInt(interval.days * factor)
  const shape = moment.shape === 'date' ? 'timestamp' : moment.shape
  return momentText({ micros: shifted * DAY + rest + BigInt(factor) * interval.micros, shape })
}

/** The last day of a shorter month stands for days that it does not have. */
function addMonths(days: bigint, months: number): bigint {
  if (months === 0) return days
  const { year, month, day } = dateOf(days)
  const total = year * 12 + (month - 1) + months
  const [newYear, newMonth] = [Math.floor(total / 12), ((total % 12) + 12) % 12]
  const date = new Date(0)
  date.setUTCFullYear(newYear, newMonth + 1, 0)
  date.setUTCDate(Math.min(day, date.getUTCDate()))
  return BigInt(date.getTime() / 86_400_000)
}

/** timestamp - timestamp: days and time, no months. */
export function difference(left: string, right: string): string {
  const micros = parseMoment(left).micros - parseMoment(right).micros
  return intervalText({ months: 0, days: Number(micros / DAY), micros: micros % DAY })
}

export function addIntervals(left: string, sign: string, right: string): string {
  const [a, b] = [parseInterval(left), parseInterval(right)]
  const factor = sign === '-' ? -1 : 1
  return intervalText({
    months: a.months + factor * b.months,
    days: a.days + factor * b.days,
    micros: a.micros + BigInt(factor) * b.micros,
  })
}

export function multiplyInterval(text: string, factor: number): string {
  const { months, days, micros } = parseInterval(text)
  const wholeMonths = Math.trunc(months * factor)
  const exactDays = days * factor + (months * factor - wholeMonths) * 30
  const wholeDays = Math.trunc(exactDays)
  const rest = Math.round(Number(micros) * factor + (exactDays - wholeDays) * 86_400e6)
  return intervalText({ months: wholeMonths, days: wholeDays, micros: BigInt(rest) })
}

/** Symbolic: years, months and days as people count them (PostgreSQL source, timestamp_age). */
export function age(left: string, right: string): string {
  const [a, b] = [parseMoment(left).micros, parseMoment(right).micros]
  if (a < b) {
    const { months, days, micros } = parseInterval(age(right, left))
    return intervalText({ months: -months, days: -days, micros: -micros })
  }
  const [dayA, dayB] = [floorDivide(a, DAY), floorDivide(b, DAY)]
  const [from, to] = [dateOf(dayB), dateOf(dayA)]
  let micros = a - dayA * DAY - (b - dayB * DAY)
  let days = to.day - from.day
  let months = (to.year - from.year) * 12 + (to.month - from.month)
  if (micros < 0n) {
    micros += DAY
    days--
  }
  if (days < 0) {
    days += new Date(Date.UTC(from.year, from.month, 0)).getUTCDate()
    months--
  }
  return intervalText({ months, days, micros })
}

// Parts.

export function part(field: string, text: string): SqlValue {
  const { micros, shape } = parseMoment(text)
  const days = floorDivide(micros, DAY)
  const time = micros - days * DAY
  if (field === 'epoch') return ratio(micros, MICROS)
  const clockPart = timePart(field, time)
  if (clockPart !== null) return clockPart
  if (shape === 'time') throw failure(`unit "${field}" not supported for type time without time zone`)
  return datePart(field, days)
}

function timePart(field: string, time: bigint): SqlValue {
  switch (field) {
    case 'hour':
      return time / (3600n * MICROS)
    case 'minute':
      return (time / (60n * MICROS)) % 60n
    case 'second':
      return ratio(time % (60n * MICROS), MICROS)
    case 'millisecond':
    case 'milliseconds':
      return ratio(time % (60n * MICROS), 1000n)
    case 'microsecond':
    case 'microseconds':
      return time % (60n * MICROS)
    default:
      return null
  }
}

function ratio(value: bigint, by: bigint): SqlValue {
  return value % by === 0n ? value / by : Number(value) / Number(by)
}

function datePart(field: string, days: bigint): SqlValue {
  const { year, month, day, weekday } = dateOf(days)
  const week = isoWeek(days)
  const parts: Readonly<Record<string, number>> = {
    year,
    month,
    day,
    dow: weekday,
    isodow: weekday === 0 ? 7 : weekday,
    doy: Number(days) - Date.UTC(year, 0, 1) / 86_400_000 + 1,
    quarter: Math.ceil(month / 3),
    week: week.week,
    isoyear: week.year,
    decade: Math.floor(year / 10),
    century: Math.ceil(year / 100),
  }
  const value = parts[field]
  if (value === undefined) throw failure(`unit "${field}" not recognized for type timestamp`)
  return BigInt(value)
}

/** Week 1 has the year's first Thursday. */
function isoWeek(days: bigint): { year: number; week: number } {
  const { weekday } = dateOf(days)
  const thursday = days + BigInt(4 - (weekday === 0 ? 7 : weekday))
  const { year } = dateOf(thursday)
  return { year, week: Math.floor((Number(thursday) - Date.UTC(year, 0, 1) / 86_400_000) / 7) + 1 }
}

export function intervalPart(field: string, text: string): SqlValue {
  const { months, days, micros } = parseInterval(text)
  switch (field) {
    case 'year':
      return BigInt(Math.trunc(months / 12))
    case 'month':
      return BigInt(months % 12)
    case 'day':
      return BigInt(days)
    case 'hour':
      return micros / (3600n * MICROS)
    case 'minute':
      return (micros / (60n * MICROS)) % 60n
    case 'second':
      return ratio(micros % (60n * MICROS), MICROS)
    case 'epoch':
      return ratio(
        BigInt(Math.trunc(months / 12)) * 31_557_600n * MICROS +
          BigInt(months % 12) * 2_592_000n * MICROS +
          BigInt(days) * DAY +
          micros,
        MICROS,
      )
    default:
      throw failure(`unit "${field}" not supported for type interval`)
  }
}

const CLOCK_UNITS: Readonly<Record<string, bigint>> = {
  microseconds: 1n,
  milliseconds: 1000n,
  second: MICROS,
  minute: 60n * MICROS,
  hour: 3600n * MICROS,
  day: DAY,
}

export function truncate(unit: string, text: string): string {
  const moment = parseMoment(text)
  const clockUnit = CLOCK_UNITS[unit]
  if (clockUnit !== undefined)
    return momentText({ ...moment, micros: floorDivide(moment.micros, clockUnit) * clockUnit })
  const days = floorDivide(moment.micros, DAY)
  const { year, month, weekday } = dateOf(days)
  const at = (newYear: number, newMonth: number): bigint => dayMicros(newYear, newMonth, 1, text)
  const starts: Readonly<Record<string, () => bigint>> = {
    week: () => (days - BigInt(weekday === 0 ? 6 : weekday - 1)) * DAY,
    month: () => at(year, month),
    quarter: () => at(year, Math.floor((month - 1) / 3) * 3 + 1),
    year: () => at(year, 1),
    decade: () => at(Math.floor(year / 10) * 10, 1),
  }
  const start = starts[unit]
  if (start === undefined) throw failure(`unit "${unit}" not recognized for type timestamp`)
  return momentText({ ...moment, micros: start() })
}

export function roundTime(text: string, digits: bigint): string {
  const moment = parseMoment(text)
  const unit = 10n ** (6n - digits)
  return momentText({ ...moment, micros: floorDivide(moment.micros + unit / 2n, unit) * unit })
}

export function epochToTimestampTz(seconds: number): string {
  return momentText({ micros: BigInt(Math.round(seconds * 1e6)), shape: 'timestamptz' })
}

export const MONTHS: readonly string[] = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const UNIX_EPOCH_JULIAN_DAY = 2_440_588n
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Patterns in the order in which they are tried: longer ones first. */
const PATTERNS =
  /"([^"]*)"|(FM)?(HH24|HH12|HH|MI|SSSS|SS|MS|US|YYYY|YYY|YY|MONTH|Month|month|MON|Mon|mon|MM|DAY|Day|day|DDD|DD|DY|Dy|dy|IYYY|IW|ID|WW|W|CC|J|D|Q|AM|PM|am|pm|A\.M\.|P\.M\.|TZ|tz|OF)(TH|th)?|[A-Za-z]+/g

export function toChar(text: string, format: string): string {
  const { micros } = parseMoment(text)
  const days = floorDivide(micros, DAY)
  const time = micros - days * DAY
  return format.replaceAll(
    PATTERNS,
    (
      all,
      quoted: string | undefined,
      fill: string | undefined,
      word: string | undefined,
      ordinal: string | undefined,
    ) => {
      if (quoted !== undefined) return quoted
      if (word === undefined) throw failure(`the to_char pattern "${all}" is not supported by HarmonyDB`)
      const text = field(word, fill !== undefined, days, time)
      return ordinal === undefined ? text : text + ending(Number(text), ordinal)
    },
  )
}

/** 1st, 2nd, 3rd, 11th. */
function ending(value: number, form: string): string {
  const isTeen = value % 100 >= 11 && value % 100 <= 13
  const letters = isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th')
  return form === 'TH' ? letters.toUpperCase() : letters
}

function field(word: string, isFilled: boolean, days: bigint, time: bigint): string {
  const { year, month, day, weekday } = dateOf(days)
  const hour = Number(time / (3600n * MICROS))
  const number = (value: number, width: number): string =>
    isFilled ? String(value) : String(value).padStart(width, '0')
  const name = (text: string, width: number): string => cased(word, isFilled ? text : text.padEnd(width))
  switch (word.toUpperCase()) {
    case 'HH24':
      return number(hour, 2)
    case 'HH12':
    case 'HH':
      return number(hour % 12 === 0 ? 12 : hour % 12, 2)
    case 'MI':
      return number(Number((time / (60n * MICROS)) % 60n), 2)
    case 'SS':
      return number(Number((time / MICROS) % 60n), 2)
    case 'MS':
      return number(Number((time / 1000n) % 1000n), 3)
    case 'US':
      return number(Number(time % MICROS), 6)
    case 'YYYY':
      return number(year, 4)
    case 'YYY':
      return number(year % 1000, 3)
    case 'YY':
      return number(year % 100, 2)
    case 'MONTH':
      return name(MONTHS[month - 1] ?? '', 9)
    case 'MON':
      return cased(word, (MONTHS[month - 1] ?? '').slice(0, 3))
    case 'MM':
      return number(month, 2)
    case 'DAY':
      return name(DAYS[weekday] ?? '', 9)
    case 'DY':
      return cased(word, (DAYS[weekday] ?? '').slice(0, 3))
    case 'DDD':
      return number(Number(datePart('doy', days)), 3)
    case 'DD':
      return number(day, 2)
    case 'D':
      return String(weekday + 1)
    case 'ID':
      return String(weekday === 0 ? 7 : weekday)
    case 'IYYY':
      return number(isoWeek(days).year, 4)
    case 'IW':
      return number(isoWeek(days).week, 2)
    case 'Q':
      return String(Math.ceil(month / 3))
    case 'AM':
    case 'PM':
      return cased(word, hour < 12 ? 'Am' : 'Pm')
    case 'TZ':
      return word === 'tz' ? 'utc' : 'UTC'
    case 'OF':
      return '+00'
    default:
      return rareField(word, number, days, time)
  }
}

function rareField(
  word: string,
  number: (value: number, width: number) => string,
  days: bigint,
  time: bigint,
): string {
  const { year, day } = dateOf(days)
  switch (word.toUpperCase()) {
    case 'WW':
      return number(Math.ceil(Number(datePart('doy', days)) / 7), 2)
    case 'W':
      return String(Math.ceil(day / 7))
    case 'CC':
      return number(Math.ceil(year / 100), 2)
    case 'J':
      return String(days + UNIX_EPOCH_JULIAN_DAY)
    case 'SSSS':
      return String(time / MICROS)
    case 'A.M.':
    case 'P.M.':
      return time < DAY / 2n ? 'A.M.' : 'P.M.'
    default:
      throw failure(`the to_char pattern "${word}" is not supported by HarmonyDB`)
  }
}

function cased(word: string, text: string): string {
  if (word === word.toUpperCase()) return text.toUpperCase()
  return word === word.toLowerCase() ? text.toLowerCase() : text
}

/** The beginning of the bin that the time is in: bins are `stride` long and begin at `origin`. */
export function bin(stride: string, text: string, origin: string): string {
  const { months, days, micros } = parseInterval(stride)
  if (months !== 0)
    throw failure(
      'timestamps cannot be binned into intervals containing months or years is not supported by HarmonyDB',
    )
  const size = BigInt(days) * DAY + micros
  if (size <= 0n) throw failure('date/time field value out of range: stride must be greater than zero')
  const [moment, start] = [parseMoment(text), parseMoment(origin)]
  return momentText({
    ...moment,
    micros: start.micros + floorDivide(moment.micros - start.micros, size) * size,
  })
}
