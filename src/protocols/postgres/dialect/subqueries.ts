/** Subqueries as values, array constructors, subscripts. */

import type {
  A_ArrayExpr,
  A_Indices,
  A_Indirection,
  FuncCall,
  Node,
  ResTarget,
  RowExpr,
  SelectStmt,
  SubLink,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { arrayOf, BOOL, BYTEA, elementOf, INT4_TYPE, JSONB, TEXT, type PgType } from '../types/registry.ts'
import { open, quoteName, strings } from './ast.ts'
import { unified } from './casts.ts'
import { CALLS } from './utility-statements.ts'
import { resolved, resolvedText } from './literals.ts'
import { binary } from './operators.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'
import { isRow, rowItems } from './operator-expressions.ts'

export function subLink(body: SubLink, scope: Scope, translator: Translator): Typed {
  const select = open(must(body.subselect)).body as SelectStmt
  const only1 = body.subLinkType === 'EXPR_SUBLINK' ? onlyItem(select) : null
  if (only1 !== null) return translator.expression(only1, scope)
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

/** (SELECT x) and nothing more is x. */
function onlyItem(select: SelectStmt): Node | null {
  const parts = Object.keys(select).filter((key) => !['limitOption', 'op'].includes(key))
  const [target, ...more] = (select.targetList ?? []).map((node) => open(node).body as ResTarget)
  if (parts.length > 1 || target?.val === undefined || more.length > 0) return null
  const { kind, body } = open(target.val)
  const isEffect = kind === 'FuncCall' && CALLS.has(strings((body as FuncCall).funcname).at(-1) ?? '')
  return isEffect ? target.val : null
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
  const items = (body.indirection ?? []).map(open)
  if (items.some(({ kind }) => kind !== 'A_Indices'))
    throw translator.context.notSupported('a field selection')
  const type = base.type?.type
  const indices = items.map((item) => item.body as A_Indices)
  if (type === JSONB) return jsonSubscripts(base, indices, scope, translator)
  const [only1, ...more] = indices
  if (only1 === undefined || more.length > 0) throw translator.context.notSupported('several subscripts')
  const element = type === undefined ? null : elementOf(type)
  if (element === null)
    throw translator.context.error('42804', 'cannot subscript a value that is not an array')
  if (only1.is_slice === true) return slice(base, only1, scope, translator)
  return atom(`pg_array_item(${base.sql}, ${subscript(only1.uidx, scope, translator)})`, element)
}

function subscript(node: Node | undefined, scope: Scope, translator: Translator): string {
  return node === undefined ? 'NULL' : resolved(translator.expression(node, scope), plain(INT4_TYPE)).sql
}

function slice(array: Typed, { lidx, uidx }: A_Indices, scope: Scope, translator: Translator): Typed {
  const [from, to] = [lidx, uidx].map((node) => subscript(node, scope, translator))
  return atom(`pg_array_slice(${array.sql}, ${from}, ${to})`, must(array.type))
}

/** A text is a key, a number a place, as for the operator `->`. */
function jsonSubscripts(
  base: Typed,
  indices: readonly A_Indices[],
  scope: Scope,
  translator: Translator,
): Typed {
  return indices.reduce((document, { uidx, is_slice: isSlice }) => {
    if (isSlice === true) throw translator.context.error('42804', 'jsonb subscript does not support slices')
    return binary('->', document, translator.expression(must(uidx), scope), translator.context)
  }, base)
}

export function rowExpression(_body: RowExpr, _scope: Scope, { context }: Translator): Typed {
  throw context.notSupported('a row as a value')
}
