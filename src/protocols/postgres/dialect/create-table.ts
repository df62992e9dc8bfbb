/** CREATE TABLE: PostgreSQL's types are kept as declared types; constraints become SQLite's. */

import type { ColumnDef, Constraint, CreateStmt, RangeVar, TypeName } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { formatType, type TypeWithModifier } from '../types/declared-type.ts'
import { elementOf, INT2_TYPE, INT4_TYPE, INT8_TYPE } from '../types/registry.ts'
import { clauseName, only, open, quoteName, strings } from './ast.ts'
import { assigned } from './assignment.ts'
import { knownType } from './casts.ts'
import { condition } from './conditions.ts'
import { checkName } from './check-name.ts'
import { newRelation, type RelationName } from './new-relation.ts'
import { INT2_RANGE, INT4_RANGE } from './schema-loader.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { storageDefault } from './defaults.ts'

const SERIALS: Readonly<Record<string, TypeWithModifier['type']>> = {
  serial: INT4_TYPE,
  serial4: INT4_TYPE,
  bigserial: INT8_TYPE,
  serial8: INT8_TYPE,
  smallserial: INT2_TYPE,
  serial2: INT2_TYPE,
}

export interface TableText {
  readonly sql: string
  readonly notices: readonly string[]
}

export function createTable(body: CreateStmt, translator: Translator): TableText {
  only('CreateStmt', body, 'relation', 'tableElts', 'if_not_exists', 'options', 'oncommit', 'accessMethod')
  const relation = newRelation(must(body.relation), translator, body.oncommit)
  const { shownName: name } = relation
  const definitions = (body.tableElts ?? []).map(open)
  const columns = definitions.filter(({ kind }) => kind === 'ColumnDef').map(({ body }) => body as ColumnDef)
  const tableConstraints = definitions
    .filter(({ kind }) => kind === 'Constraint')
    .map(({ body }) => body as Constraint)
  const unknown = definitions.find(({ kind }) => kind !== 'ColumnDef' && kind !== 'Constraint')
  if (unknown !== undefined)
    throw notSupported(unknown.kind === 'TableLikeClause' ? 'LIKE' : clauseName(unknown.kind))
  const scope = new Scope(null, true)
  scope.add({
    alias: name,
    columns: columns.map((column) => ownColumn(column, translator)),
    merged: new Set(),
  })
  const declaredKey = primaryKeyOf(columns, tableConstraints)
  const numbered = declaredKey.length === 0 ? loneNumbered(columns) : null
  const primaryKey = numbered === null ? declaredKey : [numbered]
  const table: TableContext = {
    relation,
    names: givenNames(columns, tableConstraints),
    scope,
    translator,
    primaryKey,
  }
  const lines = [
    ...columns.map((column) => columnText(column, table)),
    ...tableConstraints.flatMap((constraint) => tableConstraint(constraint, table)),
  ]
  const exists = body.if_not_exists === true ? 'IF NOT EXISTS ' : ''
  return {
    sql: `CREATE TABLE ${exists}${quoteName(relation.name)} (${relation.mark}${lines.join(', ')})`,
    notices: keyNotice(numbered, name),
  }
}

function givenNames(columns: readonly ColumnDef[], constraints: readonly Constraint[]): Set<string> {
  const all = [...constraints, ...columns.flatMap(constraintsOf)]
  return new Set(all.flatMap(({ conname }) => (conname === undefined ? [] : [conname])))
}

/** SQLite numbers the rows of a primary key only. In a table without one, the numbered column becomes it: what differs is that no number comes twice. */
function loneNumbered(columns: readonly ColumnDef[]): string | null {
  const numbered = columns.filter(isNumbered)
  return numbered.length === 1 ? (numbered[0]?.colname ?? '') : null
}

export function isNumbered(column: ColumnDef): boolean {
  return (
    serialType(column) !== null || constraintsOf(column).some(({ contype }) => contype === 'CONSTR_IDENTITY')
  )
}

function keyNotice(column: string | null, table: string): string[] {
  return column === null
    ? []
    : [`HarmonyDB makes the numbered column "${column}" the primary key of "${table}"`]
}

export interface TableContext {
  readonly relation: RelationName
  /** Of constraints, as far as they are known. */
  readonly names: Set<string>
  readonly scope: Scope
  readonly translator: Translator
  readonly primaryKey: readonly string[]
}

function ownColumn(
  column: ColumnDef,
  translator: Translator,
): { name: string; type: TypeWithModifier; origin: null } {
  return { name: column.colname ?? '', type: columnTypeOf(column, translator), origin: null }
}

function typeNameOf(column: ColumnDef): TypeName {
  return must(column.typeName)
}

export function columnTypeOf(column: ColumnDef, translator: Translator): TypeWithModifier {
  return knownType(typeNameOf(column), translator.context)
}

function primaryKeyOf(columns: readonly ColumnDef[], constraints: readonly Constraint[]): readonly string[] {
  const single = columns.find((column) =>
    constraintsOf(column).some(({ contype }) => contype === 'CONSTR_PRIMARY'),
  )
  if (single !== undefined) return [single.colname ?? '']
  const table = constraints.find(({ contype }) => contype === 'CONSTR_PRIMARY')
  return strings(table?.keys)
}

function constraintsOf(column: ColumnDef): Constraint[] {
  return (column.constraints ?? []).map((node) => open(node).body as Constraint)
}

function serialType(column: ColumnDef): TypeWithModifier['type'] | null {
  return SERIALS[strings(typeNameOf(column).names).at(-1) ?? ''] ?? null
}

export function columnText(column: ColumnDef, table: TableContext): string {
  only('ColumnDef', column, 'colname', 'typeName', 'is_local', 'constraints', 'collClause')
  const name = column.colname ?? ''
  const serial = serialType(column)
  const constraints = constraintsOf(column)
  const identity = constraints.find(({ contype }) => contype === 'CONSTR_IDENTITY')
  if (serial !== null || identity !== undefined) return numberedColumn(column, serial, constraints, table)
  const type = columnTypeOf(column, table.translator)
  const isKey = table.primaryKey.includes(name)
  const needsNotNull = isKey && !constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL')
  const parts = constraints.map((constraint) => columnConstraint(constraint, column, type, table))
  const declared = declaredType(type)
  return [quoteName(name), declared, ...(needsNotNull ? ['NOT NULL'] : []), ...parts]
    .filter((part) => part !== '')
    .join(' ')
}

/** As typeOfDeclaration reads it back. */
export function declaredType(type: TypeWithModifier): string {
  const element = elementOf(type.type)
  if (element !== null) return `${declaredType({ type: element, modifier: type.modifier })}[]`
  const { type: base } = type
  const isOwnName =
    base.elementOid === 0 &&
    ['int2', 'int4', 'int8', 'bool', 'float4', 'float8', 'timestamptz'].includes(base.name)
  if (isOwnName && type.modifier < 0) return base.name.toUpperCase()
  return formatType(type).toUpperCase()
}

/** SERIAL and IDENTITY: SQLite numbers rows itself only in a sole primary key declared exactly INTEGER. */
function numberedColumn(
  column: ColumnDef,
  serial: TypeWithModifier['type'] | null,
  constraints: readonly Constraint[],
  table: TableContext,
): string {
  const name = column.colname ?? ''
  if (table.primaryKey.length !== 1 || table.primaryKey[0] !== name) {
    throw notSupported(`SERIAL or IDENTITY of column "${name}", which is not the whole primary key,`)
  }
  const type = serial ?? columnTypeOf(column, table.translator).type
  const quoted = quoteName(name)
  const range = type === INT4_TYPE ? INT4_RANGE : type === INT2_TYPE ? INT2_RANGE : null
  const rest = constraints
    .filter(({ contype }) => !['CONSTR_PRIMARY', 'CONSTR_IDENTITY', 'CONSTR_NOTNULL'].includes(contype ?? ''))
    .map((constraint) => columnConstraint(constraint, column, { type, modifier: -1 }, table))
  const check = range === null ? [] : [`CHECK (${quoted} ${range})`]
  return [quoted, 'INTEGER PRIMARY KEY AUTOINCREMENT', ...check, ...rest]
    .filter((part) => part !== '')
    .join(' ')
}

const CONSTRAINT_FIELDS = [
  'contype',
  'conname',
  'initially_valid',
  'is_enforced',
  'skip_validation',
  'options',
  'deferrable',
  'initdeferred',
]

function named(constraint: Constraint): string {
  return constraint.conname === undefined || constraint.conname === ''
    ? ''
    : `CONSTRAINT ${quoteName(constraint.conname)} `
}

export function columnConstraint(
  constraint: Constraint,
  column: ColumnDef,
  type: TypeWithModifier,
  table: TableContext,
): string {
  switch (String(constraint.contype)) {
    case 'CONSTR_NOTNULL':
      return 'NOT NULL'
    case 'CONSTR_NULL':
      return ''
    case 'CONSTR_PRIMARY':
      only('Constraint', constraint, ...CONSTRAINT_FIELDS, 'keys')
      return table.primaryKey.length > 1 ? '' : `${named(constraint)}PRIMARY KEY`
    case 'CONSTR_UNIQUE':
      only('Constraint', constraint, ...CONSTRAINT_FIELDS, 'keys')
      return `${named(constraint)}UNIQUE`
    case 'CONSTR_CHECK':
      return checkText(constraint, table)
    case 'CONSTR_DEFAULT': {
      const value = must(constraint.raw_expr)
      return `DEFAULT ${storageDefault(value, { name: column.colname ?? '', type }, table.translator)}`
    }
    case 'CONSTR_GENERATED': {
      const value = table.translator.expression(must(constraint.raw_expr), table.scope)
      const sql = assigned(value, { ...NEW_COLUMN, name: column.colname ?? '', type }, table.translator)
      return `GENERATED ALWAYS AS (${sql}) STORED`
    }
    case 'CONSTR_FOREIGN':
      return foreignText(constraint, '', table)
    case 'CONSTR_ATTR_DEFERRABLE':
    case 'CONSTR_ATTR_NOT_DEFERRABLE':
    case 'CONSTR_ATTR_IMMEDIATE':
      return ''
    case 'CONSTR_ATTR_DEFERRED':
      return 'DEFERRABLE INITIALLY DEFERRED'
    default:
      throw notSupported(`the constraint ${constraint.contype}`)
  }
}

const NEW_COLUMN = {
  number: 0,
  isNotNull: false,
  hasDefault: false,
  isGenerated: false,
  defaultText: null,
  isIdentity: false,
}

export function checkText(
  constraint: Constraint,
  table: Pick<TableContext, 'relation' | 'names' | 'scope' | 'translator'>,
): string {
  only('Constraint', constraint, ...CONSTRAINT_FIELDS, 'raw_expr', 'cooked_expr')
  const expression = must(constraint.raw_expr)
  const given = constraint.conname ?? ''
  const name = given === '' ? checkName(expression, table.relation.shownName, table.names) : given
  table.names.add(name)
  return `CONSTRAINT ${quoteName(name)} CHECK (${condition(expression, table.scope, table.translator).sql})`
}

export function tableConstraint(constraint: Constraint, table: TableContext): string[] {
  switch (String(constraint.contype)) {
    case 'CONSTR_PRIMARY':
      only('Constraint', constraint, ...CONSTRAINT_FIELDS, 'keys')
      return [`${named(constraint)}PRIMARY KEY (${keyList(constraint, table)})`]
    case 'CONSTR_UNIQUE':
      only('Constraint', constraint, ...CONSTRAINT_FIELDS, 'keys')
      return [`${named(constraint)}UNIQUE (${keyList(constraint, table)})`]
    case 'CONSTR_CHECK':
      return [checkText(constraint, table)]
    case 'CONSTR_FOREIGN':
      for (const name of strings(constraint.fk_attrs)) {
        if (table.scope.column(name) !== null) continue
        throw new PgError('42703', `column "${name}" referenced in foreign key constraint does not exist`)
      }
      return [
        foreignText(
          constraint,
          `FOREIGN KEY (${strings(constraint.fk_attrs).map(quoteName).join(', ')}) `,
          table,
        ),
      ]
    default:
      throw notSupported(`the constraint ${constraint.contype}`)
  }
}

/** SQLite would take a misspelt name for a text. */
function keyList(constraint: Constraint, { scope }: Pick<TableContext, 'scope'>): string {
  const names = strings(constraint.keys)
  const missing = names.find((name) => scope.column(name) === null)
  if (missing !== undefined) throw new PgError('42703', `column "${missing}" named in key does not exist`)
  return names.map(quoteName).join(', ')
}

const ACTIONS: Readonly<Record<string, string>> = {
  a: '',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
}

/** The name in the database of the table that a foreign key refers to, which may be the one that is being made. */
function foreignTarget(body: RangeVar, own: RelationName, { context }: Translator): string {
  const schema = body.schemaname ?? ''
  const shownName = body.relname ?? ''
  if (!['', 'public', 'pg_temp'].includes(schema))
    throw notSupported(`the schema "${schema}" (there is only "public")`)
  if (shownName.toLowerCase() === own.shownName.toLowerCase()) return own.name
  const target = context.schema.find(shownName)
  if (target === null) throw context.error('42P01', `relation "${shownName}" does not exist`, body.location)
  if ((target.temporary !== null) === own.isTemporary) return target.name
  const kind = own.isTemporary ? 'temporary' : 'permanent'
  throw new PgError('42P16', `constraints on ${kind} tables may reference only ${kind} tables`)
}

/** Without columns it means the primary key of the other table, which SQLite does not find where ALTER TABLE added it. */
export function foreignText(
  constraint: Constraint,
  prefix: string,
  { relation, translator }: Pick<TableContext, 'relation' | 'translator'>,
): string {
  only(
    'Constraint',
    constraint,
    ...CONSTRAINT_FIELDS,
    'pktable',
    'fk_attrs',
    'pk_attrs',
    'fk_matchtype',
    'fk_upd_action',
    'fk_del_action',
  )
  if (constraint.fk_matchtype === 'f') throw notSupported('MATCH FULL')
  const target = foreignTarget(must(constraint.pktable), relation, translator)
  const given = strings(constraint.pk_attrs)
  const columns = given.length > 0 ? given : (translator.context.schema.primaryKey(target) ?? [])
  const list = columns.length === 0 ? '' : ` (${columns.map(quoteName).join(', ')})`
  const onDelete = ACTIONS[constraint.fk_del_action ?? 'a'] ?? ''
  const onUpdate = ACTIONS[constraint.fk_upd_action ?? 'a'] ?? ''
  return (
    `${named(constraint)}${prefix}REFERENCES ${quoteName(target)}${list}` +
    (onDelete === '' ? '' : ` ON DELETE ${onDelete}`) +
    (onUpdate === '' ? '' : ` ON UPDATE ${onUpdate}`) +
    (constraint.initdeferred === true ? ' DEFERRABLE INITIALLY DEFERRED' : '')
  )
}
