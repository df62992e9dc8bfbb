/** Time zones for showing and reading timestamptz: fixed offsets, and IANA names through the host's Intl. */

import { PgError } from '../error.ts'

export interface TimeZone {
  /** As SHOW timezone tells it. */
  readonly name: string
  /** Seconds east of Greenwich at that moment. */
  offsetSeconds(epochSeconds: number): number
}

export const UTC: TimeZone = { name: 'UTC', offsetSeconds: () => 0 }

const UTC_NAMES: ReadonlySet<string> = new Set([
  'utc',
  'gmt',
  'z',
  'zulu',
  'etc/utc',
  'etc/gmt',
  'uct',
  'etc/uct',
  'universal',
])

/** Throws PgError 22023 for a name that nobody knows. */
export function timeZone(name: string): TimeZone {
  if (UTC_NAMES.has(name.toLowerCase())) return { name, offsetSeconds: () => 0 }
  return fixedZone(name) ?? namedZone(name)
}

export function isUtc(zone: TimeZone): boolean {
  return UTC_NAMES.has(zone.name.toLowerCase())
}

/** '+02', '-3:30', '2' as PostgreSQL's SET TIME ZONE reads them: hours east. */
function fixedZone(name: string): TimeZone | null {
  const match = /^([+-]?)(\d{1,2})(?::(\d{2}))?$/.exec(name)
  if (match === null) return null
  const seconds = (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60
  const offset = match[1] === '-' ? -seconds : seconds
  return { name, offsetSeconds: () => offset }
}

function namedZone(name: string): TimeZone {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch {
    throw new PgError('22023', `invalid value for parameter "TimeZone": "${name}"`)
  }
  return {
    name: format.resolvedOptions().timeZone,
    offsetSeconds: (epochSeconds) => offsetOf(format, epochSeconds),
  }
}

function offsetOf(format: Intl.DateTimeFormat, epochSeconds: number): number {
  const part = format.formatToParts(epochSeconds * 1000).find(({ type }) => type === 'timeZoneName')
  const match = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(part?.value ?? '')
  if (match === null) return 0
  const seconds = (Number(match[2]) * 60 + Number(match[3])) * 60 + Number(match[4] ?? 0)
  return match[1] === '-' ? -seconds : seconds
}

const DAY_SECONDS = 86_400

/**
 * The moment at which clocks in `zone` show `localSeconds` (seconds since 1970 as if it were UTC). As PostgreSQL does it: a time that clocks skip is told by the
 * offset before they moved, a time that they show twice by the one after.
 */
export function zonedToUtc(localSeconds: number, zone: TimeZone): number {
  const before = zone.offsetSeconds(localSeconds - DAY_SECONDS)
  const after = zone.offsetSeconds(localSeconds + DAY_SECONDS)
  if (before === after) return localSeconds - before
  const isAfter = zone.offsetSeconds(localSeconds - after) === after
  return localSeconds - (isAfter ? after : before)
}
