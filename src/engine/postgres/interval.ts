/** Intervals made and brought into PostgreSQL's usual form. */

import { DAY, intervalText, parseInterval } from './time.ts'

/** Whole months out of every 30 days, whole days out of every 24 hours, with one sign (PostgreSQL source, interval_justify_interval). */
export function justify(text: string, isDays: boolean, isHours: boolean): string {
  let { months, days, micros } = parseInterval(text)
  if (isHours) {
    days += Number(micros / DAY)
    micros %= DAY
  }
  if (isDays) {
    months += Math.trunc(days / 30)
    days %= 30
  }
  const rest = days !== 0 ? Math.sign(days) : isHours ? Number(micros > 0n) - Number(micros < 0n) : 0
  if (isDays && months !== 0 && rest !== 0 && months > 0 !== rest > 0) {
    const sign = months > 0 ? 1 : -1
    months -= sign
    days += sign * 30
  }
  if (isHours && days !== 0 && micros !== 0n && days > 0 !== micros > 0n) {
    const sign = days > 0 ? 1 : -1
    days -= sign
    micros += BigInt(sign) * DAY
  }
  return intervalText({ months, days, micros })
}

export function makeInterval(months: number, days: number, seconds: number): string {
  return intervalText({ months, days, micros: BigInt(Math.round(seconds * 1e6)) })
}
