/** CREATE INDEX and VIEW, CREATE TABLE AS, ALTER TABLE, RENAME. Each gives the SQLite statements that do it. */

import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  CreateTableAsStmt,
  IndexElem,
  IndexStmt,
  RangeVar,
  RenameStmt,
  ViewStmt,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { only, open, quoteName, strings } from './ast.ts'
import { condition } from './conditions.ts'
import { columnConstraint, columnTypeOf, declaredType, foreignText } from './create-table.ts'
import { relationOf, sourceColumn } from './from.ts'
import { isComputed } from './numeric-scale.ts'
import { nameOf, newRelation, type NewRelation } from './new-relation.ts'
import { withConstraint } from './rebuild-table.ts'
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

export function nothing(notice: string): Definition {
  return { sql: [], notices: [notice] }
}

function tableScope(relation: SchemaRelation): Scope {
  const scope = new Scope(null, true)
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
  const query = translator.query(open(must(body.query)).body, new Scope(null))
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

// ALTER TABLE.

export function alterTable(body: AlterTableStmt, translator: Translator): Definition {
  only('AlterTableStmt', body, 'relation', 'cmds', 'objtype', 'missing_ok')
  if (body.objtype !== 'OBJECT_TABLE') throw notSupported(`ALTER of ${objectName(body.objtype)}`)
  const relationNode = must(body.relation)
  if (body.missing_ok === true && translator.context.schema.find(relationNode.relname ?? '') === null) {
    return nothing(`relation "${relationNode.relname}" does not exist, skipping`)
  }
  const relation = relationOf(relationNode, translator)
  const commands = (body.cmds ?? []).map((node) => open(node).body as AlterTableCmd)
  // The table made anew would be as it was before the other commands.
  if (commands.length > 1 && commands.some(makesAnew))
    throw notSupported('ADD FOREIGN KEY beside other commands of one ALTER TABLE')
  const parts = commands.map((command) => alterCommand(command, relation, translator))
  return { sql: parts.flatMap(({ sql }) => sql), notices: parts.flatMap(({ notices }) => notices) }
}

function makesAnew({ def }: AlterTableCmd): boolean {
  return def !== undefined && (open(def).body as Constraint).contype === 'CONSTR_FOREIGN'
}

export function objectName(kind: string | undefined): string {
  return (kind ?? '').replace('OBJECT_', '').toLowerCase()
}

function alterCommand(command: AlterTableCmd, relation: SchemaRelation, translator: Translator): Definition {
  const table = `ALTER TABLE ${quoteName(relation.name)}`
  const name = command.name ?? ''
  switch (String(command.subtype)) {
    case 'AT_AddColumn':
      return addColumn(command, relation, translator)
    case 'AT_DropColumn':
      if (command.behavior === 'DROP_CASCADE') throw notSupported('DROP COLUMN … CASCADE')
      if (command.missing_ok === true && !hasColumn(relation, name))
        return nothing(`column "${name}" of relation "${relation.shownName}" does not exist, skipping`)
      return definition(`${table} DROP COLUMN ${quoteName(name)}`)
    case 'AT_AddConstraint':
      return addConstraint(open(must(command.def)).body, relation, translator)
    case 'AT_SetNotNull':
      return definition(`${table} ALTER COLUMN ${quoteName(name)} SET NOT NULL`)
    case 'AT_DropNotNull':
      return definition(`${table} ALTER COLUMN ${quoteName(name)} DROP NOT NULL`)
    case 'AT_DropConstraint':
      return dropConstraint(command, relation)
    // All that there is belongs to the one user of the database; storage parameters tune PostgreSQL.
    case 'AT_ChangeOwner':
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_SetStatistics':
    case 'AT_ClusterOn':
      return definition()
    default:
      throw notSupported(`ALTER TABLE … ${(command.subtype ?? '').replace('AT_', '')}`)
  }
}

function hasColumn(relation: SchemaRelation, name: string): boolean {
  return relation.columns.some((column) => column.name.toLowerCase() === name.toLowerCase())
}

function addColumn(command: AlterTableCmd, relation: SchemaRelation, translator: Translator): Definition {
  const column = open(must(command.def)).body as ColumnDef
  const name = column.colname ?? ''
  if (command.missing_ok === true && hasColumn(relation, name)) {
    return nothing(`column "${name}" of relation "${relation.shownName}" already exists, skipping`)
  }
  const type = columnTypeOf(column, translator)
  if (strings(column.typeName?.names).some((word) => word.includes('serial')))
    throw notSupported('ALTER TABLE … ADD a SERIAL column')
  const table = { relation: nameOf(relation), scope: tableScope(relation), translator, primaryKey: [] }
  const constraints = (column.constraints ?? []).map((node) => open(node).body as Constraint)
  const parts = constraints
    .map((constraint) => columnConstraint(constraint, column, type, table))
    .filter((part) => part !== '')
  return definition(
    [
      `ALTER TABLE ${quoteName(relation.name)} ADD COLUMN ${quoteName(name)} ${declaredType(type)}`,
      ...parts,
    ].join(' '),
  )
}

/** A key added later is a unique index: SQLite can't put it into the table without writing the table anew. */
function addConstraint(constraint: Constraint, relation: SchemaRelation, translator: Translator): Definition {
  const columns = strings(constraint.keys)
  const list = columns.map(quoteName).join(', ')
  const prefix = relation.temporary?.prefix ?? ''
  switch (String(constraint.contype)) {
    case 'CONSTR_PRIMARY': {
      const name = `${prefix}${constraint.conname ?? `${relation.shownName}_pkey`}`
      const missing = columns.filter((column) => !isNotNull(relation, column))
      const notNulls = missing.map(
        (column) => `ALTER TABLE ${quoteName(relation.name)} ALTER COLUMN ${quoteName(column)} SET NOT NULL`,
      )
      return definition(
        ...notNulls,
        `CREATE UNIQUE INDEX ${quoteName(name)} ON ${quoteName(relation.name)} (${list})`,
      )
    }
    case 'CONSTR_UNIQUE': {
      const name = `${prefix}${constraint.conname ?? `${relation.shownName}_${columns.join('_')}_key`}`
      return definition(`CREATE UNIQUE INDEX ${quoteName(name)} ON ${quoteName(relation.name)} (${list})`)
    }
    case 'CONSTR_CHECK': {
      const check = condition(must(constraint.raw_expr), tableScope(relation), translator).sql
      const name = constraint.conname === undefined ? '' : `CONSTRAINT ${quoteName(constraint.conname)} `
      return definition(`ALTER TABLE ${quoteName(relation.name)} ADD ${name}CHECK (${check})`)
    }
    case 'CONSTR_FOREIGN': {
      const text = foreignText(
        constraint,
        `FOREIGN KEY (${strings(constraint.fk_attrs).map(quoteName).join(', ')}) `,
        { relation: nameOf(relation), translator },
      )
      return definition(...withConstraint(relation, text, translator.context.schema))
    }
    default:
      throw notSupported(`ALTER TABLE … ADD ${constraint.contype ?? ''}`)
  }
}

function isNotNull(relation: SchemaRelation, name: string): boolean {
  return relation.columns.some(
    (column) => column.name.toLowerCase() === name.toLowerCase() && column.isNotNull,
  )
}

function dropConstraint(command: AlterTableCmd, relation: SchemaRelation): Definition {
  const name = command.name ?? ''
  const key = relation.keys.find((each) => each.name === name && each.isIndex)
  if (key !== undefined)
    return definition(`DROP INDEX ${quoteName(`${relation.temporary?.prefix ?? ''}${name}`)}`)
  return definition(`ALTER TABLE ${quoteName(relation.name)} DROP CONSTRAINT ${quoteName(name)}`)
}

// Names.

export function rename(body: RenameStmt, translator: Translator): Definition {
  only(
    'RenameStmt',
    body,
    'renameType',
    'relationType',
    'relation',
    'subname',
    'newname',
    'behavior',
    'missing_ok',
  )
  const relation = must(body.relation)
  if (body.missing_ok === true && translator.context.schema.find(relation.relname ?? '') === null) {
    return nothing(`relation "${relation.relname}" does not exist, skipping`)
  }
  switch (String(body.renameType)) {
    case 'OBJECT_TABLE':
      return renameTable(relationOf(relation, translator), body.newname ?? '')
    case 'OBJECT_COLUMN':
      return definition(
        `ALTER TABLE ${quoteName(relationOf(relation, translator).name)} RENAME COLUMN ${quoteName(body.subname ?? '')} TO ${quoteName(body.newname ?? '')}`,
      )
    default:
      throw notSupported(`ALTER ${objectName(body.renameType)} … RENAME`)
  }
}

function renameTable({ name, temporary }: SchemaRelation, newName: string): Definition {
  const target = `${temporary?.prefix ?? ''}${newName}`
  return definition(`ALTER TABLE ${quoteName(name)} RENAME TO ${quoteName(target)}`)
}
