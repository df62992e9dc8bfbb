/** to_timestamp and to_date with a template: what toChar (time.ts) writes, read back. */

import { failure } from './failure.ts'
import { MONTHS, momentText } from './time.ts'

const WORDS =
  /^(?:"([^"]*)"|(?:FM|TM)?(HH24|HH12|HH|MI|SSSSS?|SS|MS|US|YYYY|YYY|YY|Y|MONTH|MON|MM|DAY|DDD|DD|DY|AM|PM|A\.M\.|P\.M\.)(?:TH)?)/i

interface Parts {
  year: number
  month: number
  day: number
  dayOfYear: number | null
  hour: number
  minute: number
  second: number
  micros: number
  isAfternoon: boolean | null
}

/** How many digits a number may have. */
const WIDTHS: Readonly<Record<string, number>> = { YYYY: 4, YYY: 3, Y: 1, DDD: 3, MS: 3, US: 6 }

function read(text: string, format: string): Parts {
  const parts: Parts = {
    year: 1,
    month: 1,
    day: 1,
    dayOfYear: null,
    hour: 0,
    minute: 0,
    second: 0,
    micros: 0,
    isAfternoon: null,
  }
  let [rest, template] = [text, format]
  while (template !== '') {
    const match = WORDS.exec(template)
    if (match === null) {
      if (/^[A-Za-z]/.test(template))
        throw failure(`the to_timestamp pattern "${template}" is not supported by HarmonyDB`)
      template = template.slice(1)
      rest = rest.replace(/^[^A-Za-z0-9]/, '')
      continue
    }
    template = template.slice(match[0].length)
    rest =
      match[2] === undefined
        ? rest.slice(match[1]?.length ?? 0)
        : take(match[2].toUpperCase(), rest.trimStart(), parts)
  }
  return parts
}

/** Reads one word's value off the text and gives what is left. */
function take(word: string, text: string, parts: Parts): string {
  if (/^(?:DAY|DY)$/.test(word)) return text.replace(/^[A-Za-z]+/, '')
  if (word.startsWith('MON')) return takeMonth(word, text, parts)
  if (/^[AP]\.?M/.test(word)) {
    const match = /^([ap])\.?m\.?/i.exec(text)
    if (match === null) throw invalid(text, word)
    parts.isAfternoon = match[1]?.toLowerCase() === 'p'
    return text.slice(match[0].length)
  }
  const digits = new RegExp(`^[+-]?\\d{1,${WIDTHS[word] ?? 2}}`).exec(text)?.[0]
  if (digits === undefined) throw invalid(text, word)
  put(word, digits, parts)
  return text.slice(digits.length)
}

function takeMonth(word: string, text: string, parts: Parts): string {
  const lower = text.toLowerCase()
  const at = MONTHS.findIndex((name) => lower.startsWith(name.slice(0, 3).toLowerCase()))
  const name = MONTHS[at]
  if (name === undefined) throw invalid(text, word)
  parts.month = at + 1
  return text.slice(word === 'MONTH' && lower.startsWith(name.toLowerCase()) ? name.length : 3)
}

function put(word: string, digits: string, parts: Parts): void {
  const value = Number(digits)
  switch (word) {
    case 'YYYY':
      parts.year = value
      break
    case 'YYY':
    case 'YY':
    case 'Y':
      parts.year =
        value < 70 ? value + 2000 : value < 100 ? value + 1900 : value + (value < 520 ? 2000 : 1000)
      break
    case 'MM':
      parts.month = value
      break
    case 'DD':
      parts.day = value
      break
    case 'DDD':
      parts.dayOfYear = value
      break
    case 'HH24':
    case 'HH12':
    case 'HH':
      parts.hour = value
      break
    case 'MI':
      parts.minute = value
      break
    case 'SS':
      parts.second = value
      break
    case 'MS':
      parts.micros += Number(digits.padEnd(3, '0')) * 1000
      break
    case 'US':
      parts.micros += Number(digits.padEnd(6, '0'))
      break
    default:
      throw failure(`the to_timestamp pattern "${word}" is not supported by HarmonyDB`)
  }
}

function invalid(text: string, word: string): Error {
  return failure(`invalid value "${text.slice(0, WIDTHS[word] ?? 2)}" for "${word}"`)
}

function microsOf(text: string, format: string): bigint {
  const parts = read(text, format)
  const { year, hour, minute, second, micros, isAfternoon } = parts
  const [month, day] = parts.dayOfYear === null ? [parts.month, parts.day] : [1, parts.dayOfYear]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const isReal = parts.dayOfYear !== null || (date.getUTCMonth() === month - 1 && date.getUTCDate() === day)
  if (!isReal || hour > 23 || minute > 59 || second > 59 || month > 12)
    throw failure(`date/time field value out of range: "${text}"`)
  const hours = isAfternoon === null ? hour : (hour % 12) + (isAfternoon ? 12 : 0)
  const seconds = date.getTime() / 1000 + hours * 3600 + minute * 60 + second
  return BigInt(seconds) * 1_000_000n + BigInt(micros)
}

/** In UTC. */
export function toTimestamp(text: string, format: string): string {
  return momentText({ micros: microsOf(text, format), shape: 'timestamptz' })
}

export function toDate(text: string, format: string): string {
  return momentText({ micros: microsOf(text, format), shape: 'date' })
}
