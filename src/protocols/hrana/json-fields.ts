/**
 * Reading of parsed JSON: each function gives a value of the wanted type or throws a FieldError. Unknown fields are
 * ignored (HRANA_3_SPEC "Encoding": forward compatibility), and an optional field may be null or left away.
 */

import { isUtf8 } from 'node:buffer'
import { FieldError, within } from './field-error.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** `bytes` as JSON. UTF-8 is checked, because decoding would otherwise change what is wrong without a word. */
export function parseJson(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw new FieldError('is not UTF-8')
  return parseJsonText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
}

export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new FieldError(`is not JSON: ${(error as Error).message}`)
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'is missing'
  if (value === null) return 'is null'
  return Array.isArray(value) ? 'is an array' : `is of type ${typeof value}`
}

export function object(value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw new FieldError(`must be an object, but ${kindOf(value)}`)
}

/** Well-formed Unicode: a lone surrogate has no UTF-8, and SQLite would store something else. */
export function string(value: unknown): string {
  if (typeof value !== 'string') throw new FieldError(`must be a string, but ${kindOf(value)}`)
  if (!value.isWellFormed()) throw new FieldError('must be Unicode text, but holds a lone surrogate')
  return value
}

export function boolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new FieldError(`must be true or false, but ${kindOf(value)}`)
}

export function number(value: unknown): number {
  if (typeof value === 'number') return value
  throw new FieldError(`must be a number, but ${kindOf(value)}`)
}

export function int32(value: unknown): number {
  if (typeof value === 'number' && (value | 0) === value) return value
  throw new FieldError(`must be a 32-bit signed integer, but ${describe(value)}`)
}

export function uint32(value: unknown): number {
  if (typeof value === 'number' && value >>> 0 === value) return value
  throw new FieldError(`must be a 32-bit unsigned integer, but ${describe(value)}`)
}

function describe(value: unknown): string {
  return typeof value === 'number' ? `is ${value}` : kindOf(value)
}

export function field<T>(parent: JsonObject, key: string, decode: (value: unknown) => T): T {
  try {
    return decode(parent[key])
  } catch (thrown) {
    throw within(thrown, key)
  }
}

/** Null where the field is null or left away. */
export function optional<T>(parent: JsonObject, key: string, decode: (value: unknown) => T): T | null {
  const value = parent[key]
  return value === undefined || value === null ? null : field(parent, key, decode)
}

export function list<T>(value: unknown, decode: (item: unknown, index: number) => T): T[] {
  if (!Array.isArray(value)) throw new FieldError(`must be an array, but ${kindOf(value)}`)
  const items: T[] = []
  try {
    for (const item of value) items.push(decode(item, items.length))
  } catch (thrown) {
    throw within(thrown, `[${items.length}]`)
  }
  return items
}

/** For the default branch over a `type` field. `known` names what it may be. */
export function unknownType(value: unknown, known: string): never {
  const shown = typeof value === 'string' ? `is "${value.slice(0, 40)}"` : kindOf(value)
  throw new FieldError(`must be one of ${known}, but ${shown}`, 'type')
}
