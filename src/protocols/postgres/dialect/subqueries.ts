/** Subqueries as values, array constructors, subscripts. */

import type { A_ArrayExpr, A_Indirection, Node, RowExpr, SelectStmt, SubLink } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import {
  arrayOf,
  BOOL,
  BYTEA,
  elementOf,
  INT4_TYPE,
  JSON_TYPE,
  JSONB,
  TEXT,
  type PgType,
} from '../types/registry.ts'
import { open, quoteName, strings } from './ast.ts'
import { unified } from './casts.ts'
import { resolved, resolvedText } from './literals.ts'
import { binary } from './operators.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'
import { isRow, rowItems } from './operator-expressions.ts'

export function subLink(body: SubLink, scope: Scope, translator: Translator): Typed {
  const select = open(must(body.subselect)).body as SelectStmt
  const query = translator.query(select, new Scope(scope))
  const first = query.columns[0]?.type ?? plain(TEXT)
  switch (String(body.subLinkType)) {
    case 'EXISTS_SUBLINK':
      return atom(`EXISTS (${query.sql})`, BOOL)
    case 'EXPR_SUBLINK':
      return atom(`(${query.sql})`, first)
    case 'ANY_SUBLINK':
      return anySubLink(body, query.sql, first.type, scope, translator)
    case 'ARRAY_SUBLINK': {
      const array = arrayOf(first.type)
      if (array === null) throw notSupported(`an array of ${first.type.sqlName}`)
      const name = quoteName(query.columns[0]?.name ?? '')
      return atom(`(SELECT json_group_array(${name}) FROM (${query.sql}))`, array)
    }
    default:
      throw translator.context.notSupported('a comparison with ALL of a subquery', body.location)
  }
}

function anySubLink(body: SubLink, sql: string, type: PgType, scope: Scope, translator: Translator): Typed {
  const operator = strings(body.operName).at(-1) ?? '='
  if (operator !== '=') throw translator.context.notSupported(`${operator} ANY of a subquery`, body.location)
  const test = must(body.testexpr)
  if (isRow(test)) {
    const items = rowItems(test).map((item) => resolvedText(translator.expression(item, scope)).sql)
    return compound(`(${items.join(', ')}) IN (${sql})`, BOOL)
  }
  const left = resolved(translator.expression(test, scope), plain(type))
  return compound(`${operand(left)} IN (${sql})`, BOOL)
}

export function arrayExpression(body: A_ArrayExpr, scope: Scope, translator: Translator): Typed {
  const elements = (body.elements ?? []).map((node) => translator.expression(node, scope))
  const isNested = elements.some(({ type }) => type !== null && type.type.elementOid !== 0)
  const { typed, type } = unified(elements, translator.context)
  const array = isNested ? type.type : arrayOf(type.type)
  if (array === null) throw notSupported(`an array of ${type.type.sqlName}`)
  const items = typed.map((item) => (isNested ? `json(${item.sql})` : arrayItem(item, type.type)))
  return atom(`json_array(${items.join(', ')})`, array)
}

function arrayItem(item: Typed, type: PgType): string {
  if (type === BYTEA) return `'\\x' || lower(hex(${item.sql}))`
  return item.sql
}

export function indirection(body: A_Indirection, scope: Scope, translator: Translator): Typed {
  const base = translator.expression(must(body.arg), scope)
  const [only1, ...more] = body.indirection ?? []
  const item = only1 === undefined ? null : open(only1)
  if (item === null || more.length > 0 || item.kind !== 'A_Indices' || item.body['is_slice'] === true) {
    throw translator.context.notSupported('a field selection, a slice or several subscripts')
  }
  const index = resolved(translator.expression(item.body['uidx'] as Node, scope), plain(INT4_TYPE))
  const type = base.type?.type
  if (type === JSONB || type === JSON_TYPE) return binary('->', base, index, translator.context)
  const element = type === undefined ? null : elementOf(type)
  if (element === null)
    throw translator.context.error('42804', 'cannot subscript a value that is not an array')
  return atom(`pg_array_item(${base.sql}, ${index.sql})`, element)
}

export function rowExpression(_body: RowExpr, _scope: Scope, { context }: Translator): Typed {
  throw context.notSupported('a row as a value')
}
