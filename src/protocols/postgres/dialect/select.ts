/** SELECT, VALUES, set operations and WITH. */

import type { CommonTableExpr, Node, ResTarget, SelectStmt, WindowDef, WithClause } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { INT8_TYPE, INTERVAL, TEXT } from '../types/registry.ts'
import { integerOf, only, open, quoteColumn, quoteName, stringOf, strings } from './ast.ts'
import { cast, commonType, isDateTime, unified } from './casts.ts'
import { condition } from './conditions.ts'
import { fromClause } from './from.ts'
import { checkGrouping } from './grouping.ts'
import { resolved, resolvedText } from './literals.ts'
import { Scope } from './scope.ts'
import { checkMatch, withCommonTypes } from './set-types.ts'
import { needsKey, sortKey } from './sort-key.ts'
import { movedToFrom } from './set-returning.ts'
import { columnName } from './column-name.ts'
import type { OutputColumn, TranslatedQuery, Translator } from './translation.ts'
import { plain, type Typed } from './typed.ts'
import { sortBy, sortItem, windowDefinition } from './windows.ts'

const SELECT_FIELDS = [
  'distinctClause',
  'targetList',
  'fromClause',
  'whereClause',
  'groupClause',
  'havingClause',
  'windowClause',
  'valuesLists',
  'sortClause',
  'limitOffset',
  'limitCount',
  'limitOption',
  'lockingClause',
  'withClause',
  'op',
  'all',
  'larg',
  'rarg',
]

/** `scope` is the query's own, empty but for what is outside of it. */
export function selectQuery(body: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  only('SelectStmt', body, ...SELECT_FIELDS)
  if (body.limitOption === 'LIMIT_OPTION_WITH_TIES') throw notSupported('FETCH FIRST … WITH TIES')
  // FOR UPDATE and its kin: under serializable isolation every read is as good as locked.
  const withText = body.withClause === undefined ? '' : `${withClause(body.withClause, scope, translator)} `
  const core = selectCore(body, scope, translator)
  const limit = limitClause(body, scope, translator)
  return { sql: `${withText}${core.sql}${limit}`, columns: core.columns }
}

function selectCore(body: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  if (body.op !== undefined && body.op !== 'SETOP_NONE') return setOperation(body, scope, translator)
  if (body.valuesLists !== undefined) return valuesQuery(body, scope, translator)
  return plainSelect(body, scope, translator)
}

// WITH.

export function withClause(clause: WithClause, scope: Scope, translator: Translator): string {
  const parts = (clause.ctes ?? []).map((node) =>
    commonTable(open(node).body as CommonTableExpr, clause.recursive === true, scope, translator),
  )
  return `WITH ${clause.recursive === true ? 'RECURSIVE ' : ''}${parts.join(', ')}`
}

function commonTable(
  body: CommonTableExpr,
  isRecursive: boolean,
  scope: Scope,
  translator: Translator,
): string {
  only('CommonTableExpr', body, 'ctename', 'aliascolnames', 'ctematerialized', 'ctequery')
  const name = body.ctename ?? ''
  const { kind, body: queryBody } = open(must(body.ctequery))
  if (kind !== 'SelectStmt') return modifyingTable(body, scope, translator)
  const select = queryBody as SelectStmt
  const names = strings(body.aliascolnames)
  const inner = scope.withoutSources()
  if (isRecursive && select.op !== undefined && select.op !== 'SETOP_NONE') {
    // The first arm tells the columns that the recursive arm sees.
    const first = translator.query(must(select.larg), new Scope(inner))
    inner.addCte(name, renamed(first.columns, names))
  }
  const query = translator.query(select, new Scope(inner))
  scope.addCte(name, renamed(query.columns, names))
  const columns = renamed(query.columns, names).map((column) => quoteName(column.name))
  const hint = body.ctematerialized === 'CTEMaterializeAlways' ? 'MATERIALIZED ' : ''
  const list = names.length > 0 ? `(${columns.join(', ')})` : ''
  return `${quoteName(name)}${list} AS ${hint}(${query.sql})`
}

/** The rows of its RETURNING come as JSON from a step before. */
function modifyingTable(body: CommonTableExpr, scope: Scope, translator: Translator): string {
  const { context } = translator
  if (scope.parent !== null)
    throw context.notSupported('a statement that modifies data in WITH, but at the top')
  const name = body.ctename ?? ''
  const readBefore = new Set(context.tablesRead)
  const { sql, table, columns } = translator.modification(must(body.ctequery))
  const step = context.addDataStep(sql, table, readBefore)
  const outputs = renamed(columns ?? [], strings(body.aliascolnames)).map((column) => ({
    ...column,
    origin: null,
  }))
  refuseBlobs(outputs)
  scope.addCte(name, outputs)
  const rows = context.sessionValue({ kind: 'carried', step })
  const items = outputs.map((column, index) => `value ->> ${index} AS ${quoteName(column.name)}`)
  return `${quoteName(name)} AS (SELECT ${items.length === 0 ? 'NULL' : items.join(', ')} FROM json_each(${rows}))`
}

function refuseBlobs(columns: readonly OutputColumn[]): void {
  if (columns.some(({ type }) => type?.type.name === 'bytea'))
    throw notSupported('bytea in RETURNING of a statement in WITH')
}

function renamed(columns: readonly OutputColumn[], names: readonly string[]): OutputColumn[] {
  return columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }))
}

// Set operations.

function setOperation(body: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  const typed = withCommonTypes(body, scope, translator)
  const left = arm(must(typed.larg), scope, translator)
  const right = arm(must(typed.rarg), scope, translator)
  if (left.columns.length !== right.columns.length) {
    throw translator.context.error(
      '42601',
      'each UNION, INTERSECT or EXCEPT query must have the same number of columns',
    )
  }
  const word = setWord(body)
  for (const [index, column] of left.columns.entries())
    checkMatch(word.replace(' ALL', ''), column, must(right.columns[index]))
  // SQLite runs set operators from left to right, all with the same precedence: whatever is nested is put in FROM.
  const sql = `${left.sql} ${word} ${right.sql}`
  return {
    sql: sql + setOrder(body, left.columns, translator),
    columns: commonColumns(left.columns, right.columns),
  }
}

function setWord(body: SelectStmt): string {
  if (body.op === 'SETOP_UNION') return body.all === true ? 'UNION ALL' : 'UNION'
  if (body.all === true) throw notSupported(body.op === 'SETOP_EXCEPT' ? 'EXCEPT ALL' : 'INTERSECT ALL')
  return body.op === 'SETOP_EXCEPT' ? 'EXCEPT' : 'INTERSECT'
}

function arm(select: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  const query = translator.query(select, new Scope(scope.withoutSources()))
  const isSimple =
    (select.op === undefined || select.op === 'SETOP_NONE') &&
    select.sortClause === undefined &&
    select.limitCount === undefined &&
    select.limitOffset === undefined &&
    select.withClause === undefined
  return isSimple ? query : { ...query, sql: `SELECT * FROM (${query.sql})` }
}

function commonColumns(left: readonly OutputColumn[], right: readonly OutputColumn[]): OutputColumn[] {
  return left.map((column, index) => {
    const types = [column.type, right[index]?.type ?? null].flatMap((type) => (type === null ? [] : [type]))
    refuseMixedTimes(types)
    return { name: column.name, type: types.length === 0 ? null : commonType(types), origin: null }
  })
}

/** A date and a timestamp are stored in different lengths: equal ones would count as different. */
function refuseMixedTimes(types: readonly NonNullable<OutputColumn['type']>[]): void {
  const [first] = types
  const isMixed = types.some(({ type }) => type !== first?.type)
  if (isMixed && types.every(({ type }) => isDateTime(type))) {
    throw notSupported('UNION, INTERSECT or EXCEPT of different date and time types (cast them)')
  }
}

function setOrder(body: SelectStmt, columns: readonly OutputColumn[], translator: Translator): string {
  if (body.sortClause === undefined) return ''
  const items = body.sortClause.map((node) => {
    const sort = sortBy(node)
    const at = outputPosition(must(sort.node), columns, translator)
    if (at === null) throw notSupported('ORDER BY of an expression after UNION, INTERSECT or EXCEPT')
    const { type } = must(columns[at - 1])
    if (type !== null && needsKey(type.type))
      throw notSupported(`ORDER BY of ${type.type.sqlName} after UNION, INTERSECT or EXCEPT`)
    return sortItem(sort, { sql: String(at), type: plain(INT8_TYPE), isAtom: true })
  })
  return ` ORDER BY ${items.join(', ')}`
}

// VALUES.

function valuesQuery(body: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  const rows = (body.valuesLists ?? []).map((node) =>
    (open(node).body['items'] as readonly Node[]).map((item) => translator.expression(item, scope)),
  )
  const width = rows[0]?.length ?? 0
  if (rows.some((row) => row.length !== width)) {
    throw translator.context.error('42601', 'VALUES lists must all be the same length')
  }
  const columns = Array.from({ length: width }, (_, index) =>
    unified(
      rows.map((row) => must(row[index])),
      translator.context,
    ),
  )
  const lines = rows.map((_, row) => `(${columns.map(({ typed }) => must(typed[row]).sql).join(', ')})`)
  const outputs = columns.map(({ type }, index) => ({ name: `column${index + 1}`, type, origin: null }))
  const sql = `VALUES ${lines.join(', ')}`
  if (body.sortClause === undefined && body.limitCount === undefined && body.limitOffset === undefined) {
    return { sql, columns: outputs }
  }
  // SQLite's VALUES takes neither ORDER BY nor LIMIT.
  return { sql: `SELECT * FROM (${sql})${setOrder(body, outputs, translator)}`, columns: outputs }
}

// SELECT.

export interface Target {
  readonly typed: Typed
  readonly name: string
  readonly node: Node | null
}

function plainSelect(original: SelectStmt, scope: Scope, translator: Translator): TranslatedQuery {
  const body = movedToFrom(original)
  const from = body.fromClause === undefined ? '' : ` FROM ${fromClause(body.fromClause, scope, translator)}`
  const targets = targetList(body.targetList ?? [], scope, translator)
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  checkGrouping(body, targets, scope, translator.context)
  const group = groupClause(body, targets, scope, translator)
  const windows = windowsClause(body.windowClause, scope, translator)
  const columns = targets.map(outputOf)
  const select: SelectParts = { body, from, where, group, windows, targets, columns }
  const distinctOn = (body.distinctClause ?? []).filter((node) => Object.keys(node).length > 0)
  if (distinctOn.length > 0) return distinctOnQuery(select, distinctOn, scope, translator)
  const distinct = body.distinctClause === undefined ? '' : 'DISTINCT '
  if (distinct !== '' && columns.some(({ type }) => type?.type === INTERVAL))
    throw notSupported('DISTINCT of intervals')
  const items = targets.map(itemText)
  const order = orderText(body.sortClause, targets, scope, translator)
  const list = items.length === 0 ? 'NULL' : items.join(', ')
  return { sql: `SELECT ${distinct}${list}${from}${where}${group}${windows}${order}`, columns }
}

interface SelectParts {
  readonly body: SelectStmt
  readonly from: string
  readonly where: string
  readonly group: string
  readonly windows: string
  readonly targets: readonly Target[]
  readonly columns: readonly OutputColumn[]
}

export function targetList(nodes: readonly Node[], scope: Scope, translator: Translator): Target[] {
  return nodes.flatMap((node) => {
    const target = open(node).body as ResTarget
    only('ResTarget', target, 'name', 'val')
    const value = must(target.val)
    const star = starTargets(value, scope, translator)
    if (star !== null) return star
    const typed = translator.expression(value, scope)
    return [
      {
        typed: typed.type === null ? resolvedText(typed) : typed,
        name: target.name ?? columnName(value),
        node: value,
      },
    ]
  })
}

function starTargets(value: Node, scope: Scope, translator: Translator): Target[] | null {
  const { kind, body } = open(value)
  if (kind !== 'ColumnRef') return null
  const fields = body['fields'] as readonly Node[]
  if (open(must(fields.at(-1))).kind !== 'A_Star') return null
  if (fields.length === 1) {
    if (scope.sources.length === 0)
      throw translator.context.error('42601', 'SELECT * with no tables specified is not valid')
    return scope.star().map(({ typed, column }) => ({ typed, name: column.name, node: null }))
  }
  const alias = stringOf(must(fields.at(-2)))
  const source = scope.source(alias)
  if (source === null)
    throw translator.context.error(
      '42P01',
      `missing FROM-clause entry for table "${alias}"`,
      body['location'] as number,
    )
  return scope.starOf(source).map(({ typed, column }) => ({ typed, name: column.name, node: null }))
}

/** SQLite names a bare column for itself; everything else gets PostgreSQL's name. */
export function itemText({ typed, name }: Target): string {
  const isBare = typed.sql === quoteColumn(name) || typed.sql === quoteName(name)
  const isOwnName = typed.origin?.name === name && isBare
  return isOwnName ? typed.sql : `${typed.sql} AS ${quoteName(name)}`
}

export function outputOf({ typed, name }: Target): OutputColumn {
  const column = { name, type: typed.type, origin: typed.origin ?? null }
  return typed.effect === undefined ? column : { ...column, effect: typed.effect }
}

function groupClause(
  body: SelectStmt,
  targets: readonly Target[],
  scope: Scope,
  translator: Translator,
): string {
  const having =
    body.havingClause === undefined ? '' : ` HAVING ${condition(body.havingClause, scope, translator).sql}`
  if (body.groupClause === undefined) return having
  const items = body.groupClause.map((node) => {
    if (open(node).kind === 'GroupingSet') throw notSupported('GROUPING SETS, ROLLUP or CUBE')
    const position = integerOf(node)
    if (position !== null) {
      const at = checkedPosition(position, targets.length, 'GROUP BY', translator)
      const { typed } = must(targets[at - 1])
      return typed.type !== null && needsKey(typed.type.type) ? sortKey(typed).sql : String(at)
    }
    return groupItem(node, targets, scope, translator)
  })
  return ` GROUP BY ${items.join(', ')}${having}`
}

/** An input column comes before an output column of the same name (PostgreSQL documentation, "SELECT", GROUP BY). */
function groupItem(node: Node, targets: readonly Target[], scope: Scope, translator: Translator): string {
  const name = bareName(node)
  if (name !== null && scope.column(name) === null) {
    const target = targets.find((each) => each.name === name)
    if (target !== undefined) return sortKey(target.typed).sql
  }
  return sortKey(translator.expression(node, scope)).sql
}

function bareName(node: Node): string | null {
  const { kind, body } = open(node)
  if (kind !== 'ColumnRef') return null
  const fields = body['fields'] as readonly Node[]
  return fields.length === 1 && open(must(fields[0])).kind === 'String' ? stringOf(must(fields[0])) : null
}

function checkedPosition(position: number, count: number, clause: string, translator: Translator): number {
  if (position >= 1 && position <= count) return position
  throw translator.context.error('42P10', `${clause} position ${position} is not in select list`)
}

function windowsClause(nodes: readonly Node[] | undefined, scope: Scope, translator: Translator): string {
  if (nodes === undefined) return ''
  const parts = nodes.map((node) => {
    const window = open(node).body as WindowDef
    return `${quoteName(window.name ?? '')} AS ${windowDefinition(window, scope, translator)}`
  })
  return ` WINDOW ${parts.join(', ')}`
}

/** Position of the output column that an ORDER BY item means: a number, or a bare name. */
function outputPosition(
  node: Node,
  columns: readonly { name: string }[],
  translator: Translator,
): number | null {
  const position = integerOf(node)
  if (position !== null) return checkedPosition(position, columns.length, 'ORDER BY', translator)
  const name = bareName(node)
  if (name === null) return null
  const at = columns.findIndex((column) => column.name === name)
  return at < 0 ? null : at + 1
}

function orderText(
  nodes: readonly Node[] | undefined,
  targets: readonly Target[],
  scope: Scope,
  translator: Translator,
): string {
  if (nodes === undefined) return ''
  const items = nodes.map((node) => {
    const sort = sortBy(node)
    const at = outputPosition(must(sort.node), targets, translator)
    if (at === null) return sortItem(sort, resolvedText(translator.expression(must(sort.node), scope)))
    const typed = must(targets[at - 1]).typed
    const isByPosition = typed.origin === undefined && (typed.type === null || !needsKey(typed.type.type))
    return sortItem(sort, { ...typed, sql: isByPosition ? String(at) : typed.sql })
  })
  return ` ORDER BY ${items.join(', ')}`
}

/**
 * DISTINCT ON keeps the first row of each group in the order of ORDER BY: a numbered subquery of which the rows numbered 1 are taken.
 */
function distinctOnQuery(
  select: SelectParts,
  nodes: readonly Node[],
  scope: Scope,
  translator: Translator,
): TranslatedQuery {
  if (select.group !== '') throw notSupported('DISTINCT ON with GROUP BY')
  const { targets, columns, body } = select
  const partition = nodes.map((node) => {
    const at = outputPosition(node, targets, translator)
    return sortKey(at === null ? translator.expression(node, scope) : must(targets[at - 1]).typed).sql
  })
  const sorts = (body.sortClause ?? []).map((node) => {
    const sort = sortBy(node)
    const at = outputPosition(must(sort.node), targets, translator)
    const typed =
      at === null ? resolvedText(translator.expression(must(sort.node), scope)) : must(targets[at - 1]).typed
    return { sort, typed, name: quoteName(translator.context.uniqueName('sort')) }
  })
  const order =
    sorts.length === 0 ? '' : ` ORDER BY ${sorts.map(({ sort, typed }) => sortItem(sort, typed)).join(', ')}`
  const number = quoteName(translator.context.uniqueName('number'))
  const inner = [
    ...targets.map((target, index) => `${target.typed.sql} AS ${quoteName(`_${index}`)}`),
    ...sorts.map(({ typed, name }) => `${typed.sql} AS ${name}`),
    `row_number() OVER (PARTITION BY ${partition.join(', ')}${order}) AS ${number}`,
  ]
  const outer = columns.map(({ name }, index) => `${quoteName(`_${index}`)} AS ${quoteName(name)}`)
  const outerOrder =
    sorts.length === 0
      ? ''
      : ` ORDER BY ${sorts.map(({ sort, typed, name }) => sortItem(sort, { ...typed, sql: name })).join(', ')}`
  const sql =
    `SELECT ${outer.join(', ')} FROM (SELECT ${inner.join(', ')}${select.from}${select.where}${select.windows})` +
    ` WHERE ${number} = 1${outerOrder}`
  return { sql, columns }
}

// LIMIT.

/** A NULL limit is none, as in PostgreSQL; SQLite would refuse NULL. */
function limitClause(body: SelectStmt, scope: Scope, translator: Translator): string {
  if (body.limitCount === undefined && body.limitOffset === undefined) return ''
  const count = limitValue(body.limitCount, scope, translator, '-1', 'LIMIT')
  const offset = limitValue(body.limitOffset, scope, translator, '0', 'OFFSET')
  return ` LIMIT ${count}${body.limitOffset === undefined ? '' : ` OFFSET ${offset}`}`
}

function limitValue(
  node: Node | undefined,
  scope: Scope,
  translator: Translator,
  none: string,
  clause: string,
): string {
  if (node === undefined) return none
  const typed = resolved(translator.expression(node, scope), plain(INT8_TYPE))
  if (typed.constant === null) return none
  if (typeof typed.constant === 'number') {
    if (typed.constant < 0) {
      throw translator.context.error(clause === 'LIMIT' ? '2201W' : '2201X', `${clause} must not be negative`)
    }
    return typed.sql
  }
  const value = typed.type?.type === TEXT ? cast(typed, plain(INT8_TYPE), translator.context).sql : typed.sql
  return `pg_limit(${value}, ${none})`
}
