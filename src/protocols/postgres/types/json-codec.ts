/**
 * json and jsonb, stored as TEXT. jsonb is normalised on input as PostgreSQL does it: keys sorted by length and then by bytes, the last of equal keys, a
 * space after each comma and colon. Numbers keep their digits.
 */

import { PgError } from '../error.ts'
import { utf8 } from '../wire/field-reader.ts'
import { naturalText, type Codec } from './codec.ts'

const JSONB_VERSION = 1

export const JSON_CODEC: Codec = {
  encodeText: (value) => naturalText(value),
  encodeBinary: (out, value) => out.textValue(naturalText(value)),
  decodeText: (text) => checked(text),
  decodeBinary: (bytes) => checked(utf8(bytes)),
}

export const JSONB_CODEC: Codec = {
  encodeText: (value) => shownJsonb(naturalText(value)),
  encodeBinary(out, value) {
    const bytes = Buffer.from(shownJsonb(naturalText(value)))
    out.i32(bytes.length + 1)
    out.u8(JSONB_VERSION)
    out.bytes(bytes)
  },
  decodeText: (text) => normalisedJsonb(text),
  decodeBinary(bytes) {
    if (bytes[0] !== JSONB_VERSION) throw new PgError('22P03', `unsupported jsonb version number ${bytes[0]}`)
    return normalisedJsonb(utf8(bytes.subarray(1)))
  },
}

function checked(text: string): string {
  parse(text)
  return text
}

/** A number in JSON keeps its source text, because 64-bit integers do not fit in a JavaScript number. */
class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Json = null | boolean | string | NumberText | Json[] | { [key: string]: Json }

function parse(text: string): Json {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source: string }) =>
      typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value,
    ) as Json
  } catch (error) {
    throw new PgError('22P02', 'invalid input syntax for type json', {
      detail: error instanceof Error ? error.message : String(error),
    })
  }
}

export function normalisedJsonb(text: string): string {
  return print(parse(text))
}

/** What SQLite's JSON functions made has no spaces; a value that is no JSON is shown as it is. */
function shownJsonb(text: string): string {
  try {
    return normalisedJsonb(text)
  } catch {
    return text
  }
}

function print(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (value instanceof NumberText) return plainNumber(value.text)
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`
  const keys = Object.keys(value).toSorted(byLengthThenBytes)
  return `{${keys.map((key) => `${JSON.stringify(key)}: ${print(value[key] as Json)}`).join(', ')}}`
}

function byLengthThenBytes(left: string, right: string): number {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length - b.length || Buffer.compare(a, b)
}

const EXPONENT_MAX = 400

/** jsonb holds numerics, which have no exponent: 1e3 is 1000. */
function plainNumber(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(text)
  if (match === null) return text === '-0' ? '0' : text
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  const exponent = Number(power)
  if (Math.abs(exponent) > EXPONENT_MAX) throw new PgError('22003', `number ${text} is out of range in jsonb`)
  const digits = whole + fraction
  const point = whole.length + exponent
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits.padEnd(point, '0').replace(/^0+(?=\d)/, '')
  return `${sign}${digits.slice(0, point).replace(/^0+(?=\d)/, '')}.${digits.slice(point)}`
}
