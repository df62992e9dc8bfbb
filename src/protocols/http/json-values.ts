/** SQL values as JSON, both ways. DESIGN.md "Values in JSON" tells the rules and why; docs/guide/http-api.md shows them. */

import { HarmonyError } from '../../base/errors.ts'
import { INT64_MAX, INT64_MIN, type ResultColumn, type SqlValue } from '../../base/value.ts'
import type { ExactJson } from './exact-json.ts'

/** How INTEGERs are written: as strings where JavaScript would round, always as strings, always as number literals. */
export type IntegerFormat = 'auto' | 'string' | 'number'
export type RowFormat = 'objects' | 'arrays'

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** One value as JSON text. Text and not an object, because `JSON.stringify` can't write `1.0` or exact integers. */
export function encodeValue(value: SqlValue, integers: IntegerFormat): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return encodeInteger(value, integers)
  if (typeof value === 'number') return encodeReal(value)
  return `{"base64":"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"}`
}

function encodeInteger(value: bigint, integers: IntegerFormat): string {
  const isString = integers === 'string' || (integers === 'auto' && (value > SAFE_MAX || value < -SAFE_MAX))
  return isString ? `"${value}"` : String(value)
}

/** A REAL keeps a point or an exponent; the infinities, which JSON does not have, are `{"real":"Infinity"}`. */
function encodeReal(value: number): string {
  if (!Number.isFinite(value)) return `{"real":"${value}"}`
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** Rows as the comma-separated inside of a JSON array. */
export function encodeRows(
  columns: readonly ResultColumn[],
  rows: readonly (readonly SqlValue[])[],
  format: RowFormat,
  integers: IntegerFormat,
): string {
  if (format === 'arrays') {
    return rows.map((row) => `[${row.map((value) => encodeValue(value, integers)).join(',')}]`).join(',')
  }
  const keys = objectKeys(columns).map((name) => `${JSON.stringify(name)}:`)
  return rows
    .map((row) => `{${row.map((value, at) => keys[at] + encodeValue(value, integers)).join(',')}}`)
    .join(',')
}

/** Column names made unique as SQLite does in subqueries (`id`, `id:1`), so that no value of a row is lost. */
export function objectKeys(columns: readonly ResultColumn[]): string[] {
  const used = new Set<string>()
  return columns.map(({ name }) => {
    let key = name
    for (let suffix = 1; used.has(key); suffix++) key = `${name}:${suffix}`
    used.add(key)
    return key
  })
}

/**
 * The value of a parameter. Besides JSON's own values: `{"integer": "…"}`, `{"real": …}` and `{"base64": "…"}`.
 * Throws ARGS_INVALID; `field` names the parameter in the message.
 */
export function decodeValue(json: ExactJson, field: string): SqlValue {
  if (json === null || typeof json === 'string' || typeof json === 'number') return json
  if (typeof json === 'boolean') return json ? 1n : 0n
  if (typeof json === 'bigint') return checkedInteger(json, field)
  if (!Array.isArray(json)) {
    const [entry, ...more] = Object.entries(json as Record<string, ExactJson>)
    if (entry !== undefined && more.length === 0) return decodeTagged(entry[0], entry[1], field)
  }
  throw invalid(
    `${field} must be null, a boolean, a number, a string, {"integer":"…"}, {"real":…} or {"base64":"…"}. ` +
      'To store JSON, send it as a string.',
  )
}

function decodeTagged(tag: string, json: ExactJson, field: string): SqlValue {
  switch (tag) {
    case 'integer':
      if (typeof json === 'bigint') return checkedInteger(json, field)
      if (typeof json === 'string' && /^-?\d{1,20}$/.test(json)) return checkedInteger(BigInt(json), field)
      throw invalid(`${field}.integer must be a whole number, as a string or a number.`)
    case 'real':
      return decodeReal(json, field)
    case 'base64':
      return decodeBase64(json, field)
    default:
      throw invalid(
        `${field}: the tag ${JSON.stringify(tag)} is not known; it may be integer, real or base64.`,
      )
  }
}

function decodeReal(json: ExactJson, field: string): number {
  if (typeof json === 'number') return json
  if (typeof json === 'bigint') return Number(json)
  if (json === 'Infinity') return Number.POSITIVE_INFINITY
  if (json === '-Infinity') return Number.NEGATIVE_INFINITY
  throw invalid(`${field}.real must be a number, "Infinity" or "-Infinity".`)
}

function decodeBase64(json: ExactJson, field: string): Uint8Array {
  if (typeof json !== 'string' || !/^[\w+/-]*={0,2}$/.test(json)) {
    throw invalid(`${field}.base64 must be base64 text.`)
  }
  return new Uint8Array(Buffer.from(json, 'base64'))
}

function checkedInteger(value: bigint, field: string): bigint {
  if (value >= INT64_MIN && value <= INT64_MAX) return value
  throw invalid(`${field} is ${value}, which does not fit into SQLite's 64-bit INTEGER.`)
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('ARGS_INVALID', message)
}
