/** Values as the table has them: bytes as BLOB, strings as TEXT, and JSON as TEXT, too, so that SQL's `->>` reads it. */

import { HarmonyError } from '../../base/errors.ts'
import { describe } from './key-codec.ts'

export type Stored = string | Uint8Array

export interface ValueCodec<V> {
  readonly encode: (value: V) => Stored
  readonly decode: (stored: Stored) => V
}

export type ValueKind = 'json' | 'string' | 'bytes'

export const JSON_VALUES: ValueCodec<unknown> = {
  encode: encodeJson,
  decode: (stored) => {
    if (typeof stored !== 'string') throw otherKind('bytes', 'json')
    try {
      return JSON.parse(stored) as unknown
    } catch (cause) {
      throw otherKind('a text that is no JSON', 'json', cause)
    }
  },
}

export const STRING_VALUES: ValueCodec<string> = {
  encode: (value) => {
    if (typeof value !== 'string')
      throw invalid(`is ${describe(value)}, and this bucket's values are strings`)
    if (!value.isWellFormed()) throw invalid('holds half of a surrogate pair, which UTF-8 can not tell')
    return value
  },
  decode: (stored) => {
    if (typeof stored !== 'string') throw otherKind('bytes', 'string')
    return stored
  },
}

export const BYTES_VALUES: ValueCodec<Uint8Array> = {
  encode: (value) => {
    if (value instanceof Uint8Array) return value
    throw invalid(`is ${describe(value)}, and this bucket's values are Uint8Arrays`)
  },
  decode: (stored) => {
    if (typeof stored === 'string') throw otherKind('a text', 'bytes')
    return stored
  },
}

function encodeJson(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw invalid(`has no JSON: ${(cause as Error).message}`, cause)
  }
  if (text === undefined) throw invalid(`is ${describe(value)}, which has no JSON`)
  return text
}

function invalid(what: string, cause?: unknown): HarmonyError {
  return new HarmonyError('ARGS_INVALID', `The value ${what}.`, { cause })
}

function otherKind(found: string, wanted: ValueKind, cause?: unknown): HarmonyError {
  return new HarmonyError(
    'ARGS_INVALID',
    `The entry holds ${found}, and the bucket was opened with \`values: '${wanted}'\`: open it with the kind that it was written with.`,
    { cause },
  )
}
