/**
 * Functions that PostgreSQL has and SQLite has not, for statements that the PostgreSQL front door translates. All are
 * pure: the same arguments give the same result on every replica, so they may stand in writes, indexes and views. They are registered on the writer
 * and on every reader; their names begin with `pg_`.
 */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { inflateRawSync } from 'node:zlib'
import type { SqlValue } from '../base/value.ts'
import { failure } from './postgres/failure.ts'
import * as array from './postgres/array.ts'
import * as interval from './postgres/interval.ts'
import * as jsonEdit from './postgres/json-edit.ts'
import * as json from './postgres/json.ts'
import * as match from './postgres/match.ts'
import { numberToChar, toNumber } from './postgres/number-format.ts'
import * as number from './postgres/number.ts'
import * as order from './postgres/order.ts'
import * as series from './postgres/series.ts'
import { AGGREGATES } from './postgres/statistics.ts'
import * as text from './postgres/text.ts'
import * as timeFormat from './postgres/time-format.ts'
import * as time from './postgres/time.ts'

type Result = SqlValue | boolean
type PureFunction = (...args: SqlValue[]) => Result

/** Strict: NULL for any NULL argument, as most of PostgreSQL's functions are. */
function strict(call: (...args: Exclude<SqlValue, null>[]) => Result): PureFunction {
  return (...args) => (args.includes(null) ? null : call(...(args as Exclude<SqlValue, null>[])))
}

const asText = (value: SqlValue | undefined): string =>
  typeof value === 'string' ? value : String(value ?? '')
const asInteger = (value: SqlValue | undefined): bigint => {
  if (typeof value === 'bigint') return value
  return BigInt(Math.trunc(Number(value ?? 0)))
}
const asBytes = (value: SqlValue | undefined): Uint8Array =>
  value instanceof Uint8Array ? value : Buffer.from(asText(value))
const nullable = <T>(value: SqlValue | undefined, convert: (value: SqlValue) => T): T | null =>
  value === null || value === undefined ? null : convert(value)

/** More than a batch of COPY ever has (protocols/postgres/session/copy-batch.ts). */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024

const TEXT_FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  pg_like: strict((value, pattern, escape) => text.like(asText(value), asText(pattern), asText(escape))),
  pg_regex: strict((value, pattern, flags) =>
    text.regexMatches(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_replace: strict((value, pattern, replacement, flags) =>
    text.regexReplace(asText(value), asText(pattern), asText(replacement), asText(flags)),
  ),
  pg_substring: (value, start, length) =>
    value === null || start === null
      ? null
      : text.substring(asText(value), asInteger(start), nullable(length, asInteger)),
  pg_left: strict((value, count) => text.left(asText(value), asInteger(count))),
  pg_right: strict((value, count) => text.right(asText(value), asInteger(count))),
  pg_reverse: strict((value) => text.reverse(asText(value))),
  pg_initcap: strict((value) => text.initcap(asText(value))),
  pg_lpad: strict((value, length, fill) => text.pad(asText(value), asInteger(length), asText(fill), true)),
  pg_rpad: strict((value, length, fill) => text.pad(asText(value), asInteger(length), asText(fill), false)),
  pg_split_part: strict((value, delimiter, position) =>
    text.splitPart(asText(value), asText(delimiter), asInteger(position)),
  ),
  pg_translate: strict((value, from, to) => text.translate(asText(value), asText(from), asText(to))),
  pg_overlay: (value, placed, start, length) =>
    value === null || placed === null || start === null
      ? null
      : text.overlay(asText(value), asText(placed), asInteger(start), nullable(length, asInteger)),
  pg_md5: strict((value) =>
    text.hash('md5', value instanceof Uint8Array ? value : asText(value)).toString('hex'),
  ),
  pg_sha256: strict((value) => Uint8Array.from(text.hash('sha256', asBytes(value)))),
  pg_encode: strict((value, format) => text.encode(asBytes(value), asText(format))),
  pg_decode: strict((value, format) => text.decode(asText(value), asText(format))),
  pg_quote_ident: strict((value) => text.quoteIdent(asText(value))),
  pg_quote_literal: strict((value) => text.quoteLiteral(asText(value))),
  pg_format: (template, ...args) => (template === null ? null : text.format(asText(template), args)),
  // Rows of a COPY on their way to the log. The bound holds off what a few bytes could be made to grow into.
  pg_unpack: strict((bytes) =>
    inflateRawSync(asBytes(bytes), { maxOutputLength: UNPACKED_BYTES_MAX }).toString(),
  ),
  pg_fit_text: strict((value, length, typeName) =>
    text.fitText(asText(value), asInteger(length), asText(typeName)),
  ),
}

const NUMBER_FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  pg_nonzero: (value) => number.nonZero(value ?? null),
  pg_require: (isTrue, message) => {
    if (isTrue !== 1n) throw failure(asText(message))
    return true
  },
  pg_lateral_limit: (value) => {
    if (value !== 0n && value !== 1n)
      throw failure('LATERAL that may give several rows is not supported by HarmonyDB')
    return value
  },
  pg_limit: (value, none) => number.limit(value ?? null, none ?? null),
  pg_number_text: (value) => number.numberText(value ?? null),
  pg_round: strict((value, places) => number.round(value, asInteger(places))),
  pg_fit_numeric: strict((value, precision, scale) =>
    number.fit(value, asInteger(precision), asInteger(scale)),
  ),
  pg_round_even: strict((value) => number.roundEven(Number(value))),
  pg_float_to_integer: strict((value) => number.floatToInteger(value)),
  pg_from_text: strict((value, type) => fromText(asText(value), asText(type))),
}

function fromText(value: string, type: string): SqlValue {
  switch (type) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return number.integerFromText(value, type)
    case 'numeric':
    case 'float8':
    case 'float4':
      return number.numberFromText(value, type)
    case 'bool':
      return number.booleanFromText(value)
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return time.momentText({ micros: time.parseMoment(value).micros, shape: type })
    case 'uuid':
      return uuid(value)
    default:
      throw failure(`a conversion of text to ${type} is not supported by HarmonyDB`)
  }
}

function uuid(value: string): string {
  const hex = value.toLowerCase().replaceAll(/[{}-]/g, '')
  if (!/^[0-9a-f]{32}$/.test(hex)) throw failure(`invalid input syntax for type uuid: "${value}"`)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const TIME_FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  pg_round_time: strict((value, digits) => time.roundTime(asText(value), asInteger(digits))),
  pg_time_shift: strict((value, sign, interval) => time.shift(asText(value), asText(sign), asText(interval))),
  pg_timestamp_difference: strict((left, right) => time.difference(asText(left), asText(right))),
  pg_interval_add: strict((left, sign, right) =>
    time.addIntervals(asText(left), asText(sign), asText(right)),
  ),
  pg_interval_multiply: strict((interval, factor) => time.multiplyInterval(asText(interval), Number(factor))),
  pg_interval_part: strict((field, interval) => time.intervalPart(asText(field), asText(interval))),
  pg_time_part: strict((field, value) => time.part(asText(field), asText(value))),
  pg_date_trunc: strict((unit, value) => time.truncate(asText(unit), asText(value))),
  pg_epoch_to_timestamptz: strict((seconds) => time.epochToTimestampTz(Number(seconds))),
  pg_to_char: strict((value, format) => {
    if (typeof value !== 'string') return numberToChar(value, asText(format))
    return time.toChar(value, asText(format))
  }),
  pg_to_number: strict((value, format) => toNumber(asText(value), asText(format))),
  pg_to_timestamp: strict((value, format) => timeFormat.toTimestamp(asText(value), asText(format))),
  pg_to_date: strict((value, format) => timeFormat.toDate(asText(value), asText(format))),
  pg_justify_days: strict((value) => interval.justify(asText(value), true, false)),
  pg_justify_hours: strict((value) => interval.justify(asText(value), false, true)),
  pg_justify_interval: strict((value) => interval.justify(asText(value), true, true)),
  pg_date_bin: strict((stride, value, origin) => time.bin(asText(stride), asText(value), asText(origin))),
  pg_make_interval: strict((months, days, seconds) =>
    interval.makeInterval(Number(months), Number(days), Number(seconds)),
  ),
  pg_interval_key: strict((value) => order.intervalKey(asText(value))),
  pg_time_series: strict((first, last, step) => series.ofTimes(asText(first), asText(last), asText(step))),
  pg_number_series: strict((first, last, step) => series.ofDecimals(first, last, step)),
  pg_age: strict((left, right) => time.age(asText(left), asText(right))),
}

const JSON_FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  pg_jsonb_text: strict((value) => json.jsonbText(value)),
  pg_json_get: strict((document, key) => json.get(document, key)),
  pg_json_text: strict((document, key) => json.getText(document, key)),
  pg_json_path: strict((document, keys, isText) => json.path(document, keys, isText === 1n)),
  pg_json_has: strict((document, key) => json.has(document, asText(key))),
  pg_json_typeof: strict((document) => json.typeOf(document)),
  pg_array_item: strict((array, index) => json.arrayItem(array, asInteger(index))),
  pg_array_length: strict((array, dimension) => json.arrayLength(array, asInteger(dimension))),
  pg_array_cardinality: strict((array) => json.cardinality(array)),
  pg_array_to_string: (array, delimiter, nullText) =>
    array === null || delimiter === null
      ? null
      : json.arrayToString(array ?? null, asText(delimiter), nullable(nullText, asText)),
  pg_array_text: strict((array) => json.arrayText(array)),
  pg_array_append: (array, value) => json.arrayConcat(json.elements(array ?? null), [value ?? null]),
  pg_array_prepend: (value, array) => json.arrayConcat([value ?? null], json.elements(array ?? null)),
  pg_array_concat: (left, right) =>
    json.arrayConcat(json.elements(left ?? null), json.elements(right ?? null)),
  pg_array_key: strict((value) => order.arrayKey(value)),
  pg_array_remove: (value, item) => nullable(value, (all) => array.remove(all, item ?? null)),
  pg_array_replace: (value, from, to) =>
    nullable(value, (all) => array.replace(all, from ?? null, to ?? null)),
  pg_array_position: (value, item, from) =>
    nullable(value, (all) => array.position(all, item ?? null, asInteger(from ?? 1n))),
  pg_array_positions: (value, item) => nullable(value, (all) => array.positions(all, item ?? null)),
  pg_array_dims: strict((value) => array.dimensions(value)),
  pg_array_contains: strict((whole, part) => array.contains(whole, part)),
  pg_array_overlaps: strict((left, right) => array.overlaps(left, right)),
  pg_array_slice: (value, from, to) => nullable(value, (all) => array.slice(all, from ?? null, to ?? null)),
  pg_array_trim: strict((value, count) => array.trim(value, asInteger(count))),
  pg_array_fill: (value, lengths) => nullable(lengths, (all) => array.fill(value ?? null, all)),
  pg_string_to_array: (value, delimiter, nullText) =>
    nullable(value, (all) =>
      array.fromText(asText(all), nullable(delimiter, asText), nullable(nullText, asText)),
    ),
}

const JSON_EDITS: Readonly<Record<string, PureFunction>> = {
  pg_json_key: strict((value) => order.jsonKey(value)),
  pg_json_concat: strict((left, right) => jsonEdit.concat(left, right)),
  pg_json_without: strict((document, key) =>
    typeof key === 'bigint'
      ? jsonEdit.withoutIndex(document, key)
      : jsonEdit.withoutKey(document, asText(key)),
  ),
  pg_json_without_keys: strict((document, keys) => jsonEdit.withoutKeys(document, keys)),
  pg_json_without_path: strict((document, keys) => jsonEdit.withoutPath(document, keys)),
  pg_json_set: strict((document, keys, value, isCreating) =>
    jsonEdit.set(document, keys, value, isCreating === 1n),
  ),
  pg_json_insert: strict((document, keys, value, isAfter) =>
    jsonEdit.insert(document, keys, value, isAfter === 1n),
  ),
  pg_json_strip_nulls: strict((document) => jsonEdit.stripNulls(document)),
  pg_json_pretty: strict((document) => jsonEdit.pretty(document)),
  pg_json_contains: strict((whole, part) => jsonEdit.contains(whole, part)),
  pg_json_has_keys: strict((document, keys, isAll) => jsonEdit.hasKeys(document, keys, isAll === 1n)),
}

const MATCH_FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  pg_similar: strict((value, pattern, escape) =>
    match.isSimilar(asText(value), asText(pattern), asText(escape)),
  ),
  pg_regexp_match: strict((value, pattern, flags) =>
    match.firstMatch(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_matches: strict((value, pattern, flags) =>
    match.matches(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_split: strict((value, pattern, flags) =>
    match.split(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_count: strict((value, pattern, flags) =>
    match.count(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_extract: strict((value, pattern) => match.extract(asText(value), asText(pattern))),
  pg_regexp_substr: strict((value, pattern, flags) =>
    match.substring(asText(value), asText(pattern), asText(flags)),
  ),
  pg_regexp_instr: strict((value, pattern, flags) =>
    match.positionOf(asText(value), asText(pattern), asText(flags)),
  ),
}

const FUNCTIONS: Readonly<Record<string, PureFunction>> = {
  ...TEXT_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...TIME_FUNCTIONS,
  ...JSON_FUNCTIONS,
  ...JSON_EDITS,
  ...MATCH_FUNCTIONS,
}

/** Names for the allow-list of functions in writes. */
export const POSTGRES_FUNCTIONS: ReadonlySet<string> = new Set([
  ...Object.keys(FUNCTIONS),
  ...Object.keys(AGGREGATES),
])

export function installPostgresFunctions(database: DatabaseSync): void {
  for (const [name, call] of Object.entries(FUNCTIONS)) {
    const options = { deterministic: true, useBigIntArguments: true, varargs: true }
    database.function(name, options, (...args) => toSqlite(call(...(args as SqlValue[]))))
  }
  for (const [name, { start, step, result }] of Object.entries(AGGREGATES)) {
    database.aggregate(name, {
      deterministic: true,
      useBigIntArguments: true,
      varargs: true,
      // A function, or what it gives would be taken for the state of every group.
      start: start as never,
      step: ((state: never, ...args: SqlValue[]) => step(state, ...args)) as never,
      result: ((state: never) => toSqlite(result(state))) as never,
    })
  }
}

function toSqlite(value: Result): SQLInputValue {
  return typeof value === 'boolean' ? (value ? 1n : 0n) : (value as SQLInputValue)
}
