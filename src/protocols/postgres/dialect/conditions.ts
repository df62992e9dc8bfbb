/** Truth values and choices: AND, OR, NOT, tests, CASE, COALESCE, GREATEST. */

import type { BoolExpr, BooleanTest, CaseExpr, CoalesceExpr, MinMaxExpr, Node, NullTest } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { BOOL } from '../types/registry.ts'
import { only, open } from './ast.ts'
import { unified } from './casts.ts'
import { sameType } from './functions.ts'
import { resolved, resolvedText } from './literals.ts'
import { comparison } from './operators.ts'
import type { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'
import { isRow } from './operator-expressions.ts'

export function booleanExpression(body: BoolExpr, scope: Scope, translator: Translator): Typed {
  const args = (body.args ?? []).map((node) => condition(node, scope, translator))
  if (body.boolop === 'NOT_EXPR') return compound(`NOT ${operand(must(args[0]))}`, BOOL)
  const word = body.boolop === 'OR_EXPR' ? ' OR ' : ' AND '
  return compound(args.map(operand).join(word), BOOL)
}

/** Where PostgreSQL wants a boolean. SQLite would take a number for one. */
export function condition(node: Node, scope: Scope, translator: Translator): Typed {
  const typed = resolved(translator.expression(node, scope), plain(BOOL))
  if (typed.type?.type === BOOL) return typed
  throw translator.context.error(
    '42804',
    `argument of a condition must be type boolean, not type ${typed.type?.type.sqlName}`,
    locationIn(node),
  )
}

function locationIn(node: Node): number | undefined {
  const { location } = open(node).body
  return typeof location === 'number' ? location : undefined
}

export function booleanTest(body: BooleanTest, scope: Scope, translator: Translator): Typed {
  const value = operand(resolved(translator.expression(must(body.arg), scope), plain(BOOL)))
  switch (String(body.booltesttype)) {
    case 'IS_TRUE':
      return compound(`${value} IS TRUE`, BOOL)
    case 'IS_NOT_TRUE':
      return compound(`${value} IS NOT TRUE`, BOOL)
    case 'IS_FALSE':
      return compound(`${value} IS FALSE`, BOOL)
    case 'IS_NOT_FALSE':
      return compound(`${value} IS NOT FALSE`, BOOL)
    case 'IS_UNKNOWN':
      return compound(`${value} IS NULL`, BOOL)
    default:
      return compound(`${value} IS NOT NULL`, BOOL)
  }
}

export function nullTest(body: NullTest, scope: Scope, translator: Translator): Typed {
  only('NullTest', body, 'arg', 'nulltesttype')
  const node = must(body.arg)
  if (isRow(node)) throw translator.context.notSupported('IS NULL of a row')
  const value = resolvedText(translator.expression(node, scope))
  return compound(`${operand(value)} IS ${body.nulltesttype === 'IS_NOT_NULL' ? 'NOT ' : ''}NULL`, BOOL)
}

export function caseExpression(body: CaseExpr, scope: Scope, translator: Translator): Typed {
  const whens = (body.args ?? []).map((node) => open(node).body as { expr: Node; result: Node })
  const { typed, type } = unified(
    [...whens.map(({ result }) => result), ...(body.defresult === undefined ? [] : [body.defresult])].map(
      (node) => translator.expression(node, scope),
    ),
    translator.context,
  )
  const subject = body.arg === undefined ? null : translator.expression(body.arg, scope)
  const parts = whens.map(({ expr }, index) => {
    const test =
      subject === null
        ? condition(expr, scope, translator)
        : comparison('=', subject, translator.expression(expr, scope), translator.context)
    return `WHEN ${test.sql} THEN ${must(typed[index]).sql}`
  })
  const otherwise = body.defresult === undefined ? '' : ` ELSE ${must(typed.at(-1)).sql}`
  return atom(`CASE ${parts.join(' ')}${otherwise} END`, type)
}

export function coalesce(body: CoalesceExpr, scope: Scope, translator: Translator): Typed {
  return sameType(
    'coalesce',
    (body.args ?? []).map((node) => translator.expression(node, scope)),
    translator,
  )
}

/** NULLs are passed over, unlike in SQLite's min and max of several arguments. */
export function minMax(body: MinMaxExpr, scope: Scope, translator: Translator): Typed {
  const { typed, type } = unified(
    (body.args ?? []).map((node) => translator.expression(node, scope)),
    translator.context,
  )
  const rows = typed
    .map(({ sql }, index) => (index === 0 ? `SELECT ${sql} AS "v"` : `SELECT ${sql}`))
    .join(' UNION ALL ')
  const fold = body.op === 'IS_LEAST' ? 'min' : 'max'
  return atom(`(SELECT ${fold}("v") FROM (${rows}))`, type)
}
