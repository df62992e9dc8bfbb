/** FROM: tables, subqueries, joins, functions that give rows. Adds to the scope what it brings. */

import type { JoinExpr, Node, RangeSubselect, RangeVar, SelectStmt } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { clauseName, only, open, quoteName, strings } from './ast.ts'
import { catalogRelation } from '../catalog/relations.ts'
import { condition } from './conditions.ts'
import type { SchemaRelation } from './schema.ts'
import { columnsOf } from './view-columns.ts'
import { lateralJoin } from './lateral.ts'
import { namedColumns } from './named-columns.ts'
import { functionItem } from './row-functions.ts'
import { Scope, type SourceColumn } from './scope.ts'
import type { OutputColumn, Translator } from './translation.ts'

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
    checkUsing(names, before, scope)
    scope.merge(before, names)
    return `${left} ${word} ${rightText} USING (${names.map(quoteName).join(', ')})`
  }
  if (body.quals === undefined) return `${left} CROSS JOIN ${rightText}`
  return `${left} ${word} ${rightText} ON ${condition(body.quals, scope, translator).sql}`
}

/** In the words of PostgreSQL; and SQLite takes what it does not know in quotes for a text. */
function checkUsing(names: readonly string[], before: number, { sources }: Scope): void {
  for (const [side, tables] of [
    ['left', sources.slice(0, before)],
    ['right', sources.slice(before)],
  ] as const) {
    const has = (name: string): boolean =>
      tables.some(({ columns }) => columns.some((column) => column.name.toLowerCase() === name.toLowerCase()))
    const missing = names.find((name) => !has(name))
    if (missing === undefined) continue
    throw new PgError(
      '42703',
      `column "${missing}" specified in USING clause does not exist in ${side} table`,
    )
  }
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
