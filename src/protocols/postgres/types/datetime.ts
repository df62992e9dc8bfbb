/**
 * Dates and times as PostgreSQL reads and prints them (ISO style), and as SQLite stores them: TEXT that sorts as time does.
 *
 *   date         YYYY-MM-DD
 *   time         HH:MM:SS[.ffffff]
 *   timestamp    YYYY-MM-DD HH:MM:SS[.ffffff]
 *   timestamptz  YYYY-MM-DD HH:MM:SS[.ffffff]+00:00
 *
 * without zeros at the end of the fraction. Years 1 to 9999: others would not sort as text and are refused.
 */

import { PgError, notSupported } from '../error.ts'
import { timeZone, zonedToUtc, type TimeZone } from './time-zone.ts'

const DAY_SECONDS = 86_400
export const MICROS: bigint = 1_000_000n
/** Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's zero. */
export const EPOCH_2000_SECONDS = 946_684_800

/** A moment or a wall-clock time, in microseconds since 1970-01-01 00:00:00. */
export type EpochMicros = bigint

interface DateTimeParts {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly secondsOfDay: number
  readonly micros: number
  /** Seconds east; null where the text has none. */
  readonly offsetSeconds: number | null
  readonly zone: TimeZone | null
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

const DATE = String.raw`(?:(?<year>\d{4,5})-(?<month>\d{1,2})-(?<day>\d{1,2})|(?<year2>\d{4})(?<month2>\d{2})(?<day2>\d{2})|(?<month3>\d{1,2})\/(?<day3>\d{1,2})\/(?<year3>\d{4})|(?<month4>[A-Za-z]{3,9})\.? +(?<day4>\d{1,2}),? +(?<year4>\d{4})|(?<day5>\d{1,2})[ -](?<month5>[A-Za-z]{3,9})[ -](?<year5>\d{4}))`
const TIME = String.raw`(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.(?<fraction>\d*))?)?(?: ?(?<half>[AaPp][Mm]))?`
const ZONE = String.raw`(?: ?(?<zone>[Zz]|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?|[A-Za-z]+(?:\/[A-Za-z_]+)*))?`
const DATE_TIME_PATTERN = new RegExp(`^\\s*${DATE}(?:(?:[Tt]| +)${TIME}${ZONE})?\\s*$`)
const TIME_PATTERN = new RegExp(`^\\s*${TIME}${ZONE}\\s*$`)

function parseDateTime(text: string, typeName: string): DateTimeParts {
  const groups = DATE_TIME_PATTERN.exec(text)?.groups
  if (groups === undefined) throw unreadable(text, typeName)
  const year = Number(
    groups['year'] ?? groups['year2'] ?? groups['year3'] ?? groups['year4'] ?? groups['year5'],
  )
  const month = monthOf(groups)
  const day = Number(groups['day'] ?? groups['day2'] ?? groups['day3'] ?? groups['day4'] ?? groups['day5'])
  if (month === 0 || !isDate(year, month, day)) throw outOfRange(text, typeName)
  return { year, month, day, ...timeOf(groups, text, typeName) }
}

function monthOf(groups: Record<string, string | undefined>): number {
  const word = groups['month4'] ?? groups['month5']
  if (word !== undefined) return MONTHS.indexOf(word.slice(0, 3).toLowerCase()) + 1
  return Number(groups['month'] ?? groups['month2'] ?? groups['month3'])
}

function timeOf(
  groups: Record<string, string | undefined>,
  text: string,
  typeName: string,
): Pick<DateTimeParts, 'secondsOfDay' | 'micros' | 'offsetSeconds' | 'zone'> {
  const hour = hourOf(groups, text, typeName)
  const minute = Number(groups['minute'] ?? 0)
  const second = Number(groups['second'] ?? 0)
  const fraction = (groups['fraction'] ?? '').padEnd(7, '0')
  const micros = Number(fraction.slice(0, 6)) + (fraction[6]! >= '5' ? 1 : 0)
  const secondsOfDay = (hour * 60 + minute) * 60 + second
  const isTooLate = secondsOfDay > DAY_SECONDS || (secondsOfDay === DAY_SECONDS && micros > 0)
  if (minute > 59 || second > 60 || isTooLate) throw outOfRange(text, typeName)
  return { secondsOfDay, micros, ...zoneOf(groups['zone']) }
}

function hourOf(groups: Record<string, string | undefined>, text: string, typeName: string): number {
  const hour = Number(groups['hour'] ?? 0)
  const half = groups['half']?.toLowerCase()
  if (half === undefined) return hour
  if (hour < 1 || hour > 12) throw outOfRange(text, typeName)
  return (hour % 12) + (half === 'pm' ? 12 : 0)
}

function zoneOf(text: string | undefined): { offsetSeconds: number | null; zone: TimeZone | null } {
  if (text === undefined) return { offsetSeconds: null, zone: null }
  const match = /^([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?$/.exec(text)
  if (match === null) return { offsetSeconds: null, zone: timeZone(text) }
  const seconds = (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60 + Number(match[4] ?? 0)
  return { offsetSeconds: match[1] === '-' ? -seconds : seconds, zone: null }
}

function isDate(year: number, month: number, day: number): boolean {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false
  return day <= daysInMonth(year, month)
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
export function utcSeconds(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime() / 1000
}

function microsOf(parts: DateTimeParts): EpochMicros {
  return (
    BigInt(utcSeconds(parts.year, parts.month, parts.day) + parts.secondsOfDay) * MICROS +
    BigInt(parts.micros)
  )
}

/** The words now, today, tomorrow, yesterday depend on when they are read, which a replica could not repeat; infinity does not fit. */
function refuseWords(text: string, typeName: string): void {
  const word = text.trim().toLowerCase()
  if (/^[+-]?infinity$|^(now|today|tomorrow|yesterday|epoch|allballs)$| bc$/.test(word)) {
    throw notSupported(`the ${typeName} value "${text.trim()}"`)
  }
}

/** Wall-clock time without a zone; an offset in the text is ignored, as PostgreSQL does. */
export function parseTimestamp(text: string): EpochMicros {
  refuseWords(text, 'timestamp')
  return microsOf(parseDateTime(text, 'timestamp'))
}

export function parseTimestampTz(text: string, session: TimeZone): EpochMicros {
  const typeName = 'timestamp with time zone'
  refuseWords(text, typeName)
  const parts = parseDateTime(text, typeName)
  const local = microsOf(parts)
  if (parts.offsetSeconds !== null) return local - BigInt(parts.offsetSeconds) * MICROS
  const localSeconds = Number(local / MICROS)
  return local + BigInt(zonedToUtc(localSeconds, parts.zone ?? session) - localSeconds) * MICROS
}

/** Days since 1970-01-01. */
export function parseDate(text: string): number {
  refuseWords(text, 'date')
  const parts = parseDateTime(text, 'date')
  return utcSeconds(parts.year, parts.month, parts.day) / DAY_SECONDS
}

/** Microseconds since midnight. A zone in the text is ignored, as PostgreSQL does. */
export function parseTime(text: string): bigint {
  refuseWords(text, 'time')
  const groups = (TIME_PATTERN.exec(text) ?? DATE_TIME_PATTERN.exec(text))?.groups
  if (groups === undefined) throw unreadable(text, 'time')
  const { secondsOfDay, micros } = timeOf(groups, text, 'time')
  return BigInt(secondsOfDay) * MICROS + BigInt(micros)
}

const pad = (value: number, length: number): string => value.toString().padStart(length, '0')

/** Floored, so that times before 1970 keep a fraction that counts upwards. */
export function splitMicros(value: bigint): { seconds: number; micros: number } {
  const micros = ((value % MICROS) + MICROS) % MICROS
  return { seconds: Number((value - micros) / MICROS), micros: Number(micros) }
}

function fractionText(micros: number): string {
  return micros === 0 ? '' : `.${pad(micros, 6).replace(/0+$/, '')}`
}

export function dateText(days: number): string {
  const date = new Date(days * DAY_SECONDS * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999))
    throw new PgError('22008', 'date out of range: HarmonyDB holds the years 1 to 9999')
  return `${pad(year, 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`
}

export function timeText(microsOfDay: bigint): string {
  const { seconds, micros } = splitMicros(microsOfDay)
  const hour = Math.floor(seconds / 3600)
  return `${pad(hour, 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}${fractionText(micros)}`
}

export function timestampText(value: EpochMicros): string {
  const { seconds, micros } = splitMicros(value)
  const days = Math.floor(seconds / DAY_SECONDS)
  return `${dateText(days)} ${timeText(BigInt(seconds - days * DAY_SECONDS) * MICROS + BigInt(micros))}`
}

/** As stored: in UTC, with `+00:00`. */
export function storedTimestampTz(value: EpochMicros): string {
  return `${timestampText(value)}+00:00`
}

/** As shown: in the session's zone, with an offset in as few fields as it needs. */
export function shownTimestampTz(value: EpochMicros, zone: TimeZone): string {
  const offset = zone.offsetSeconds(splitMicros(value).seconds)
  return timestampText(value + BigInt(offset) * MICROS) + offsetText(offset)
}

function offsetText(offsetSeconds: number): string {
  const size = Math.abs(offsetSeconds)
  const [hours, minutes, seconds] = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60]
  const rest =
    seconds > 0 ? `:${pad(minutes, 2)}:${pad(seconds, 2)}` : minutes > 0 ? `:${pad(minutes, 2)}` : ''
  return `${offsetSeconds < 0 ? '-' : '+'}${pad(hours, 2)}${rest}`
}

/** timestamp(3): rounded to that many decimals. */
export function roundMicros(value: bigint, modifier: number): bigint {
  if (modifier < 0 || modifier >= 6) return value
  const unit = 10n ** BigInt(6 - modifier)
  const half = value < 0n ? -unit / 2n : unit / 2n
  return ((value + half) / unit) * unit
}

function unreadable(text: string, typeName: string): PgError {
  return new PgError('22007', `invalid input syntax for type ${typeName}: "${text.slice(0, 100)}"`)
}

function outOfRange(text: string, typeName: string): PgError {
  return new PgError(
    '22008',
    `${typeName === 'time' ? 'time' : 'date/time'} field value out of range: "${text.slice(0, 100)}"`,
  )
}
