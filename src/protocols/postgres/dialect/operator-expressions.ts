/** Expressions with an operator: plain ones, IN, ANY and ALL, BETWEEN, LIKE, DISTINCT FROM. */

import type { A_Expr, FuncCall, Node, RowExpr } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { arrayOf, BOOL, elementOf, TEXT, type PgType } from '../types/registry.ts'
import { open, strings } from './ast.ts'
import { unified } from './casts.ts'
import { resolved, resolvedText } from './literals.ts'
import { comparable, needsKey, sortKey } from './sort-key.ts'
import { binary, comparison, isComparison, unary } from './operators.ts'
import { like, type PatternOperator } from './patterns.ts'
import type { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'

export function operatorExpression(body: A_Expr, scope: Scope, translator: Translator): Typed {
  const operator = strings(body.name).at(-1) ?? ''
  switch (String(body.kind)) {
    case 'AEXPR_OP':
      return plainOperator(operator, body, scope, translator)
    case 'AEXPR_OP_ANY':
    case 'AEXPR_OP_ALL':
      return quantified(operator, body.kind === 'AEXPR_OP_ALL', body, scope, translator)
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT':
      return distinctness(body.kind === 'AEXPR_DISTINCT', body, scope, translator)
    case 'AEXPR_NULLIF':
      return nullIf(body, scope, translator)
    case 'AEXPR_IN':
      return inList(operator === '<>', body, scope, translator)
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return likeExpression(operator as PatternOperator, body, scope, translator)
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN':
      return between(body.kind === 'AEXPR_NOT_BETWEEN', body, scope, translator)
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN_SYM':
      return betweenSymmetric(body.kind === 'AEXPR_NOT_BETWEEN_SYM', body, scope, translator)
    case 'AEXPR_SIMILAR':
      return similarTo(operator === '!~', body, scope, translator)
    default:
      throw translator.context.notSupported(operatorKindName(body.kind), body.location)
  }
}

function operatorKindName(kind: string | undefined): string {
  return `the operator form ${kind}`
}

function plainOperator(operator: string, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const rightNode = must(body.rexpr)
  if (body.lexpr === undefined) return unary(operator, translator.expression(rightNode, scope))
  if (isRow(body.lexpr) && isRow(rightNode) && isComparison(operator)) {
    return rowComparison(operator, body.lexpr, rightNode, scope, translator)
  }
  const left = translator.expression(body.lexpr, scope)
  const right = translator.expression(rightNode, scope)
  return binary(operator, left, right, translator.context)
}

export function isRow(node: Node): boolean {
  return open(node).kind === 'RowExpr'
}

export function rowItems(node: Node): readonly Node[] {
  return (open(node).body as RowExpr).args ?? []
}

function rowComparison(
  operator: string,
  left: Node,
  right: Node,
  scope: Scope,
  translator: Translator,
): Typed {
  const pairs = rowItems(left).map((item, index) => {
    const other = rowItems(right)[index]
    if (other === undefined)
      throw translator.context.error('42601', 'unequal number of entries in row expressions')
    return comparable(
      [translator.expression(item, scope), translator.expression(other, scope)],
      translator.context,
    )
  })
  const side = (index: 0 | 1): string => `(${pairs.map((pair) => must(pair[index])).join(', ')})`
  return compound(`${side(0)} ${operator} ${side(1)}`, BOOL)
}

/** `x = ANY (array)`, and every other comparison with ANY or ALL of an array's elements. */
function quantified(
  operator: string,
  isAll: boolean,
  body: A_Expr,
  scope: Scope,
  translator: Translator,
): Typed {
  const left = translator.expression(must(body.lexpr), scope)
  const open = translator.expression(must(body.rexpr), scope)
  const elementType = left.type?.type ?? TEXT
  const array = arrayOf(elementType)
  const right = array === null ? open : resolved(open, plain(array))
  const element = right.type === null ? null : elementOf(right.type.type)
  if (element === null)
    throw translator.context.notSupported('ANY or ALL of something that is not an array', body.location)
  const typedLeft = resolved(left, plain(element))
  // A NULL array gives NULL, as an array of NULL does.
  const source =
    right.constant === undefined || right.constant === null ? `coalesce(${right.sql}, '[null]')` : right.sql
  const values = `SELECT value FROM json_each(${source})`
  if (needsKey(element)) {
    const scan = comparisonWith(operator, typedLeft, atom('value', element), translator)
    return quantifiedScan(scan, isAll, source)
  }
  if (operator === '=' && !isAll) return compound(`${operand(typedLeft)} IN (${values})`, BOOL)
  if ((operator === '<>' || operator === '!=') && isAll)
    return compound(`${operand(typedLeft)} NOT IN (${values})`, BOOL)
  const item = comparisonWith(operator, typedLeft, atom('value', element), translator)
  return quantifiedScan(item, isAll, source)
}

function comparisonWith(operator: string, left: Typed, item: Typed, translator: Translator): Typed {
  if (isComparison(operator)) return comparison(operator, left, item, translator.context)
  return binary(operator, left, item, translator.context)
}

/** ANY: true if one is, else NULL if one is NULL, else false. ALL: the other way round. */
function quantifiedScan(item: Typed, isAll: boolean, array: string): Typed {
  const fold = isAll ? 'min' : 'max'
  const empty = isAll ? 'TRUE' : 'FALSE'
  const decided = isAll ? 'FALSE' : 'TRUE'
  return atom(
    `(SELECT CASE WHEN count(*) = 0 THEN ${empty} WHEN ${fold}(${item.sql}) = ${decided} THEN ${decided} ` +
      `WHEN count(${item.sql}) < count(*) THEN NULL ELSE ${empty} END FROM json_each(${array}))`,
    BOOL,
  )
}

function distinctness(isDistinct: boolean, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const { left, right } = sides(body, scope, translator)
  const [a, b] = [sortKey(left), sortKey(right)].map(operand)
  return compound(`${a} IS ${isDistinct ? 'NOT ' : ''}${b}`, BOOL)
}

function sides(
  body: A_Expr,
  scope: Scope,
  translator: Translator,
): { left: Typed; right: Typed; type: PgType } {
  const left = translator.expression(must(body.lexpr), scope)
  const right = translator.expression(must(body.rexpr), scope)
  const { typed, type } = unified([left, right], translator.context)
  return { left: must(typed[0]), right: must(typed[1]), type: type.type }
}

function nullIf(body: A_Expr, scope: Scope, translator: Translator): Typed {
  const { left, right, type } = sides(body, scope, translator)
  if (needsKey(type)) {
    const [a, b] = [sortKey(left), sortKey(right)].map(operand)
    return atom(`CASE WHEN ${a} = ${b} THEN NULL ELSE ${operand(left)} END`, left.type ?? plain(type))
  }
  return atom(`nullif(${left.sql}, ${right.sql})`, left.type ?? plain(type))
}

function inList(isNegated: boolean, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const list = open(must(body.rexpr)).body['items'] as readonly Node[]
  const leftNode = must(body.lexpr)
  if (isRow(leftNode)) return rowInList(isNegated, leftNode, list, scope, translator)
  const left = translator.expression(leftNode, scope)
  const all = [left, ...list.map((item) => translator.expression(item, scope))]
  const { typed } = unified(all, translator.context)
  const [subject, ...items] = typed.map(sortKey)
  return compound(
    `${operand(must(subject))} ${isNegated ? 'NOT ' : ''}IN (${items.map(({ sql }) => sql).join(', ')})`,
    BOOL,
  )
}

function rowInList(
  isNegated: boolean,
  left: Node,
  list: readonly Node[],
  scope: Scope,
  translator: Translator,
): Typed {
  const matches = list.map((item) => `(${rowComparison('=', left, item, scope, translator).sql})`)
  return compound(`${isNegated ? 'NOT ' : ''}(${matches.join(' OR ')})`, BOOL)
}

function likeExpression(
  operator: PatternOperator,
  body: A_Expr,
  scope: Scope,
  translator: Translator,
): Typed {
  const left = translator.expression(must(body.lexpr), scope)
  const rightNode = must(body.rexpr)
  const call = open(rightNode)
  const isEscaped =
    call.kind === 'FuncCall' && strings((call.body as FuncCall).funcname).at(-1) === 'like_escape'
  if (!isEscaped) return like(operator, left, translator.expression(rightNode, scope), null)
  const [pattern, escape] = (call.body as FuncCall).args ?? []
  const character = translator.expression(must(escape), scope).constant
  if (typeof character !== 'string' || Array.from(character).length > 1) {
    throw translator.context.notSupported('LIKE with an ESCAPE that is not one constant character')
  }
  return like(operator, left, translator.expression(must(pattern), scope), character)
}

function between(isNegated: boolean, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const bounds = open(must(body.rexpr)).body['items'] as readonly Node[]
  const all = [must(body.lexpr), ...bounds].map((node) => translator.expression(node, scope))
  const [subject, low, high] = comparable(all, translator.context)
  return compound(`${subject} ${isNegated ? 'NOT ' : ''}BETWEEN ${low} AND ${high}`, BOOL)
}

function betweenSymmetric(isNegated: boolean, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const bounds = open(must(body.rexpr)).body['items'] as readonly Node[]
  const all = [must(body.lexpr), ...bounds].map((node) => translator.expression(node, scope))
  const [subject, low, high] = comparable(all, translator.context)
  const is = `${subject} BETWEEN ${low} AND ${high} OR ${subject} BETWEEN ${high} AND ${low}`
  return compound(isNegated ? `NOT (${is})` : is, BOOL)
}

/** The parser has put the pattern, and an escape character if there is one, into a call of similar_to_escape. */
function similarTo(isNegated: boolean, body: A_Expr, scope: Scope, translator: Translator): Typed {
  const subject = resolvedText(translator.expression(must(body.lexpr), scope))
  const [pattern, escape] = (open(must(body.rexpr)).body as FuncCall).args ?? []
  const [patternSql, escapeSql] = [pattern, escape].map((node) =>
    node === undefined ? String.raw`'\'` : resolvedText(translator.expression(node, scope)).sql,
  )
  const call = `pg_similar(${subject.sql}, ${patternSql}, ${escapeSql})`
  return isNegated ? compound(`NOT ${call}`, BOOL) : atom(call, BOOL)
}
