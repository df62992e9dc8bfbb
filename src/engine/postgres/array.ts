/** Functions over arrays, which are stored as JSON arrays. An element is equal to another where PostgreSQL says so. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'
import { fromSql, items, print, toSql, type Json } from './json.ts'
import { arrayKey } from './order.ts'

function printed(values: readonly Json[]): string {
  return `[${values.map(print).join(',')}]`
}

function keyOf(value: Json): string {
  return arrayKey(printed([value]))
}

export function remove(array: SqlValue, value: SqlValue): string {
  const unwanted = keyOf(fromSql(value))
  return printed(items(array).filter((item) => keyOf(item) !== unwanted))
}

export function replace(array: SqlValue, from: SqlValue, to: SqlValue): string {
  const old = keyOf(fromSql(from))
  return printed(items(array).map((item) => (keyOf(item) === old ? fromSql(to) : item)))
}

/** From 1; null where it is not there. */
export function position(array: SqlValue, value: SqlValue, from: bigint): bigint | null {
  const wanted = keyOf(fromSql(value))
  const at = items(array).findIndex((item, index) => index >= Number(from) - 1 && keyOf(item) === wanted)
  return at < 0 ? null : BigInt(at + 1)
}

export function positions(array: SqlValue, value: SqlValue): string {
  const wanted = keyOf(fromSql(value))
  const found = items(array).flatMap((item, index) => (keyOf(item) === wanted ? [index + 1] : []))
  return JSON.stringify(found)
}

export function dimensions(array: SqlValue): string | null {
  const parts: string[] = []
  let level: Json | undefined = items(array)
  for (; Array.isArray(level) && level.length > 0; level = level[0]) parts.push(`[1:${level.length}]`)
  return parts.length === 0 ? null : parts.join('')
}

/** NULL is in no other array, not even in one that has it, too. */
export function contains(whole: SqlValue, part: SqlValue): boolean {
  const keys = new Set(
    items(whole)
      .filter((item) => item !== null)
      .map(keyOf),
  )
  return items(part).every((item) => item !== null && keys.has(keyOf(item)))
}

export function overlaps(left: SqlValue, right: SqlValue): boolean {
  const keys = new Set(
    items(left)
      .filter((item) => item !== null)
      .map(keyOf),
  )
  return items(right).some((item) => item !== null && keys.has(keyOf(item)))
}

export function slice(array: SqlValue, from: SqlValue, to: SqlValue): string {
  const all = items(array)
  const start = from === null ? 1 : Math.max(1, Number(from))
  const end = to === null ? all.length : Number(to)
  return printed(end < start ? [] : all.slice(start - 1, end))
}

export function trim(array: SqlValue, count: bigint): string {
  const all = items(array)
  if (count < 0n || count > BigInt(all.length))
    throw failure(`number of elements to trim must be between 0 and ${all.length}`)
  return printed(all.slice(0, all.length - Number(count)))
}

const FILLED_MAX = 1_000_000

export function fill(value: SqlValue, lengths: SqlValue): string {
  const [length, ...more] = items(lengths).map((item) => Number(toSql(item)))
  if (length === undefined || more.length > 0)
    throw failure('array_fill of several dimensions is not supported by HarmonyDB')
  if (length > FILLED_MAX) throw failure(`requested length too large: ${length}`)
  return printed(Array.from({ length: Math.max(0, length) }, () => fromSql(value)))
}

/** A delimiter NULL makes an element of each character. */
export function fromText(text: string, delimiter: string | null, nullText: string | null): string {
  const parts =
    text === ''
      ? []
      : delimiter === null
        ? Array.from(text)
        : delimiter === ''
          ? [text]
          : text.split(delimiter)
  return JSON.stringify(parts.map((part) => (part === nullText ? null : part)))
}
