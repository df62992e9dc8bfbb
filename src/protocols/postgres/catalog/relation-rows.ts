/** pg_class and what hangs on it: columns, defaults, indexes, constraints. */

import type {
  Schema,
  SchemaColumn,
  SchemaForeignKey,
  SchemaIndex,
  SchemaRelation,
} from '../dialect/schema.ts'
import { mentions } from '../dialect/dependents.ts'
import { INT2_RANGE, INT4_RANGE } from '../dialect/schema-loader.ts'
import { parseTable, type Clause } from '../dialect/table-text.ts'
import { TEXT } from '../types/registry.ts'
import {
  BTREE_OID,
  HEAP_OID,
  OWNER_OID,
  PUBLIC_OID,
  TEMPORARY_OID,
  TEMPORARY_SCHEMA,
  relation,
  type CatalogCell,
  type CatalogDefinition,
} from './definition.ts'

type Rows = readonly (readonly CatalogCell[])[]

const kindLetter = ({ kind, isSequence }: SchemaRelation): string =>
  isSequence ? 'S' : kind === 'view' ? 'v' : 'r'

/** By name, in the names that clients know. A temporary table comes before the one that it hides. */
export function tables(schema: Schema): SchemaRelation[] {
  return [...schema.all()].map((each) => shown(each, schema)).toSorted(byName)
}

function byName(left: SchemaRelation, right: SchemaRelation): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1
  return left.temporary === null ? 1 : -1
}

function shown(each: SchemaRelation, schema: Schema): SchemaRelation {
  if (each.temporary === null) return each
  const foreignKeys = each.foreignKeys.map((key) => ({
    ...key,
    table: schema.find(key.table)?.shownName ?? key.table,
  }))
  return { ...each, name: each.shownName, foreignKeys }
}

export function namespaceOf({ temporary }: SchemaRelation): { readonly oid: number; readonly name: string } {
  return temporary === null
    ? { oid: PUBLIC_OID, name: 'public' }
    : { oid: TEMPORARY_OID, name: TEMPORARY_SCHEMA }
}

export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

const list = (names: readonly (string | null)[]): string =>
  names.map((name) => (name === null ? '(expression)' : quoted(name))).join(', ')

// pg_class.

function classRows(schema: Schema): Rows {
  const referenced = new Set(
    tables(schema).flatMap(({ foreignKeys }) => foreignKeys.map(({ table }) => table.toLowerCase())),
  )
  return tables(schema).flatMap((table) => {
    // PostgreSQL carries foreign keys out by triggers, on both tables; psql asks for the keys only where there are some.
    const hasTriggers = table.foreignKeys.length > 0 || referenced.has(table.name.toLowerCase())
    const facts = { table, hasIndex: table.indexes.length > 0, hasTriggers }
    const none = { table, hasIndex: false, hasTriggers: false }
    return [
      classRow(table.oid, table.name, kindLetter(table), table.columns.length, facts),
      ...table.indexes.map((index) => classRow(index.oid, index.name, 'i', index.columns.length, none)),
    ]
  })
}

interface ClassFacts {
  readonly table: SchemaRelation
  readonly hasIndex: boolean
  readonly hasTriggers: boolean
}

function classRow(
  oid: number,
  name: string,
  kind: string,
  columnCount: number,
  { table, hasIndex, hasTriggers }: ClassFacts,
): CatalogCell[] {
  const accessMethod = kind === 'r' ? HEAP_OID : kind === 'i' ? BTREE_OID : 0
  const storage = [oid, name, namespaceOf(table).oid, 0, 0, OWNER_OID, accessMethod, oid, 0, 0, -1, 0, 0]
  const flags = [
    hasIndex,
    false,
    table.temporary === null ? 'p' : 't',
    kind,
    columnCount,
    kind === 'r' ? checksOf(table).length : 0,
    false,
    hasTriggers,
  ]
  const policies = [false, false, false, true, 'd', false]
  return [...storage, ...flags, ...policies, 0, 0, 0, null, null, null]
}

// pg_attribute and pg_attrdef.

function attributeRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) => [
    ...table.columns.map((column) => attributeRow(table.oid, column, column.number)),
    ...table.indexes.flatMap((index) =>
      index.columns.map((name, at) => {
        const column = columnNamed(table, name)
        return attributeRow(index.oid, column ?? { ...EXPRESSION, name: `expr${at}` }, at + 1)
      }),
    ),
  ])
}

const EXPRESSION: Omit<SchemaColumn, 'name'> & { name: string } = {
  name: '',
  type: { type: TEXT, modifier: -1 },
  number: 0,
  isNotNull: false,
  hasDefault: false,
  isGenerated: false,
  defaultText: null,
  isIdentity: false,
}

function attributeRow(tableOid: number, column: SchemaColumn, number: number): CatalogCell[] {
  const { type, modifier } = column.type
  const isText = type.category === 'S'
  const facts = [
    tableOid,
    column.name,
    type.oid,
    -1,
    type.sizeBytes,
    number,
    type.elementOid === 0 ? 0 : 1,
    -1,
    modifier,
  ]
  const flags = [
    type.sizeBytes > 0 && type.sizeBytes <= 8,
    type.sizeBytes > 0 ? 'p' : 'x',
    'i',
    '',
    column.isNotNull,
  ]
  const state = [
    shownDefault(column, '') !== null || column.isGenerated,
    false,
    column.isIdentity ? 'd' : '',
    column.isGenerated ? 's' : '',
  ]
  return [...facts, ...flags, ...state, false, true, 0, isText ? 100 : 0, null, null, null, null]
}

function defaultRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) =>
    table.columns.flatMap((column) => {
      const text = shownDefault(column, table.name)
      return text === null ? [] : [[table.oid * 1000 + column.number, table.oid, column.number, text]]
    }),
  )
}

/** A default in PostgreSQL's words, where the front door made it of those. */
export function shownDefault(column: SchemaColumn, table: string): string | null {
  const text = column.defaultText
  if (text === null || column.isIdentity) return null
  if (text === 'serial') return `nextval('${quoted(`${table}_${column.name}_seq`)}'::regclass)`
  if (/strftime\('%Y-%m-%d %H:%M:%f', 'now'\)/.test(text)) return 'now()'
  if (text === "date('now')") return 'CURRENT_DATE'
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase()
  if (/^'(?:[^']|'')*'$/.test(text)) return `${text}::${column.type.type.sqlName}`
  return text
}

function columnNamed(table: SchemaRelation, name: string | null): SchemaColumn | undefined {
  return table.columns.find((column) => column.name.toLowerCase() === name?.toLowerCase())
}

function numbersOf(table: SchemaRelation, names: readonly (string | null)[]): number[] {
  return names.map((name) => columnNamed(table, name)?.number ?? 0)
}

// pg_index.

function indexRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) =>
    table.indexes.map((index) => {
      const count = index.columns.length
      const zeros = index.columns.map(() => 0)
      const facts = [
        index.oid,
        table.oid,
        count,
        count,
        index.isUnique,
        false,
        index.isPrimary,
        false,
        true,
        false,
      ]
      const state = [true, false, true, true, false]
      const keys = numbersOf(table, index.columns)
      return [
        ...facts,
        ...state,
        keys,
        zeros,
        zeros,
        zeros,
        null,
        index.isPartial ? predicateOf(index) : null,
      ]
    }),
  )
}

function predicateOf(index: SchemaIndex): string {
  return /\bwhere\b([\s\S]*)$/i.exec(index.sql ?? '')?.[1]?.trim() ?? ''
}

export function indexDefinition(table: SchemaRelation, index: SchemaIndex): string {
  const unique = index.isUnique ? 'UNIQUE ' : ''
  const where = index.isPartial ? ` WHERE (${predicateOf(index)})` : ''
  return `CREATE ${unique}INDEX ${quoted(index.name)} ON ${namespaceOf(table).name}.${quoted(table.name)} USING btree (${list(index.columns)})${where}`
}

// pg_constraint.

interface ConstraintFacts {
  readonly oid: number
  readonly name: string
  readonly kind: 'p' | 'u' | 'f' | 'c'
  readonly columns: readonly number[]
  readonly indexOid: number
  readonly definition: string
  readonly foreign: SchemaForeignKey | null
}

/** Numbers that no table or index has: they end where PostgreSQL's OIDs do. */
const CONSTRAINT_OID_FIRST = 3_000_000_000

export function constraintsOf(table: SchemaRelation): ConstraintFacts[] {
  const keys = table.indexes
    .filter(({ isConstraint }) => isConstraint)
    .map((index): Omit<ConstraintFacts, 'oid'> => ({
      name: index.name,
      kind: index.isPrimary ? 'p' : 'u',
      columns: numbersOf(table, index.columns),
      indexOid: index.oid,
      definition: `${index.isPrimary ? 'PRIMARY KEY' : 'UNIQUE'} (${list(index.columns)})`,
      foreign: null,
    }))
  const foreigns = table.foreignKeys.map((foreign): Omit<ConstraintFacts, 'oid'> => ({
    name: foreign.name,
    kind: 'f',
    columns: numbersOf(table, foreign.columns),
    indexOid: 0,
    definition: foreignDefinition(foreign),
    foreign,
  }))
  return [...keys, ...foreigns, ...checksOf(table)].map((facts, index) => ({
    ...facts,
    oid: CONSTRAINT_OID_FIRST + table.oid * 100 + index,
  }))
}

/** CHECKs, as SQLite's text has them; without those that only tell the type of a SERIAL column. */
function checksOf(table: SchemaRelation): Omit<ConstraintFacts, 'oid'>[] {
  const clauses = checkClauses(table).filter(
    ({ text }) => !text.includes(INT4_RANGE) && !text.includes(INT2_RANGE),
  )
  return clauses.map(({ name, text }, index): Omit<ConstraintFacts, 'oid'> => {
    const condition = text.slice(text.indexOf('(') + 1, -1)
    const columns = table.columns.filter((column) => mentions(condition, column.name))
    return {
      name: name ?? `${table.name}_check${index === 0 ? '' : index}`,
      kind: 'c',
      columns: columns.map(({ number }) => number),
      indexOid: 0,
      definition: `CHECK ((${condition.replaceAll(/"([a-z_][a-z0-9_]*)"/g, '$1')}))`,
      foreign: null,
    }
  })
}

function checkClauses({ kind, sql, name }: SchemaRelation): Clause[] {
  if (kind === 'view' || !/\bcheck\b/i.test(sql)) return []
  try {
    const { columns, constraints } = parseTable(sql, name)
    const all = [...columns.flatMap(({ clauses }) => clauses), ...constraints]
    return all.filter((each) => each.kind === 'check')
  } catch {
    // A text that we don't understand has constraints that we can't tell.
    return []
  }
}

function foreignDefinition(foreign: SchemaForeignKey): string {
  const onUpdate = foreign.onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${foreign.onUpdate}`
  const onDelete = foreign.onDelete === 'NO ACTION' ? '' : ` ON DELETE ${foreign.onDelete}`
  return `FOREIGN KEY (${list(foreign.columns)}) REFERENCES ${quoted(foreign.table)}(${list(foreign.targetColumns)})${onUpdate}${onDelete}`
}

const ACTION_LETTERS: Readonly<Record<string, string>> = {
  'NO ACTION': 'a',
  RESTRICT: 'r',
  CASCADE: 'c',
  'SET NULL': 'n',
  'SET DEFAULT': 'd',
}

function constraintRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) =>
    constraintsOf(table).map(({ oid, name, kind, columns, indexOid, definition, foreign }) => {
      const target = foreign === null ? null : schema.find(foreign.table)
      const targetColumns =
        foreign === null || target === null ? null : numbersOf(target, foreign.targetColumns)
      const action = (word: string | undefined): string =>
        word === undefined ? ' ' : (ACTION_LETTERS[word] ?? 'a')
      const facts = [
        oid,
        name,
        namespaceOf(table).oid,
        kind,
        false,
        false,
        true,
        table.oid,
        0,
        indexOid,
        0,
        target?.oid ?? 0,
      ]
      const rules = [
        action(foreign?.onUpdate),
        action(foreign?.onDelete),
        foreign === null ? ' ' : 's',
        true,
        0,
        true,
      ]
      return [...facts, ...rules, columns, targetColumns, null, null, null, null, definition]
    }),
  )
}

function indexDefinitionRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) =>
    table.indexes.map((index) => [index.oid, indexDefinition(table, index)]),
  )
}

function serialRows(schema: Schema): Rows {
  return tables(schema).flatMap((table) => {
    const { name, rowidColumn, columns } = table
    return rowidColumn === null || columns.every(({ defaultText }) => defaultText !== 'serial')
      ? []
      : [[name, rowidColumn, `${namespaceOf(table).name}.${quoted(`${name}_${rowidColumn}_seq`)}`]]
  })
}

function viewDefinitionRows(schema: Schema): Rows {
  return tables(schema)
    .filter(({ kind }) => kind === 'view')
    .map(({ oid, sql }) => [oid, ` ${sql.replace(/^[\s\S]*?\bas\b\s*/i, '')};`])
}

export const RELATION_ROWS: readonly CatalogDefinition[] = [
  relation(
    'pg_catalog',
    'pg_class',
    `oid oid, relname name, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid, relfilenode oid, reltablespace oid,
     relpages int4, reltuples float4, relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence char,
     relkind char, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool,
     relforcerowsecurity bool, relispopulated bool, relreplident char, relispartition bool, relrewrite oid, relfrozenxid oid,
     relminmxid oid, relacl text[], reloptions text[], relpartbound text`,
    classRows,
  ),
  relation(
    'pg_catalog',
    'pg_attribute',
    `attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4, attcacheoff int4,
     atttypmod int4, attbyval bool, attstorage char, attalign char, attcompression char, attnotnull bool, atthasdef bool,
     atthasmissing bool, attidentity char, attgenerated char, attisdropped bool, attislocal bool, attinhcount int4, attcollation oid,
     attacl text[], attoptions text[], attfdwoptions text[], attmissingval text`,
    attributeRows,
  ),
  relation('pg_catalog', 'pg_attrdef', 'oid oid, adrelid oid, adnum int2, adbin text', defaultRows),
  relation(
    'pg_catalog',
    'pg_index',
    `indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct bool, indisprimary bool,
     indisexclusion bool, indimmediate bool, indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool,
     indisreplident bool, indkey int2[], indcollation oid[], indclass oid[], indoption int2[], indexprs text, indpred text`,
    indexRows,
  ),
  relation(
    'pg_catalog',
    'pg_constraint',
    `oid oid, conname name, connamespace oid, contype char, condeferrable bool, condeferred bool, convalidated bool, conrelid oid,
     contypid oid, conindid oid, conparentid oid, confrelid oid, confupdtype char, confdeltype char, confmatchtype char,
     conislocal bool, coninhcount int4, connoinherit bool, conkey int2[], confkey int2[], conpfeqop oid[], conexclop oid[],
     confdelsetcols int2[], conbin text, definition text`,
    constraintRows,
  ),
  relation('pg_catalog', '_index_definition', 'oid oid, definition text', indexDefinitionRows),
  relation('pg_catalog', '_serial', 'tablename name, columnname name, sequencename text', serialRows),
  relation('pg_catalog', '_view_definition', 'oid oid, definition text', viewDefinitionRows),
]
