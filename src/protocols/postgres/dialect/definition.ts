/** CREATE INDEX, CREATE VIEW, CREATE TABLE AS. Each gives the SQLite statements that do it. */

import type { CreateTableAsStmt, IndexElem, IndexStmt, RangeVar, ViewStmt } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { only, open, quoteName, strings } from './ast.ts'
import { condition } from './conditions.ts'
import { declaredType } from './create-table.ts'
import { relationOf, sourceColumn } from './from.ts'
import { isComputed } from './numeric-scale.ts'
import { newRelation, type NewRelation } from './new-relation.ts'
import type { SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'

export interface Definition {
  readonly sql: readonly string[]
  readonly notices: readonly string[]
}

export function definition(...sql: readonly string[]): Definition {
  return { sql, notices: [] }
}

/** As PostgreSQL's parser calls it, in words. */
export function objectName(kind: string | undefined): string {
  return (kind ?? '').replace('OBJECT_', '').toLowerCase()
}

export function nothing(notice: string): Definition {
  return { sql: [], notices: [notice] }
}

/** `isKept`: for what stays in the database, and not for what runs once. */
export function tableScope(relation: SchemaRelation, isKept = true): Scope {
  const scope = new Scope(null, true, isKept)
  scope.add({
    alias: relation.shownName,
    columns: relation.columns.map((column) => sourceColumn(relation, column)),
    merged: new Set(),
  })
  return scope
}

// Indexes.

const METHODS: ReadonlySet<string> = new Set(['', 'btree', 'hash'])

export function createIndex(body: IndexStmt, translator: Translator): Definition {
  only(
    'IndexStmt',
    body,
    'idxname',
    'relation',
    'accessMethod',
    'indexParams',
    'unique',
    'concurrent',
    'if_not_exists',
    'whereClause',
    'options',
    'indexIncludingParams',
  )
  if (!METHODS.has(body.accessMethod ?? '')) throw notSupported(`an index of method ${body.accessMethod}`)
  const relation = relationOf(must(body.relation), translator)
  const scope = tableScope(relation)
  const elements = (body.indexParams ?? []).map((node) => open(node).body as IndexElem)
  // The columns of INCLUDE make an index cover more; they do not belong to a unique key.
  if (body.indexIncludingParams !== undefined && body.unique === true)
    throw notSupported('INCLUDE in a unique index')
  const items = elements.map((element) => indexItem(element, scope, translator))
  const name = `${relation.temporary?.prefix ?? ''}${body.idxname ?? indexName(relation, elements, translator)}`
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  const unique = body.unique === true ? 'UNIQUE ' : ''
  const exists = body.if_not_exists === true ? 'IF NOT EXISTS ' : ''
  return definition(
    `CREATE ${unique}INDEX ${exists}${quoteName(name)} ON ${quoteName(relation.name)} (${items.join(', ')})${where}`,
  )
}

function indexItem(element: IndexElem, scope: Scope, translator: Translator): string {
  only(
    'IndexElem',
    element,
    'name',
    'expr',
    'ordering',
    'nulls_ordering',
    'opclass',
    'collation',
    'indexcolname',
  )
  const direction = element.ordering === 'SORTBY_DESC' ? ' DESC' : ''
  if (element.name !== undefined)
    return `${must(scope.column(element.name) ?? unknownColumn(element.name)).sql}${direction}`
  return `${translator.expression(must(element.expr), scope).sql}${direction}`
}

function unknownColumn(name: string): never {
  throw new PgError('42703', `column "${name}" does not exist`)
}

/** As PostgreSQL names indexes that nobody named: table_columns_idx, with a number when that is taken. */
function indexName(
  relation: SchemaRelation,
  elements: readonly IndexElem[],
  { context }: Translator,
): string {
  const stem = `${relation.shownName}_${elements.map(({ name }) => name ?? 'expr').join('_')}_idx`
  return context.uniqueName(stem).replace(/^_/, '').replace(/_\d+$/, '')
}

// Views and tables from queries.

export function createView(body: ViewStmt, translator: Translator): Definition {
  only('ViewStmt', body, 'view', 'aliases', 'query', 'replace', 'withCheckOption')
  if (body.withCheckOption !== undefined && body.withCheckOption !== 'NO_CHECK_OPTION')
    throw notSupported('WITH CHECK OPTION')
  const query = translator.query(open(must(body.query)).body, new Scope(null, false, true))
  const { relation, notices } = newView(must(body.view), translator)
  const { name, mark } = relation
  refuseSessionValues(translator, 'a view')
  const names = strings(body.aliases)
  const list = names.length === 0 ? '' : ` (${names.map(quoteName).join(', ')})`
  const create = `CREATE VIEW ${quoteName(name)}${list} AS ${mark}${query.sql}`
  const sql = body.replace === true ? [`DROP VIEW IF EXISTS ${quoteName(name)}`, create] : [create]
  return { sql, notices }
}

/** A view of temporary tables is temporary, too, whether it says so or not. */
function newView(
  body: RangeVar,
  translator: Translator,
): { readonly relation: NewRelation; readonly notices: readonly string[] } {
  const { schema, tablesRead } = translator.context
  const isOfTemporary = [...tablesRead].some((name) => (schema.find(name)?.temporary ?? null) !== null)
  if (!isOfTemporary || body.relpersistence === 't')
    return { relation: newRelation(body, translator), notices: [] }
  const relation = newRelation({ ...body, relpersistence: 't' }, translator)
  return { relation, notices: [`view "${relation.shownName}" will be a temporary view`] }
}

function refuseSessionValues({ context }: Translator, what: string): void {
  if (context.sessionValues.length > 0)
    throw notSupported(`${what} that depends on the session (now(), current_user and so on)`)
  if (context.clientParameterCount > 0) throw new PgError('42P02', `there is no parameter $1 in ${what}`)
}

/** Declared types first, rows second: CREATE TABLE AS of SQLite would keep no types. */
export function createTableAs(body: CreateTableAsStmt, translator: Translator): Definition {
  only('CreateTableAsStmt', body, 'query', 'into', 'objtype', 'if_not_exists')
  if (body.objtype === 'OBJECT_MATVIEW') throw notSupported('a materialized view')
  const into = must(body.into)
  only('IntoClause', into, 'rel', 'colNames', 'onCommit', 'skipData', 'options')
  const { name, shownName, mark, isTemporary } = newRelation(must(into.rel), translator, into.onCommit)
  const query = translator.query(open(must(body.query)).body, new Scope(null))
  const names = strings(into.colNames)
  const columns = query.columns.map((column, index) => {
    const type =
      column.type === null ? '' : ` ${isComputed(column.type) ? 'NUMERIC' : declaredType(column.type)}`
    return `${quoteName(names[index] ?? column.name)}${type}`
  })
  const space = isTemporary ? 'pg_temp' : 'public'
  if (body.if_not_exists === true && translator.context.schema.findIn(space, shownName) !== null) {
    return nothing(`relation "${shownName}" already exists, skipping`)
  }
  const create = `CREATE TABLE ${quoteName(name)} (${mark}${columns.join(', ')})`
  return into.skipData === true
    ? definition(create)
    : definition(create, `INSERT INTO ${quoteName(name)} ${query.sql}`)
}
