/** ORDER BY lists and window definitions. */

import type { Node, SortBy, WindowDef } from 'libpg-query'
import { notSupported } from '../error.ts'
import { only, open, quoteName } from './ast.ts'
import { resolvedText } from './literals.ts'
import type { Scope } from './scope.ts'
import { sortKey } from './sort-key.ts'
import type { Translator } from './translation.ts'
import type { Typed } from './typed.ts'

export function orderClause(nodes: readonly Node[], scope: Scope, translator: Translator): string {
  return `ORDER BY ${nodes.map((node) => sortItem(sortBy(node), expressionOf(node, scope, translator))).join(', ')}`
}

export function sortBy(node: Node): SortBy {
  const { kind, body } = open(node)
  if (kind !== 'SortBy') throw notSupported(kind)
  only('SortBy', body, 'node', 'sortby_dir', 'sortby_nulls')
  return body
}

function expressionOf(node: Node, scope: Scope, translator: Translator): Typed {
  const typed = translator.expression(sortBy(node).node as Node, scope)
  return typed.type === null ? resolvedText(typed) : typed
}

/**
 * PostgreSQL sorts NULL as if it were the largest value, SQLite as the smallest. A column that is never NULL is left as it is, so that
 * SQLite can use an index for the order.
 */
export function sortItem(sort: SortBy, typed: Typed): string {
  if (sort.sortby_dir === 'SORTBY_USING') throw notSupported('ORDER BY … USING')
  const isDescending = sort.sortby_dir === 'SORTBY_DESC'
  const direction = isDescending ? ' DESC' : ''
  const canBeNull = typed.origin?.isNotNull !== true && typed.constant === undefined
  return `${sortKey(typed).sql}${direction}${canBeNull ? nullsText(sort, isDescending) : ''}`
}

function nullsText(sort: SortBy, isDescending: boolean): string {
  if (sort.sortby_nulls === 'SORTBY_NULLS_FIRST') return ' NULLS FIRST'
  if (sort.sortby_nulls === 'SORTBY_NULLS_LAST') return ' NULLS LAST'
  return isDescending ? ' NULLS FIRST' : ' NULLS LAST'
}

/** A name of the WINDOW clause, or a definition in parentheses. */
export function windowClause(window: WindowDef, scope: Scope, translator: Translator): string {
  only(
    'WindowDef',
    window,
    'name',
    'refname',
    'partitionClause',
    'orderClause',
    'frameOptions',
    'startOffset',
    'endOffset',
  )
  if (window.name !== undefined && window.name !== '') return quoteName(window.name)
  return windowDefinition(window, scope, translator)
}

export function windowDefinition(window: WindowDef, scope: Scope, translator: Translator): string {
  const parts: string[] = []
  if (window.refname !== undefined && window.refname !== '') parts.push(quoteName(window.refname))
  if (window.partitionClause !== undefined) {
    const items = window.partitionClause.map((node) => sortKey(translator.expression(node, scope)).sql)
    parts.push(`PARTITION BY ${items.join(', ')}`)
  }
  if (window.orderClause !== undefined) parts.push(orderClause(window.orderClause, scope, translator))
  const frame = frameClause(window, scope, translator)
  if (frame !== '') parts.push(frame)
  return `(${parts.join(' ')})`
}

// Bits of frameOptions (PostgreSQL source, parsenodes.h).
const NONDEFAULT = 0x1
const RANGE = 0x2
const ROWS = 0x4
const GROUPS = 0x8
const START_UNBOUNDED_PRECEDING = 0x20
const END_UNBOUNDED_FOLLOWING = 0x100
const START_CURRENT_ROW = 0x200
const END_CURRENT_ROW = 0x400
const START_OFFSET_PRECEDING = 0x800
const END_OFFSET_PRECEDING = 0x1000
const START_OFFSET_FOLLOWING = 0x2000
const END_OFFSET_FOLLOWING = 0x4000
const EXCLUDE_CURRENT_ROW = 0x8000
const EXCLUDE_GROUP = 0x10000
const EXCLUDE_TIES = 0x20000

function frameClause(window: WindowDef, scope: Scope, translator: Translator): string {
  const options = window.frameOptions ?? 0
  if ((options & NONDEFAULT) === 0) return ''
  const has = (bit: number): boolean => (options & bit) !== 0
  const unit = has(ROWS) ? 'ROWS' : has(GROUPS) ? 'GROUPS' : has(RANGE) ? 'RANGE' : ''
  const offset = (node: Node | undefined): string =>
    node === undefined ? '' : translator.expression(node, scope).sql
  if (unit === 'RANGE' && (window.startOffset ?? window.endOffset) !== undefined) {
    throw notSupported('RANGE with an offset')
  }
  const start = has(START_UNBOUNDED_PRECEDING)
    ? 'UNBOUNDED PRECEDING'
    : has(START_CURRENT_ROW)
      ? 'CURRENT ROW'
      : has(START_OFFSET_PRECEDING)
        ? `${offset(window.startOffset)} PRECEDING`
        : has(START_OFFSET_FOLLOWING)
          ? `${offset(window.startOffset)} FOLLOWING`
          : 'UNBOUNDED FOLLOWING'
  const end = has(END_UNBOUNDED_FOLLOWING)
    ? 'UNBOUNDED FOLLOWING'
    : has(END_CURRENT_ROW)
      ? 'CURRENT ROW'
      : has(END_OFFSET_PRECEDING)
        ? `${offset(window.endOffset)} PRECEDING`
        : has(END_OFFSET_FOLLOWING)
          ? `${offset(window.endOffset)} FOLLOWING`
          : 'UNBOUNDED PRECEDING'
  const exclude = has(EXCLUDE_CURRENT_ROW)
    ? ' EXCLUDE CURRENT ROW'
    : has(EXCLUDE_GROUP)
      ? ' EXCLUDE GROUP'
      : has(EXCLUDE_TIES)
        ? ' EXCLUDE TIES'
        : ''
  return `${unit} BETWEEN ${start} AND ${end}${exclude}`
}
