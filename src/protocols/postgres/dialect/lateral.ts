/**
 * LATERAL, which SQLite does not have, where it gives one row at most for each row on its left: its columns become scalar subqueries wherever they are
 * named. That is what object-relational mappers use it for (one JSON value per row). Anything else is refused.
 */

import type { FuncCall, JoinExpr, Node, RangeSubselect, SelectStmt } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { isAggregate } from './aggregates.ts'
import { integerOf, only, open, quoteName, strings } from './ast.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'

/** Known to functions.ts; no user can have a function of that name. */
const LATERAL_LIMIT = ' lateral limit'

/** True when the join was one with LATERAL, and is dealt with: nothing is left of it in FROM. */
export function lateralJoin(body: JoinExpr, right: Node, scope: Scope, translator: Translator): boolean {
  const item = open(right)
  if (item.kind !== 'RangeSubselect' || item.body['lateral'] !== true) return false
  const subselect = item.body as RangeSubselect
  only('RangeSubselect', { ...subselect, lateral: false }, 'subquery', 'alias')
  const select = open(must(subselect.subquery)).body as SelectStmt
  const keepsLeftRows = body.jointype === 'JOIN_LEFT' ? givesOneRowAtMost(select) : givesExactlyOneRow(select)
  if (!keepsLeftRows || (body.quals !== undefined && !isTrue(body.quals))) {
    throw translator.context.notSupported('LATERAL that may give several rows, or with a join condition')
  }
  const query = translator.query(guarded(select), new Scope(scope))
  const names = strings(subselect.alias?.colnames)
  scope.add({
    alias: subselect.alias?.aliasname ?? translator.context.uniqueName('lateral'),
    merged: new Set(),
    columns: query.columns.map((column, index) => ({
      name: names[index] ?? column.name,
      type: column.type,
      origin: null,
      inlineSql:
        query.columns.length === 1
          ? `(${query.sql})`
          : `(SELECT ${quoteName(column.name)} FROM (${query.sql}))`,
    })),
  })
  return true
}

function isTrue(node: Node): boolean {
  const { kind, body } = open(node)
  return kind === 'A_Const' && (body['boolval'] as { boolval?: boolean } | undefined)?.boolval === true
}

/** An aggregate without GROUP BY: one row, whatever there is. */
function givesExactlyOneRow(select: SelectStmt): boolean {
  const isPlain =
    (select.op === undefined || select.op === 'SETOP_NONE') &&
    select.valuesLists === undefined &&
    select.groupClause === undefined &&
    select.havingClause === undefined &&
    select.limitCount === undefined &&
    select.limitOffset === undefined
  return (
    isPlain && (select.targetList ?? []).some((target) => holdsAggregate(open(target).body['val'] as Node))
  )
}

/** At any depth but inside a subquery. */
function holdsAggregate(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsAggregate)
  if (value === null || typeof value !== 'object') return false
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'SubLink') continue
    if (key === 'FuncCall') {
      const call = inner as FuncCall
      if (call.over === undefined && isAggregate(strings(call.funcname).at(-1) ?? '')) return true
    }
    if (holdsAggregate(inner)) return true
  }
  return false
}

function givesOneRowAtMost(select: SelectStmt): boolean {
  if (givesExactlyOneRow(select) || integerOf(select.limitCount) === 1 || isParameter(select.limitCount))
    return true
  // SELECT … FROM (… LIMIT 1), which every further join must leave at one row.
  return (
    select.fromClause?.length === 1 &&
    select.op !== 'SETOP_UNION' &&
    isSingleRowItem(must(select.fromClause[0]))
  )
}

function isSingleRowItem(node: Node): boolean {
  const { kind, body } = open(node)
  if (kind === 'RangeSubselect') return givesOneRowAtMost(open(body['subquery'] as Node).body as SelectStmt)
  if (kind !== 'JoinExpr' || body['jointype'] !== 'JOIN_LEFT') return false
  const right = open(body['rarg'] as Node)
  return (
    isSingleRowItem(body['larg'] as Node) &&
    right.kind === 'RangeSubselect' &&
    isSingleRowItem(body['rarg'] as Node)
  )
}

function isParameter(node: Node | undefined): boolean {
  return node !== undefined && open(node).kind === 'ParamRef'
}

/** LIMIT $1 is 1 as mappers send it; a larger value is refused when it runs, because a scalar subquery would drop rows without a word. */
function guarded(select: SelectStmt): SelectStmt {
  if (isParameter(select.limitCount)) {
    const call: Node = {
      FuncCall: { funcname: [{ String: { sval: LATERAL_LIMIT } }], args: [must(select.limitCount)] },
    }
    return { ...select, limitCount: call }
  }
  const [only] = select.fromClause ?? []
  if (only === undefined || givesExactlyOneRow(select)) return select
  return { ...select, fromClause: [guardedItem(only)] }
}

function guardedItem(node: Node): Node {
  const { kind, body } = open(node)
  if (kind === 'JoinExpr') return { JoinExpr: { ...body, larg: guardedItem(body['larg'] as Node) } } as Node
  if (kind !== 'RangeSubselect') return node
  const inner = open(body['subquery'] as Node).body as SelectStmt
  return { RangeSubselect: { ...body, subquery: { SelectStmt: guarded(inner) } } } as Node
}
