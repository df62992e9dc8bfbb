/** Functions in FROM: those that give rows, and any other, which gives one. */

import type { ColumnDef, FuncCall, Node, RangeFunction } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import {
  elementOf,
  INT4_TYPE,
  INT8_TYPE,
  INTERVAL,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  OID_TYPE,
  TEXT,
  TIMESTAMP,
  TIMESTAMPTZ,
  typeByName,
  VOID,
  type PgType,
} from '../types/registry.ts'
import { only, open, quoteName, quoteText, strings } from './ast.ts'
import { cast, isDateTime } from './casts.ts'
import { columnTypeOf } from './create-table.ts'
import { namedColumns } from './named-columns.ts'
import { jsonText, lateralFunction, namesSibling } from './lateral-function.ts'
import { resolved, resolvedText } from './literals.ts'
import { numericOfScale, scaleOf } from './numeric-scale.ts'
import { Scope, type SourceColumn } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, plain, type Typed } from './typed.ts'

const TEXT_ARRAY = must(typeByName('_text'))

export function functionItem(body: RangeFunction, scope: Scope, translator: Translator): string {
  only('RangeFunction', body, 'lateral', 'functions', 'alias', 'ordinality', 'coldeflist')
  const list = open(must(body.functions?.[0])).body['items'] as readonly Node[]
  const call = open(must(list[0]))
  if (call.kind !== 'FuncCall' || (body.functions ?? []).length > 1)
    throw notSupported('this function in FROM')
  const name = strings((call.body as FuncCall).funcname).at(-1) ?? ''
  if (namesSibling(call.body, scope))
    return lateralFunction(name, call.body as FuncCall, body, scope, translator)
  const args = ((call.body as FuncCall).args ?? []).map((node) => translator.expression(node, scope))
  const alias = body.alias?.aliasname ?? name
  const rows =
    recordRows(name, args, body.coldeflist ?? [], translator) ??
    sleepRow(name, args, alias, translator) ??
    rowsOf(name, args, alias, translator) ??
    oneRow(must(list[0]), alias, scope, translator)
  const columns =
    body.ordinality === true
      ? [...rows.columns, { name: 'ordinality', type: plain(INT8_TYPE), origin: null }]
      : rows.columns
  const sql =
    body.ordinality === true ? `(SELECT *, row_number() OVER () AS "ordinality" FROM ${rows.sql})` : rows.sql
  return namedColumns(sql, body.alias?.aliasname ?? name, columns, body.alias, scope, true)
}

/** It has slept when the statement begins, whether its row is asked for or not. Null where how long is not known before. */
function sleepRow(
  name: string,
  [seconds]: readonly Typed[],
  alias: string,
  { context }: Translator,
): RowFunction | null {
  const constant = Number(seconds?.numberText ?? seconds?.constant ?? Number.NaN)
  if (name !== 'pg_sleep' || !Number.isFinite(constant)) return null
  const value = context.sessionValue({ kind: 'sleep', seconds: constant })
  return {
    sql: `(SELECT ${value} AS ${quoteName(alias)})`,
    columns: [{ name: alias, type: plain(VOID), origin: null }],
  }
}

interface RowFunction {
  readonly sql: string
  readonly columns: readonly SourceColumn[]
}

/** A single column is named for the alias (PostgreSQL documentation, "Table Functions"). */
function rowsOf(
  name: string,
  args: readonly Typed[],
  alias: string,
  translator: Translator,
): RowFunction | null {
  switch (name) {
    case 'generate_series':
      return series(args, alias, translator)
    // Nothing is partitioned: a table is its only ancestor.
    case 'pg_partition_ancestors':
    case 'pg_partition_tree':
      return oneColumn(
        `SELECT ${resolved(must(args[0]), plain(OID_TYPE)).sql} AS ${quoteName(alias)}`,
        alias,
        OID_TYPE,
      )
    case 'generate_subscripts':
      return oneColumn(
        `SELECT key + 1 AS ${quoteName(alias)} FROM json_each(${must(args[0]).sql})`,
        alias,
        INT4_TYPE,
      )
    case 'unnest':
      return args.length > 1
        ? unnestTogether(args, alias, translator)
        : unnest(must(args[0]), alias, translator)
    case 'string_to_table':
      return elementsOf(`pg_string_to_array(${texts(args, ['NULL', 'NULL'])})`, alias, TEXT)
    case 'regexp_split_to_table':
      return elementsOf(`pg_regexp_split(${texts(args, ["''", "''"])})`, alias, TEXT)
    case 'regexp_matches':
      return elementsOf(`pg_regexp_matches(${texts(args, ["''", "''"])})`, alias, TEXT_ARRAY)
    case 'json_array_elements':
    case 'jsonb_array_elements':
      return jsonElements(must(args[0]), name.startsWith('jsonb') ? JSONB : JSON_TYPE)
    case 'json_array_elements_text':
    case 'jsonb_array_elements_text':
      return oneColumn(
        `SELECT ${jsonText(null, name.startsWith('jsonb'))} AS "value" FROM json_each(${resolvedText(must(args[0])).sql})`,
        'value',
        TEXT,
      )
    case 'json_object_keys':
    case 'jsonb_object_keys':
      return oneColumn(
        `SELECT key AS ${quoteName(alias)} FROM json_each(${resolvedText(must(args[0])).sql})`,
        alias,
        TEXT,
      )
    case 'json_each':
    case 'jsonb_each':
    case 'json_each_text':
    case 'jsonb_each_text':
      return jsonEach(must(args[0]), name)
    default:
      if (SETS_ELSEWHERE.has(name)) throw translator.context.notSupported(`the function ${name} in FROM`)
      return null
  }
}

/** Functions that give sets in PostgreSQL, and that may mean something else where one value is wanted. */
const SETS_ELSEWHERE: ReadonlySet<string> = new Set([
  'json_populate_recordset',
  'jsonb_populate_recordset',
  'jsonb_path_query',
  'pg_get_keywords',
  'pg_show_all_settings',
  'aclexplode',
])

/** Any other function gives one row with one column (PostgreSQL documentation, "Table Functions"). */
function oneRow(call: Node, alias: string, scope: Scope, translator: Translator): RowFunction {
  const { sql, type } = translator.expression(call, new Scope(scope.withoutSources()))
  return oneColumn(`SELECT ${sql} AS ${quoteName(alias)}`, alias, type ?? TEXT)
}

function oneColumn(sql: string, name: string, type: SourceColumn['type'] | typeof TEXT): RowFunction {
  const withModifier = type === null || 'type' in type ? type : plain(type)
  return { sql: `(${sql})`, columns: [{ name, type: withModifier, origin: null }] }
}

function series(args: readonly Typed[], alias: string, translator: Translator): RowFunction {
  const [first, last, step] = args
  if (first === undefined || last === undefined || args.length > 3)
    throw notSupported('this form of generate_series')
  const other = otherSeries(first, last, step, alias, translator)
  if (other !== null) return other
  const type = first.type ?? plain(INT4_TYPE)
  const name = quoteName(alias)
  const [from, to, by] = [first, last, step].map((each) =>
    each === undefined ? '1' : resolved(each, type).sql,
  )
  const guard =
    step === undefined
      ? `"n" < ${to}`
      : `CASE WHEN ${by} > 0 THEN "n" + ${by} <= ${to} ELSE "n" + ${by} >= ${to} END`
  const start =
    step === undefined
      ? `${from} <= ${to}`
      : `CASE WHEN pg_nonzero(${by}) > 0 THEN ${from} <= ${to} ELSE ${from} >= ${to} END`
  const series = translator.context.uniqueName('series')
  return oneColumn(
    `WITH RECURSIVE ${quoteName(series)}("n") AS (SELECT ${from} WHERE ${start} UNION ALL SELECT "n" + ${by} FROM ${quoteName(series)} WHERE ${guard}) SELECT "n" AS ${name} FROM ${quoteName(series)}`,
    alias,
    type,
  )
}

/** Of times, which want an interval, and of decimals. Null for integers. */
function otherSeries(
  first: Typed,
  last: Typed,
  step: Typed | undefined,
  alias: string,
  { context }: Translator,
): RowFunction | null {
  const types = [first, last, step].flatMap((each) => each?.type?.type ?? [])
  if (types.some(isDateTime)) {
    if (step === undefined)
      throw context.error('42883', 'function generate_series of times needs an interval')
    const given = [first, last].flatMap(({ type }) =>
      type !== null && isDateTime(type.type) ? [type.type] : [],
    )
    // Dates become timestamptz, which is what PostgreSQL prefers.
    const type = given.includes(TIMESTAMP) && !given.includes(TIMESTAMPTZ) ? TIMESTAMP : TIMESTAMPTZ
    if (type === TIMESTAMPTZ) context.requireUtc('generate_series of timestamp with time zone')
    const [from, to] = [first, last].map(
      (each) => cast(resolved(each, plain(type)), plain(type), context).sql,
    )
    return elementsOf(`pg_time_series(${from}, ${to}, ${resolved(step, plain(INTERVAL)).sql})`, alias, type)
  }
  if (types.every((type) => type.name.startsWith('int'))) return null
  const [from, to, by] = [first, last, step].map((each) =>
    each === undefined ? '1' : resolved(each, plain(NUMERIC)).sql,
  )
  const scale = Math.max(...[first, step].map((each) => (each === undefined ? 0 : (scaleOf(each) ?? 0))))
  return elementsOf(`pg_number_series(${from}, ${to}, ${by})`, alias, numericOfScale(scale))
}

/** The elements of a JSON array that a function makes. */
function elementsOf(array: string, alias: string, type: PgType | TypeWithModifier): RowFunction {
  return oneColumn(
    `SELECT value AS ${quoteName(alias)} FROM json_each(${array})`,
    alias,
    'type' in type ? type : plain(type),
  )
}

/** Arguments as texts; `missing` stand for the last ones where they are left away. */
function texts(args: readonly Typed[], missing: readonly string[]): string {
  const given = args.map((argument) => resolvedText(argument).sql)
  const places = 1 + missing.length
  return [...given, ...missing.slice(missing.length - Math.max(0, places - given.length))].join(', ')
}

/** Side by side; shorter ones end in NULL. */
function unnestTogether(args: readonly Typed[], alias: string, { context }: Translator): RowFunction {
  const parts = args.map((array, index) => {
    const type = array.type === null ? null : elementOf(array.type.type)
    if (type === null) throw context.error('42883', 'function unnest needs an array')
    return { sql: array.sql, type, name: quoteName(`_${index}`) }
  })
  const joined = parts.map(
    ({ sql, name }, index) =>
      `${index === 0 ? '' : ' FULL JOIN '}json_each(${sql}) AS ${name}${index === 0 ? '' : ' USING ("key")'}`,
  )
  const names = parts.map((_, index) => (index === 0 ? alias : `${alias}_${index}`))
  const items = parts.map(({ name }, index) => `${name}."value" AS ${quoteName(must(names[index]))}`)
  return {
    sql: `(SELECT ${items.join(', ')} FROM ${joined.join('')} ORDER BY "key")`,
    columns: parts.map(({ type }, index) => ({ name: must(names[index]), type: plain(type), origin: null })),
  }
}

/** json_to_record(set) with the columns that AS names: each by its key. */
function recordRows(
  name: string,
  args: readonly Typed[],
  definitions: readonly Node[],
  translator: Translator,
): RowFunction | null {
  const match = /^jsonb?_to_record(set)?$/.exec(name)
  if (match === null) {
    if (definitions.length > 0) throw notSupported(`a list of column definitions for ${name}`)
    return null
  }
  if (definitions.length === 0)
    throw new PgError('42601', 'a column definition list is required for functions returning "record"')
  const document = resolvedText(must(args[0])).sql
  const columns = definitions.map((node) => {
    const body = open(node).body as ColumnDef
    return { name: body.colname ?? '', type: columnTypeOf(body, translator) }
  })
  const items = columns.map((column) => `${fieldText(column, translator)} AS ${quoteName(column.name)}`)
  const source = match[1] === undefined ? `(SELECT ${document} AS value)` : `json_each(${document})`
  return {
    sql: `(SELECT ${items.join(', ')} FROM ${source})`,
    columns: columns.map((column) => ({ ...column, origin: null })),
  }
}

function fieldText(
  { name, type }: { readonly name: string; readonly type: TypeWithModifier },
  { context }: Translator,
): string {
  const isJson = type.type === JSON_TYPE || type.type === JSONB || type.type.elementOid !== 0
  if (isJson) return `nullif(pg_json_get(value, ${quoteText(name)}), 'null')`
  return cast(atom(`pg_json_text(value, ${quoteText(name)})`, TEXT), type, context).sql
}

function unnest(array: Typed, alias: string, { context }: Translator): RowFunction {
  const type = array.type === null ? null : elementOf(array.type.type)
  if (type === null) throw context.error('42883', 'function unnest needs an array')
  return oneColumn(`SELECT value AS ${quoteName(alias)} FROM json_each(${array.sql})`, alias, type)
}

/** An element of json_each as JSON. */
const ELEMENT =
  "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' " +
  "WHEN 'object' THEN value WHEN 'array' THEN value ELSE json_quote(value) END"

function jsonElements(document: Typed, type: typeof JSONB): RowFunction {
  return oneColumn(
    `SELECT ${ELEMENT} AS "value" FROM json_each(${resolvedText(document).sql})`,
    'value',
    type,
  )
}

function jsonEach(document: Typed, name: string): RowFunction {
  const isText = name.endsWith('_text')
  const type = isText ? TEXT : name.startsWith('jsonb') ? JSONB : JSON_TYPE
  const value = isText ? jsonText(null, name.startsWith('jsonb')) : ELEMENT
  return {
    sql: `(SELECT key AS "key", ${value} AS "value" FROM json_each(${resolvedText(document).sql}))`,
    columns: [
      { name: 'key', type: plain(TEXT), origin: null },
      { name: 'value', type: plain(type), origin: null },
    ],
  }
}
