/** JSON and arrays (JSON arrays) as PostgreSQL's operators see them. Numbers keep their digits. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'

export class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | string | NumberText | Json[] | { [key: string]: Json }

export function parse(text: SqlValue): Json {
  try {
    return JSON.parse(String(text), (_key, value: unknown, context?: { source: string }) =>
      typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value,
    ) as Json
  } catch {
    throw failure('invalid input syntax for type json')
  }
}

export function print(value: Json): string {
  if (value instanceof NumberText) return value.text
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${print(item)}`)
    .join(', ')}}`
}

/** jsonb's one form: keys sorted by length and then by bytes. */
export function jsonbText(text: SqlValue): string {
  return print(sorted(parse(text)))
}

export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object' || value instanceof NumberText) return value
  const byLength = (a: Buffer, b: Buffer): number => a.length - b.length || Buffer.compare(a, b)
  const keys = Object.keys(value).toSorted((a, b) => byLength(Buffer.from(a), Buffer.from(b)))
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] as Json)]))
}

function item(value: Json | undefined, key: SqlValue): Json | undefined {
  if (value === undefined || value === null || typeof value !== 'object' || value instanceof NumberText)
    return undefined
  if (Array.isArray(value)) return typeof key === 'bigint' ? value.at(Number(key)) : undefined
  return typeof key === 'string' && Object.hasOwn(value, key) ? value[key] : undefined
}

export function asText(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? value : print(value)
}

export function get(document: SqlValue, key: SqlValue): string | null {
  const found = item(parse(document), key)
  return found === undefined ? null : print(found)
}

export function getText(document: SqlValue, key: SqlValue): string | null {
  return asText(item(parse(document), key))
}

export function path(document: SqlValue, keys: SqlValue, isText: boolean): string | null {
  let value: Json | undefined = parse(document)
  for (const key of parse(keys) as Json[]) {
    const name = asText(key) ?? ''
    value = item(value, Array.isArray(value) && /^-?\d+$/.test(name) ? BigInt(name) : name)
  }
  if (isText) return asText(value)
  return value === undefined ? null : print(value)
}

/** Operator `?`: a key of an object, or a string of an array. */
export function has(document: SqlValue, key: string): boolean {
  const value = parse(document)
  if (Array.isArray(value)) return value.includes(key)
  return (
    value !== null && typeof value === 'object' && !(value instanceof NumberText) && Object.hasOwn(value, key)
  )
}

export function typeOf(document: SqlValue): string {
  const value = parse(document)
  if (value === null) return 'null'
  if (value instanceof NumberText) return 'number'
  return Array.isArray(value) ? 'array' : typeof value
}

// Arrays.

export function items(array: SqlValue): Json[] {
  const value = parse(array)
  if (!Array.isArray(value)) throw failure('malformed array literal')
  return value
}

export function toSql(value: Json | undefined): SqlValue {
  if (value === undefined || value === null) return null
  if (value instanceof NumberText) return /^-?\d+$/.test(value.text) ? BigInt(value.text) : Number(value.text)
  if (typeof value === 'boolean') return value ? 1n : 0n
  return typeof value === 'string' ? value : print(value)
}

export function fromSql(value: SqlValue): Json {
  if (value === null) return null
  if (typeof value === 'bigint' || typeof value === 'number') return new NumberText(String(value))
  return typeof value === 'string' ? value : `\\x${Buffer.from(value).toString('hex')}`
}

/** Subscripts start at 1. */
export function arrayItem(array: SqlValue, index: bigint): SqlValue {
  return index < 1n ? null : toSql(items(array)[Number(index) - 1])
}

/** NULL for an empty array and for a dimension that it does not have. */
export function arrayLength(array: SqlValue, dimension: bigint): SqlValue {
  let level: Json[] = items(array)
  for (let depth = 1n; depth < dimension; depth++) {
    const inner = level[0]
    if (!Array.isArray(inner)) return null
    level = inner
  }
  return level.length === 0 || dimension < 1n ? null : BigInt(level.length)
}

export function cardinality(array: SqlValue): bigint {
  return BigInt(items(array).flat(10).length)
}

export function arrayToString(array: SqlValue, delimiter: string, nullText: string | null): string {
  return (items(array).flat(10) as Json[])
    .filter((value) => value !== null || nullText !== null)
    .map((value) => asText(value) ?? nullText)
    .join(delimiter)
}

export function arrayText(array: SqlValue): string {
  const shown = (value: Json): string => {
    if (Array.isArray(value)) return `{${value.map(shown).join(',')}}`
    const text = asText(value)
    if (text === null) return 'NULL'
    const isPlain = text !== '' && !/[\s{}"\\,]/.test(text) && !/^null$/i.test(text)
    return isPlain ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
  }
  return shown(items(array))
}

export function arrayConcat(left: readonly SqlValue[], right: readonly SqlValue[]): string {
  return `[${[...left, ...right].map((value) => print(fromSql(value))).join(',')}]`
}

/** NULL stands for an empty array. */
export function elements(array: SqlValue): SqlValue[] {
  return array === null
    ? []
    : items(array).map((value) => (Array.isArray(value) ? print(value) : toSql(value)))
}
