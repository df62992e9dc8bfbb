/** FROM: tables, subqueries, joins, functions that give rows. Adds to the scope what it brings. */

import type {
  Alias,
  FuncCall,
  JoinExpr,
  Node,
  RangeFunction,
  RangeSubselect,
  RangeVar,
  SelectStmt,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { elementOf, INT4_TYPE, INT8_TYPE, JSON_TYPE, JSONB, OID_TYPE, TEXT } from '../types/registry.ts'
import { clauseName, only, open, quoteName, strings } from './ast.ts'
import { catalogRelation } from '../catalog/relations.ts'
import { condition } from './conditions.ts'
import { resolved, resolvedText } from './literals.ts'
import type { SchemaRelation } from './schema.ts'
import { columnsOf } from './view-columns.ts'
import { lateralJoin } from './lateral.ts'
import { jsonText, lateralFunction, namesSibling } from './lateral-function.ts'
import { Scope, type SourceColumn } from './scope.ts'
import type { OutputColumn, Translator } from './translation.ts'
import { plain, type Typed } from './typed.ts'

const NOTHING_MERGED: ReadonlySet<string> = new Set()

export function fromClause(nodes: readonly Node[], scope: Scope, translator: Translator): string {
  return nodes.map((node) => fromItem(node, scope, translator)).join(', ')
}

export function fromItem(node: Node, scope: Scope, translator: Translator): string {
  const { kind, body } = open(node)
  switch (kind) {
    case 'RangeVar':
      return tableItem(body, scope, translator)
    case 'RangeSubselect':
      return subqueryItem(body, scope, translator)
    case 'JoinExpr':
      return joinItem(body, scope, translator)
    case 'RangeFunction':
      return functionItem(body, scope, translator)
    default:
      throw notSupported(clauseName(kind))
  }
}

/** The table that a RangeVar names; null for one in the catalog. Throws 42P01. */
export function relationOf(body: RangeVar, translator: Translator): SchemaRelation {
  only('RangeVar', body, 'schemaname', 'relname', 'inh', 'relpersistence', 'alias')
  const { context } = translator
  const name = body.relname ?? ''
  const schema = body.schemaname ?? ''
  const relation = schema === '' ? context.schema.find(name) : relationIn(schema, name, translator)
  if (relation !== null) {
    context.noteTable(relation.name)
    return relation
  }
  const shown = schema === '' ? name : `${schema}.${name}`
  throw context.error('42P01', `relation "${shown}" does not exist`, body.location)
}

function relationIn(schema: string, name: string, { context }: Translator): SchemaRelation | null {
  return schema === 'public' || schema === 'pg_temp' ? context.schema.findIn(schema, name) : null
}

function tableItem(body: RangeVar, scope: Scope, translator: Translator): string {
  const name = body.relname ?? ''
  const schema = body.schemaname ?? ''
  const alias = body.alias?.aliasname ?? name
  const cte = schema === '' ? scope.cte(name) : null
  if (cte !== null)
    return namedColumns(quoteName(name), alias, cte.map(columnOfOutput), body.alias, scope, alias !== name)
  if (
    schema !== 'public' &&
    schema !== 'pg_temp' &&
    (schema !== '' || translator.context.schema.find(name) === null)
  ) {
    const catalog = catalogRelation(schema, name)
    if (catalog !== null) {
      const rows = translator.context.sessionValue({ kind: 'catalog', relation: catalog.key })
      return namedColumns(`(${catalog.sql(rows)})`, alias, catalog.columns, body.alias, scope, true)
    }
  }
  const relation = relationOf(body, translator)
  const columns = columnsOf(relation, translator).map((column) => sourceColumn(relation, column))
  return namedColumns(quoteName(relation.name), alias, columns, body.alias, scope, alias !== relation.name)
}

export function sourceColumn(
  relation: SchemaRelation,
  column: SchemaRelation['columns'][number],
): SourceColumn {
  return {
    name: column.name,
    type: column.type,
    origin: {
      name: column.name,
      tableOid: relation.oid,
      columnNumber: column.number,
      isNotNull: column.isNotNull,
    },
  }
}

function columnOfOutput(column: OutputColumn): SourceColumn {
  return { name: column.name, type: column.type, origin: null }
}

/** With new column names (`AS v(x, y)`), which SQLite does not have, the item becomes a subquery that renames. */
function namedColumns(
  sql: string,
  alias: string,
  columns: readonly SourceColumn[],
  aliasNode: Alias | undefined,
  scope: Scope,
  hasAlias: boolean,
): string {
  const names = strings(aliasNode?.colnames)
  if (names.length > columns.length) {
    throw notSupported(`more column aliases for "${alias}" than it has columns`)
  }
  const renamed = columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }))
  scope.add({ alias, columns: renamed, merged: NOTHING_MERGED })
  if (names.length === 0) return hasAlias ? `${sql} AS ${quoteName(alias)}` : sql
  const items = columns.map(
    (column, index) => `${quoteName(column.name)} AS ${quoteName(must(renamed[index]).name)}`,
  )
  return `(SELECT ${items.join(', ')} FROM ${sql}) AS ${quoteName(alias)}`
}

function subqueryItem(body: RangeSubselect, scope: Scope, translator: Translator): string {
  only('RangeSubselect', body, 'subquery', 'alias')
  if (body.lateral === true) throw notSupported('LATERAL')
  const select = open(must(body.subquery)).body as SelectStmt
  // Names of the same FROM are not seen by a subquery that is not LATERAL; those outside of the whole query are.
  const query = translator.query(select, new Scope(scope.withoutSources()))
  const alias = body.alias?.aliasname ?? translator.context.uniqueName('subquery')
  return namedColumns(`(${query.sql})`, alias, query.columns.map(columnOfOutput), body.alias, scope, true)
}

function joinItem(body: JoinExpr, scope: Scope, translator: Translator): string {
  only('JoinExpr', body, 'jointype', 'isNatural', 'larg', 'rarg', 'usingClause', 'quals', 'rtindex')
  const left = fromItem(must(body.larg), scope, translator)
  const before = scope.sources.length
  const rightNode = must(body.rarg)
  if (lateralJoin(body, rightNode, scope, translator)) return left
  const right = fromItem(rightNode, scope, translator)
  // A join on the right side needs parentheses, inside of which SQLite knows the same names.
  const rightText = open(rightNode).kind === 'JoinExpr' ? `(${right})` : right
  const word = joinWord(body)
  if (body.isNatural === true) return `${left} ${word} ${rightText}${naturalCondition(scope, before)}`
  if (body.usingClause !== undefined) {
    const names = strings(body.usingClause)
    scope.merge(before, names)
    return `${left} ${word} ${rightText} USING (${names.map(quoteName).join(', ')})`
  }
  if (body.quals === undefined) return `${left} CROSS JOIN ${rightText}`
  return `${left} ${word} ${rightText} ON ${condition(body.quals, scope, translator).sql}`
}

function joinWord(body: JoinExpr): string {
  switch (String(body.jointype)) {
    case 'JOIN_LEFT':
      return 'LEFT JOIN'
    case 'JOIN_RIGHT':
      return 'RIGHT JOIN'
    case 'JOIN_FULL':
      return 'FULL JOIN'
    default:
      return 'JOIN'
  }
}

/** NATURAL is USING of all common names; without one it is a cross join. */
function naturalCondition(scope: Scope, before: number): string {
  const left = new Set(
    scope.sources.slice(0, before).flatMap(({ columns }) => columns.map(({ name }) => name.toLowerCase())),
  )
  const names = scope.sources
    .slice(before)
    .flatMap(({ columns }) => columns.map(({ name }) => name))
    .filter((name) => left.has(name.toLowerCase()))
  if (names.length === 0) return ' ON TRUE'
  scope.merge(before, names)
  return ` USING (${names.map(quoteName).join(', ')})`
}

// Functions that give rows.

function functionItem(body: RangeFunction, scope: Scope, translator: Translator): string {
  only('RangeFunction', body, 'lateral', 'functions', 'alias', 'ordinality')
  const list = open(must(body.functions?.[0])).body['items'] as readonly Node[]
  const call = open(must(list[0]))
  if (call.kind !== 'FuncCall' || (body.functions ?? []).length > 1)
    throw notSupported('this function in FROM')
  const name = strings((call.body as FuncCall).funcname).at(-1) ?? ''
  if (namesSibling(call.body, scope))
    return lateralFunction(name, call.body as FuncCall, body, scope, translator)
  const args = ((call.body as FuncCall).args ?? []).map((node) => translator.expression(node, scope))
  const alias = body.alias?.aliasname ?? name
  const rows = rowsOf(name, args, alias, translator) ?? oneRow(must(list[0]), alias, scope, translator)
  const columns =
    body.ordinality === true
      ? [...rows.columns, { name: 'ordinality', type: plain(INT8_TYPE), origin: null }]
      : rows.columns
  const sql =
    body.ordinality === true ? `(SELECT *, row_number() OVER () AS "ordinality" FROM ${rows.sql})` : rows.sql
  return namedColumns(sql, body.alias?.aliasname ?? name, columns, body.alias, scope, true)
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
      return unnest(must(args[0]), alias, translator)
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
  'regexp_matches',
  'regexp_split_to_table',
  'string_to_table',
  'json_populate_recordset',
  'jsonb_populate_recordset',
  'json_to_recordset',
  'jsonb_to_recordset',
  'json_to_record',
  'jsonb_to_record',
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
  if (first.type !== null && !first.type.type.name.startsWith('int'))
    throw notSupported('generate_series of times or numerics')
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

function unnest(array: Typed, alias: string, { context }: Translator): RowFunction {
  const type = array.type === null ? null : elementOf(array.type.type)
  if (type === null) throw context.error('42883', 'function unnest needs an array')
  return oneColumn(`SELECT value AS ${quoteName(alias)} FROM json_each(${array.sql})`, alias, type)
}

function jsonElements(document: Typed, type: typeof JSONB): RowFunction {
  return oneColumn(
    `SELECT CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' WHEN 'object' THEN value WHEN 'array' THEN value ELSE json_quote(value) END AS "value" FROM json_each(${resolvedText(document).sql})`,
    'value',
    type,
  )
}

function jsonEach(document: Typed, name: string): RowFunction {
  if (!name.endsWith('_text')) throw notSupported(`the function ${name} in FROM`)
  return {
    sql: `(SELECT key AS "key", ${jsonText(null, name.startsWith('jsonb'))} AS "value" FROM json_each(${resolvedText(document).sql}))`,
    columns: [
      { name: 'key', type: plain(TEXT), origin: null },
      { name: 'value', type: plain(TEXT), origin: null },
    ],
  }
}
