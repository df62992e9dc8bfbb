/** INSERT, UPDATE, DELETE and TRUNCATE. */

import type {
  DeleteStmt,
  InferClause,
  InsertStmt,
  Node,
  OnConflictClause,
  RangeVar,
  ResTarget,
  SelectStmt,
  TruncateStmt,
  UpdateStmt,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { only, open, quoteName } from './ast.ts'
import { assigned } from './assignment.ts'
import { condition } from './conditions.ts'
import { fromClause, relationOf, sourceColumn } from './from.ts'
import { isRow } from './operator-expressions.ts'
import { inOrderOfReferences, withReferring } from './references.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import { returningClause } from './returning.ts'
import { withClause } from './select.ts'
import type { OutputColumn, TranslatedQuery, Translator } from './translation.ts'
import { atom } from './typed.ts'
import { writeTarget, type WriteTarget } from './write-target.ts'

export interface TranslatedModification {
  readonly sql: readonly string[]
  readonly columns: readonly OutputColumn[] | null
  readonly target: WriteTarget | null
}

function targetScope(relation: SchemaRelation, alias: string, scope: Scope): void {
  scope.add({
    alias,
    columns: relation.columns.map((column) => sourceColumn(relation, column)),
    merged: new Set(),
  })
}

/** RETURNING sees the table, whatever it is called in the rest of the statement. */
function returningScope(relation: SchemaRelation, alias: string, outer: Scope): Scope {
  const scope = outer.withoutSources()
  const columns = relation.columns.map((column) => sourceColumn(relation, column))
  scope.add({ alias, sqlName: relation.name, columns, merged: new Set() })
  return scope
}

function tableText(relation: SchemaRelation, alias: string): string {
  return alias === relation.name
    ? quoteName(relation.name)
    : `${quoteName(relation.name)} AS ${quoteName(alias)}`
}

function aliasOf(body: RangeVar, relation: SchemaRelation): string {
  return body.alias?.aliasname ?? relation.shownName
}

function refuseView(relation: SchemaRelation, verb: string): void {
  if (relation.kind === 'view') throw notSupported(`${verb} of the view "${relation.shownName}"`)
}

function withText(clause: InsertStmt['withClause'], scope: Scope, translator: Translator): string {
  return clause === undefined ? '' : `${withClause(clause, scope, translator)} `
}

function columnNamed(
  relation: SchemaRelation,
  name: string,
  translator: Translator,
  location?: number,
): SchemaColumn {
  const wanted = name.toLowerCase()
  const column = relation.columns.find((each) => each.name.toLowerCase() === wanted)
  if (column !== undefined) return column
  throw translator.context.error(
    '42703',
    `column "${name}" of relation "${relation.shownName}" does not exist`,
    location,
  )
}

// INSERT.

export function insertStatement(body: InsertStmt, translator: Translator): TranslatedModification {
  only(
    'InsertStmt',
    body,
    'relation',
    'cols',
    'selectStmt',
    'onConflictClause',
    'returningClause',
    'returningList',
    'withClause',
    'override',
  )
  const relationNode = must(body.relation)
  const relation = relationOf(relationNode, translator)
  refuseView(relation, 'INSERT into')
  const scope = new Scope(null)
  const withSql = withText(body.withClause, scope, translator)
  const columns = insertColumns(body, relation, translator)
  const source = insertSource(body, relation, columns, scope, translator)
  const target = scope.withoutSources()
  const alias = aliasOf(relationNode, relation)
  targetScope(relation, alias, target)
  const conflict =
    body.onConflictClause === undefined
      ? ''
      : conflictClause(body.onConflictClause, relation, target, translator)
  const returning = returningClause(
    body.returningClause,
    relation,
    returningScope(relation, alias, scope),
    translator,
  )
  const { schema } = translator.context
  return {
    sql: [`${withSql}INSERT INTO ${tableText(relation, alias)}${source}${conflict}${returning.sql}`],
    columns: returning.columns,
    // What ON CONFLICT updates, others may refer to.
    target: writeTarget(relation, { kind: conflict === '' ? 'insert' : 'update', changed: null }, schema),
  }
}

function insertColumns(
  body: InsertStmt,
  relation: SchemaRelation,
  translator: Translator,
): readonly SchemaColumn[] {
  if (body.cols === undefined) return relation.columns.filter(({ isGenerated }) => !isGenerated)
  return body.cols.map((node) => {
    const target = open(node).body as ResTarget
    only('ResTarget', target, 'name')
    return columnNamed(relation, target.name ?? '', translator, target.location)
  })
}

function insertSource(
  body: InsertStmt,
  relation: SchemaRelation,
  columns: readonly SchemaColumn[],
  scope: Scope,
  translator: Translator,
): string {
  if (body.selectStmt === undefined) return ' DEFAULT VALUES'
  const select = open(body.selectStmt).body as SelectStmt
  const isPlainValues =
    select.valuesLists !== undefined &&
    select.sortClause === undefined &&
    select.limitCount === undefined &&
    select.withClause === undefined
  if (isPlainValues) return insertValues(select.valuesLists ?? [], relation, columns, scope, translator)
  const query = translator.query(select, new Scope(scope))
  const names = columns.slice(0, query.columns.length)
  if (query.columns.length > columns.length) throw tooManyExpressions(translator)
  if (body.cols !== undefined && query.columns.length < columns.length) throw tooFewExpressions(translator)
  const assignedQuery = assignedSelect(query, names, translator)
  // Without WHERE, SQLite would read the ON of ON CONFLICT as the condition of a join (lang_upsert.html, "Parsing Ambiguity").
  const selectText =
    body.onConflictClause === undefined ? assignedQuery : `SELECT * FROM (${assignedQuery}) WHERE TRUE`
  return ` (${names.map(({ name }) => quoteName(name)).join(', ')}) ${selectText}`
}

/** Values of another type than their column are cast on their way, as in VALUES. */
function assignedSelect(
  query: TranslatedQuery,
  columns: readonly SchemaColumn[],
  translator: Translator,
): string {
  const items = query.columns.map((output, index) => {
    const name = quoteName(`_${index}`)
    const column = must(columns[index])
    if (output.type !== null) return assigned(atom(name, output.type), column, translator)
    translator.context.computedColumns.add(column)
    return name
  })
  if (items.every((item, index) => item === quoteName(`_${index}`))) return query.sql
  const names = query.columns.map((_, index) => quoteName(`_${index}`))
  const source = translator.context.uniqueName('source')
  return `SELECT ${items.join(', ')} FROM (WITH ${quoteName(source)}(${names.join(', ')}) AS (${query.sql}) SELECT * FROM ${quoteName(source)})`
}

function tooManyExpressions(translator: Translator): Error {
  return translator.context.error('42601', 'INSERT has more expressions than target columns')
}

function tooFewExpressions(translator: Translator): Error {
  return translator.context.error('42601', 'INSERT has more target columns than expressions')
}

/** SQLite has no DEFAULT inside VALUES: a column that is DEFAULT in every row is left away. */
function insertValues(
  lists: readonly Node[],
  relation: SchemaRelation,
  columns: readonly SchemaColumn[],
  scope: Scope,
  translator: Translator,
): string {
  const rows = lists.map((node) => open(node).body['items'] as readonly Node[])
  const width = rows[0]?.length ?? 0
  if (rows.some((row) => row.length !== width))
    throw translator.context.error('42601', 'VALUES lists must all be the same length')
  if (width > columns.length) throw tooManyExpressions(translator)
  if (width < columns.length && columns.length !== relation.columns.length)
    throw tooFewExpressions(translator)
  const isDefault = (index: number): boolean =>
    rows.every((row) => open(must(row[index])).kind === 'SetToDefault')
  const kept = columns
    .slice(0, width)
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => !isDefault(index))
  if (kept.length === 0 && rows.length === 1) return ' DEFAULT VALUES'
  if (kept.length === 0) return defaultRows(rows.length, relation)
  translator.context.isOneRow = rows.length === 1
  const lines = rows.map(
    (row) =>
      `(${kept.map(({ column, index }) => valueFor(must(row[index]), column, relation, scope, translator)).join(', ')})`,
  )
  translator.context.isOneRow = false
  return ` (${kept.map(({ column }) => quoteName(column.name)).join(', ')}) VALUES ${lines.join(', ')}`
}

function rowForColumn({ name, type }: SchemaColumn): PgError {
  const message = `column "${name}" is of type ${type.type.sqlName} but expression is of type record`
  return new PgError('42804', message, {
    hint: 'You will need to rewrite or cast the expression.',
    routine: 'transformAssignedExpr',
  })
}

function nullInKey({ name }: SchemaColumn, relation: SchemaRelation): PgError {
  const message = `null value in column "${name}" of relation "${relation.shownName}" violates not-null constraint`
  return new PgError('23502', message, { schema: 'public', table: relation.shownName, column: name })
}

function defaultOf(column: SchemaColumn): string {
  return column.defaultText === null ? 'NULL' : `(${column.defaultText})`
}

/** Several rows of nothing but defaults: NULL for the rowid asks for the next one. */
function defaultRows(count: number, { rowidColumn }: SchemaRelation): string {
  if (rowidColumn === null) throw notSupported('several rows of only DEFAULT')
  return ` (${quoteName(rowidColumn)}) VALUES ${Array.from({ length: count }, () => '(NULL)').join(', ')}`
}

function valueFor(
  node: Node,
  column: SchemaColumn,
  relation: SchemaRelation,
  scope: Scope,
  translator: Translator,
): string {
  if (isRow(node)) throw rowForColumn(column)
  if (open(node).kind !== 'SetToDefault') {
    const typed = translator.expression(node, scope)
    // For SQLite, NULL asks the rowid's column for the next number.
    if (typed.constant === null && column.name === relation.rowidColumn) throw nullInKey(column, relation)
    return assigned(typed, column, translator)
  }
  // NULL in the rowid's column is its default.
  if (column.name === relation.rowidColumn) return 'NULL'
  return defaultOf(column)
}

// ON CONFLICT.

function conflictClause(
  body: OnConflictClause,
  relation: SchemaRelation,
  scope: Scope,
  translator: Translator,
): string {
  only('OnConflictClause', body, 'action', 'infer', 'targetList', 'whereClause')
  const target = body.infer === undefined ? '' : conflictTarget(body.infer, relation, scope, translator)
  if (body.action === 'ONCONFLICT_NOTHING') return ` ON CONFLICT${target} DO NOTHING`
  const inner = new Scope(null)
  for (const source of scope.sources) inner.add(source)
  targetScope(relation, 'excluded', inner)
  const ambiguous = new PreferFirst(inner)
  const sets = assignments(body.targetList ?? [], relation, ambiguous, translator)
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, ambiguous, translator).sql}`
  return ` ON CONFLICT${target} DO UPDATE SET ${sets}${where}`
}

/** In DO UPDATE a bare name is the table's column, never `excluded`'s. */
class PreferFirst extends Scope {
  constructor(scope: Scope) {
    super(null)
    for (const source of scope.sources) super.add(source)
  }

  override column(name: string): ReturnType<Scope['column']> {
    const [first] = this.sources
    return first === undefined ? null : this.qualifiedColumn(first.alias, name)
  }
}

function conflictTarget(
  body: InferClause,
  relation: SchemaRelation,
  scope: Scope,
  translator: Translator,
): string {
  only('InferClause', body, 'indexElems', 'whereClause', 'conname')
  if (body.conname !== undefined && body.conname !== '') {
    const key = relation.keys.find(({ name }) => name === body.conname)
    if (key === undefined) {
      throw translator.context.error(
        '42704',
        `constraint "${body.conname}" for table "${relation.shownName}" does not exist`,
      )
    }
    return ` (${key.columns.map(quoteName).join(', ')})`
  }
  const items = (body.indexElems ?? []).map((node) => {
    const element = open(node).body as { name?: string; expr?: Node }
    if (element.name !== undefined) return quoteName(columnNamed(relation, element.name, translator).name)
    return translator.expression(must(element.expr), scope).sql
  })
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  return ` (${items.join(', ')})${where}`
}

// UPDATE and DELETE.

/** SET's items: a column and its value, or several from a row. */
function assignments(
  nodes: readonly Node[],
  relation: SchemaRelation,
  scope: Scope,
  translator: Translator,
): string {
  return nodes
    .map((node) => {
      const target = open(node).body as ResTarget
      only('ResTarget', target, 'name', 'val')
      const column = columnNamed(relation, target.name ?? '', translator, target.location)
      return `${quoteName(column.name)} = ${assignedValue(must(target.val), column, scope, translator)}`
    })
    .join(', ')
}

function assignedValue(node: Node, column: SchemaColumn, scope: Scope, translator: Translator): string {
  const { kind, body } = open(node)
  if (kind === 'SetToDefault') {
    if (column.defaultText === 'serial') throw notSupported('SET column = DEFAULT of a SERIAL column')
    return defaultOf(column)
  }
  if (kind !== 'MultiAssignRef') return assigned(translator.expression(node, scope), column, translator)
  const source = open(body['source'] as Node)
  const item = (source.body['args'] as readonly Node[] | undefined)?.[((body['colno'] as number) ?? 1) - 1]
  if (source.kind !== 'RowExpr' || item === undefined) throw notSupported('SET (…) = a subquery')
  return assigned(translator.expression(item, scope), column, translator)
}

export function updateStatement(body: UpdateStmt, translator: Translator): TranslatedModification {
  only(
    'UpdateStmt',
    body,
    'relation',
    'targetList',
    'whereClause',
    'fromClause',
    'returningClause',
    'withClause',
  )
  const relationNode = must(body.relation)
  const relation = relationOf(relationNode, translator)
  refuseView(relation, 'UPDATE')
  const scope = new Scope(null)
  const withSql = withText(body.withClause, scope, translator)
  const alias = aliasOf(relationNode, relation)
  targetScope(relation, alias, scope)
  const from = body.fromClause === undefined ? '' : ` FROM ${fromClause(body.fromClause, scope, translator)}`
  const sets = assignments(body.targetList ?? [], relation, scope, translator)
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  const returning = returningClause(
    body.returningClause,
    relation,
    returningScope(relation, alias, scope),
    translator,
  )
  if (from !== '' && returning.columns !== null) throw notSupported('UPDATE … FROM with RETURNING')
  const changed = (body.targetList ?? []).map((node) => (open(node).body as ResTarget).name ?? '')
  return {
    sql: [`${withSql}UPDATE ${tableText(relation, alias)} SET ${sets}${from}${where}${returning.sql}`],
    columns: returning.columns,
    target: writeTarget(relation, { kind: 'update', changed }, translator.context.schema),
  }
}

/** DELETE … USING joins in a subquery that names the rows. */
export function deleteStatement(body: DeleteStmt, translator: Translator): TranslatedModification {
  only('DeleteStmt', body, 'relation', 'usingClause', 'whereClause', 'returningClause', 'withClause')
  const relationNode = must(body.relation)
  const relation = relationOf(relationNode, translator)
  refuseView(relation, 'DELETE from')
  const scope = new Scope(null)
  const withSql = withText(body.withClause, scope, translator)
  const alias = aliasOf(relationNode, relation)
  targetScope(relation, alias, scope)
  const where = deleteCondition(body, relation, alias, scope, translator)
  const returning = returningClause(
    body.returningClause,
    relation,
    returningScope(relation, alias, scope),
    translator,
  )
  return {
    sql: [`${withSql}DELETE FROM ${tableText(relation, alias)}${where}${returning.sql}`],
    columns: returning.columns,
    target: writeTarget(relation, { kind: 'delete', changed: null }, translator.context.schema),
  }
}

function deleteCondition(
  body: DeleteStmt,
  relation: SchemaRelation,
  alias: string,
  scope: Scope,
  translator: Translator,
): string {
  if (body.usingClause === undefined) {
    return body.whereClause === undefined
      ? ''
      : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  }
  const using = fromClause(body.usingClause, scope, translator)
  const where =
    body.whereClause === undefined ? '' : ` WHERE ${condition(body.whereClause, scope, translator).sql}`
  const rowid = `${quoteName(alias)}.rowid`
  return ` WHERE rowid IN (SELECT ${rowid} FROM ${tableText(relation, alias)}, ${using}${where})`
}

/** One DELETE for each table; RESTART IDENTITY also forgets where AUTOINCREMENT was. */
export function truncateStatement(body: TruncateStmt, translator: Translator): TranslatedModification {
  only('TruncateStmt', body, 'relations', 'restart_seqs', 'behavior')
  const relations = (body.relations ?? []).map((node) => relationOf(open(node).body as RangeVar, translator))
  const { schema } = translator.context
  const all = withReferring(new Set(relations), schema)
  if (all.size > relations.length && body.behavior !== 'DROP_CASCADE')
    throw new PgError('0A000', 'cannot truncate a table referenced in a foreign key constraint')
  const deletes = inOrderOfReferences(all).map(({ name }) => `DELETE FROM ${quoteName(name)}`)
  const resets =
    body.restart_seqs === true
      ? [...all]
          .filter(({ rowidColumn }) => rowidColumn !== null)
          .map(({ name }) => `DELETE FROM sqlite_sequence WHERE name = '${name.replaceAll("'", "''")}'`)
      : []
  return { sql: [...deletes, ...resets], columns: null, target: null }
}
