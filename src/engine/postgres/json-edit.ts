/** What changes jsonb, or looks for one in another: operators `||`, `-`, `#-`, `@>`, and the functions of the jsonb_set family. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'
import { asText, NumberText, parse, print, sorted, type Json } from './json.ts'
import { jsonKey } from './order.ts'

type JsonObject = { [key: string]: Json }

function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
  )
}

function printed(value: Json): string {
  return print(sorted(value))
}

function path(keys: SqlValue): string[] {
  return (parse(keys) as Json[]).map((key) => asText(key) ?? '')
}

/** Two objects are merged, everything else is put one behind the other. */
export function concat(left: SqlValue, right: SqlValue): string {
  const [a, b] = [parse(left), parse(right)]
  if (isObject(a) && isObject(b)) return printed({ ...a, ...b })
  return printed([...(Array.isArray(a) ? a : [a]), ...(Array.isArray(b) ? b : [b])])
}

/** Without a key of an object, or without the strings of that name in an array. */
export function withoutKey(document: SqlValue, key: string): string {
  const value = parse(document)
  if (Array.isArray(value)) return printed(value.filter((item) => item !== key))
  if (!isObject(value)) throw failure('cannot delete from scalar')
  return printed(Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)))
}

export function withoutKeys(document: SqlValue, keys: SqlValue): string {
  return path(keys).reduce((text, key) => withoutKey(text, key), String(document))
}

export function withoutIndex(document: SqlValue, index: bigint): string {
  const value = parse(document)
  if (isObject(value)) throw failure('cannot delete from object using integer index')
  if (!Array.isArray(value)) throw failure('cannot delete from scalar')
  const at = Number(index) < 0 ? value.length + Number(index) : Number(index)
  return printed(value.filter((_, position) => position !== at))
}

const UNCHANGED = Symbol('unchanged')

/** What becomes of the place that a path leads to; undefined deletes it. */
type Change = (old: Json | undefined, container: 'array' | 'object') => Json | undefined | typeof UNCHANGED

function changedAt(value: Json, keys: readonly string[], change: Change, isInsert = false): Json {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (isObject(value)) return changedObject(value, key, rest, change, isInsert)
  if (Array.isArray(value)) return changedArray(value, key, rest, change, isInsert)
  return value
}

function changedObject(
  value: JsonObject,
  key: string,
  rest: readonly string[],
  change: Change,
  isInsert: boolean,
): Json {
  const old = Object.hasOwn(value, key) ? value[key] : undefined
  if (rest.length > 0)
    return old === undefined ? value : { ...value, [key]: changedAt(old, rest, change, isInsert) }
  const changed = change(old, 'object')
  if (changed === UNCHANGED) return value
  if (changed !== undefined) return { ...value, [key]: changed }
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
}

function changedArray(
  value: readonly Json[],
  key: string,
  rest: readonly string[],
  change: Change,
  isInsert: boolean,
): Json {
  if (!/^-?\d+$/.test(key)) throw failure(`path element is not an integer: "${key}"`)
  const given = Number(key)
  const at = given < 0 ? value.length + given : given
  const old = value[at]
  if (rest.length > 0)
    return old === undefined ? [...value] : value.with(at, changedAt(old, rest, change, isInsert))
  const changed = change(old, 'array')
  if (changed === UNCHANGED) return [...value]
  if (changed === undefined) return value.filter((_, position) => position !== at)
  if (isInsert) return value.toSpliced(Math.max(0, Math.min(at, value.length)), 0, changed)
  if (old !== undefined) return value.with(at, changed)
  return at < 0 ? [changed, ...value] : [...value, changed]
}

export function withoutPath(document: SqlValue, keys: SqlValue): string {
  return printed(changedAt(parse(document), path(keys), (old) => (old === undefined ? UNCHANGED : undefined)))
}

export function set(document: SqlValue, keys: SqlValue, value: SqlValue, isCreating: boolean): string {
  const wanted = parse(value)
  const change: Change = (old) => (old === undefined && !isCreating ? UNCHANGED : wanted)
  return printed(changedAt(parse(document), path(keys), change))
}

/** Into an array before (or after) the place; into an object only a key that is not there. */
export function insert(document: SqlValue, keys: SqlValue, value: SqlValue, isAfter: boolean): string {
  const wanted = parse(value)
  const names = path(keys)
  const last = names.at(-1) ?? ''
  if (isAfter && /^-?\d+$/.test(last)) names[names.length - 1] = String(Number(last) + 1)
  const change: Change = (old, container) => {
    if (container === 'array') return wanted
    if (old !== undefined) throw failure('cannot replace existing key')
    return wanted
  }
  return printed(changedAt(parse(document), names, change, true))
}

export function stripNulls(document: SqlValue): string {
  const stripped = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(stripped)
    if (!isObject(value)) return value
    const kept = Object.entries(value).filter(([, inner]) => inner !== null)
    return Object.fromEntries(kept.map(([key, inner]) => [key, stripped(inner)]))
  }
  return printed(stripped(parse(document)))
}

/** As jsonb_pretty shows it: four blanks a level. */
export function pretty(document: SqlValue): string {
  const lines = (value: Json, indent: string): string => {
    const inner = `${indent}    `
    if (Array.isArray(value)) {
      if (value.length === 0) return `[\n${indent}]`
      return `[\n${value.map((item) => inner + lines(item, inner)).join(',\n')}\n${indent}]`
    }
    if (!isObject(value)) return print(value)
    const pairs = Object.entries(value).map(
      ([key, item]) => `${inner}${JSON.stringify(key)}: ${lines(item, inner)}`,
    )
    return pairs.length === 0 ? `{\n${indent}}` : `{\n${pairs.join(',\n')}\n${indent}}`
  }
  return lines(sorted(parse(document)), '')
}

/** Operator `@>`: every part of the right one is in the left one (PostgreSQL documentation, "jsonb Containment and Existence"). */
export function contains(left: SqlValue, right: SqlValue): boolean {
  const [a, b] = [parse(left), parse(right)]
  // An array may contain a scalar, at the top only.
  if (Array.isArray(a) && !Array.isArray(b) && !isObject(b)) return a.some((item) => isEqual(item, b))
  return isWithin(a, b)
}

function isWithin(whole: Json, part: Json): boolean {
  if (Array.isArray(part))
    return Array.isArray(whole) && part.every((item) => whole.some((each) => isWithin(each, item)))
  if (!isObject(part)) return !Array.isArray(whole) && !isObject(whole) && isEqual(whole, part)
  return (
    isObject(whole) &&
    Object.entries(part).every(
      ([key, item]) => Object.hasOwn(whole, key) && isWithin(whole[key] as Json, item),
    )
  )
}

function isEqual(left: Json, right: Json): boolean {
  return jsonKey(print(left)) === jsonKey(print(right))
}

/** Operators `?|` and `?&`. */
export function hasKeys(document: SqlValue, keys: SqlValue, isAll: boolean): boolean {
  const value = parse(document)
  const has = (key: string): boolean =>
    Array.isArray(value) ? value.includes(key) : isObject(value) && Object.hasOwn(value, key)
  return isAll ? path(keys).every(has) : path(keys).some(has)
}
