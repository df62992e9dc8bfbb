/** Durations in settings: read with any of PostgreSQL's units, kept as PostgreSQL shows them (`SHOW statement_timeout` of 3000 is `3s`). */

import { PgError } from '../error.ts'

const UNITS_MS: Readonly<Record<string, number>> = {
  '': 1,
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** From the largest. */
const SHOWN_UNITS = ['d', 'h', 'min', 's', 'ms'] as const

/** '30s', '5min', '250': milliseconds; null where it is no duration. */
export function durationMs(setting: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/.exec(setting)
  const unit = UNITS_MS[match?.[2] ?? ' ']
  return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit)
}

/** The value in the largest unit that has it as a whole number. */
export function durationText(timeoutMs: number): string {
  if (timeoutMs === 0) return '0'
  const unit = SHOWN_UNITS.find((name) => timeoutMs % (UNITS_MS[name] ?? 1) === 0) ?? 'ms'
  return `${timeoutMs / (UNITS_MS[unit] ?? 1)}${unit}`
}

/** For parameters that are durations. Throws 22023. */
export function checkedDuration(name: string): (value: string) => string {
  return (value) => {
    const timeoutMs = durationMs(value)
    if (timeoutMs !== null) return durationText(timeoutMs)
    throw new PgError('22023', `invalid value for parameter "${name}": "${value}"`)
  }
}
