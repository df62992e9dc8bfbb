/**
 * JSON without loss of numbers. Every number literal without point and exponent becomes a `bigint`, every other
 * one a `number`: the text decides, so that 64-bit integers are exact and `1.0` is not taken for an INTEGER.
 * (`JSON.parse` with source text access, ECMAScript 2026.) All JSON of our API is read this way.
 */

import { HarmonyError } from '../../base/errors.ts'

export type ExactJson =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly ExactJson[]
  | { readonly [name: string]: ExactJson }

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

const INTEGER_LITERAL = /^-?\d+$/
/** BigInt() takes more than linear time. A literal that is cut here is still far outside of 64 bits, and refused for it. */
const INTEGER_DIGITS_MAX = 40

const exactNumber: Reviver = (_key, value, context) => {
  if (typeof value !== 'number' || context.source === undefined) return value
  if (!INTEGER_LITERAL.test(context.source)) return value
  return context.source === '-0' ? -0 : BigInt(context.source.slice(0, INTEGER_DIGITS_MAX))
}

/** Looking at each value's source costs about a microsecond, in which nobody else is served. */
const VALUES_MAX = 1_000_000

const QUOTE = 34
const BACKSLASH = 92
/** `,`, `[` and `{`: a value stands behind each of them, but in what is empty. */
const BEFORE_VALUE: ReadonlySet<number> = new Set([44, 91, 123])

/** Whether JSON holds more than `VALUES_MAX` values, found without parsing it. */
function hasTooManyValues(body: Uint8Array): boolean {
  if (body.length <= VALUES_MAX) return false
  let count = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number
    if (byte === QUOTE) at = endOfString(body, at)
    else if (BEFORE_VALUE.has(byte) && ++count > VALUES_MAX) return true
  }
  return false
}

/** Where the string that begins at `start` ends, or the body. */
function endOfString(body: Uint8Array, start: number): number {
  let at = start + 1
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
  return at
}

/** Throws REQUEST_INVALID if `body` is not JSON in UTF-8, REQUEST_TOO_LARGE if it holds more than a million values. */
export function parseExactJson(body: Uint8Array): ExactJson {
  if (body.length === 0) throw invalid('The request has no body; it must be a JSON object.')
  if (hasTooManyValues(body)) {
    throw new HarmonyError(
      'REQUEST_TOO_LARGE',
      `The request's body holds more than ${VALUES_MAX} values. Send them in several requests.`,
    )
  }
  let text: string
  try {
    text = UTF8.decode(body)
  } catch {
    throw invalid('The request body is not UTF-8.')
  }
  try {
    return JSON.parse(text, exactNumber as (key: string, value: unknown) => unknown) as ExactJson
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'it is nested too deeply'
    throw invalid(`The request body is not JSON: ${why}`)
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function invalid(message: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', message)
}
