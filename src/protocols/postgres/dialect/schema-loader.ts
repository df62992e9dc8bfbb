/** Reads the schema through a session of the gateway: it sees what its open transaction has changed. */

import type { SqlValue } from '../../../base/value.ts'
import { NOTIFICATION_TABLE } from '../notification-table.ts'
import { HarmonyError } from '../../../base/errors.ts'
import { NO_ARGUMENTS } from '../../../base/value.ts'
import type { Session } from '../../../gateway/session.ts'
import { INT2_TYPE, INT4_TYPE } from '../types/registry.ts'
import { quoteText } from './ast.ts'
import { typeOfDeclaration, type TypeWithModifier } from '../types/declared-type.ts'
import {
  FIRST_USER_OID,
  Schema,
  type SchemaColumn,
  type SchemaForeignKey,
  type SchemaIndex,
  type SchemaKey,
  type SchemaRelation,
  type TemporaryFacts,
} from './schema.ts'
import { markOf, temporaryName } from './temporary-space.ts'

const RELATIONS = `
SELECT m.rowid, m.type, m.name, m.sql FROM sqlite_schema m
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.name NOT LIKE '\\_harmony\\_%' ESCAPE '\\'`

const COLUMNS_OF = (kinds: string): string => `
SELECT m.name, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
FROM sqlite_schema m, pragma_table_xinfo(m.name) c
WHERE ${kinds} ORDER BY m.name, c.cid`

const INDEXES = `
SELECT m.name, l.name, l.origin, l."unique", l.partial, i.name, x.rowid, x.sql
FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
LEFT JOIN sqlite_schema x ON x.type = 'index' AND x.name = l.name
WHERE m.type = 'table' ORDER BY m.name, l.seq DESC, i.seqno`

const TRIGGERS = `
SELECT tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, name`

const FOREIGN_KEYS = `
SELECT m.name, f.id, f."table", f."from", f."to", f.on_update, f.on_delete
FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' ORDER BY m.name, f.id DESC, f.seq`

/** In hidden columns of virtual tables nobody is interested; 2 and 3 are generated columns. */
const HIDDEN = 1n
const GENERATED_MIN = 2n

/** What SERIAL and int4 identity columns are made with (create-table.ts): SQLite's rowid must be declared INTEGER. */
export const INT4_RANGE = 'BETWEEN -2147483648 AND 2147483647'
export const INT2_RANGE = 'BETWEEN -32768 AND 32767'
export const SEQUENCE_MARK = '/* sequence */'

export async function schemaVersion(session: Session): Promise<bigint> {
  const { rows } = await session.execute({ sql: 'PRAGMA schema_version', args: NO_ARGUMENTS })
  return rows[0]?.[0] as bigint
}

export async function loadSchema(session: Session): Promise<Schema> {
  const version = await schemaVersion(session)
  const relations = await rowsOf(session, RELATIONS)
  const columns = Map.groupBy(await columnRows(session, relations), ([table]) => table as string)
  const indexes = Map.groupBy(await rowsOf(session, INDEXES), ([table]) => table as string)
  const triggers = Map.groupBy(await rowsOf(session, TRIGGERS), ([table]) => table as string)
  const foreignKeys = Map.groupBy(await rowsOf(session, FOREIGN_KEYS), ([table]) => table as string)
  const shown = relations.filter((row) => row[2] !== NOTIFICATION_TABLE)
  return new Schema(
    version,
    shown.map((row) => relationOf(row, { columns, indexes, foreignKeys, triggers })),
    shown.length < relations.length,
  )
}

type Row = readonly SqlValue[]

async function rowsOf(session: Session, sql: string): Promise<readonly Row[]> {
  return (await session.execute({ sql, args: NO_ARGUMENTS })).rows
}

/** A view of something that is gone makes SQLite refuse the question for all of them. It has no columns then, and the others keep theirs. */
async function columnRows(session: Session, relations: readonly Row[]): Promise<readonly Row[]> {
  try {
    return await rowsOf(session, COLUMNS_OF("m.type IN ('table', 'view')"))
  } catch (error) {
    if (!(error instanceof HarmonyError) || !error.code.startsWith('SQL')) throw error
  }
  const rows = [...(await rowsOf(session, COLUMNS_OF("m.type = 'table'")))]
  const views = relations.filter(([, kind]) => kind === 'view').map(([, , name]) => String(name))
  for (const name of views) {
    const own = await rowsOf(session, COLUMNS_OF(`m.name = ${quoteText(name)}`)).catch(() => [])
    rows.push(...own)
  }
  return rows
}

type RowsByTable = ReadonlyMap<string, readonly Row[]>

interface SchemaRows {
  readonly columns: RowsByTable
  readonly indexes: RowsByTable
  readonly foreignKeys: RowsByTable
  readonly triggers: RowsByTable
}

function relationOf(row: Row, rows: SchemaRows): SchemaRelation {
  const [rowid, kind, name, sql] = row as [bigint, 'table' | 'view', string, string]
  const own = (rows.columns.get(name) ?? []).filter((column) => column[7] !== HIDDEN)
  const primaryKey = own.filter((column) => (column[6] as bigint) > 0n)
  const rowidColumn = rowidColumnOf(primaryKey, sql)
  const oid = FIRST_USER_OID + Number(rowid)
  const temporary = temporaryOf(name, sql)
  const shownName = temporary === null ? name : name.slice(temporary.prefix.length)
  const table = { name: shownName, oid, sql, prefix: temporary?.prefix ?? '' }
  const indexes = indexesOf(table, rowidColumn, rows.indexes.get(name) ?? [])
  return {
    name,
    shownName,
    temporary,
    kind,
    oid,
    columns: own.map((column, index) => columnOf(column, index, sql, rowidColumn)),
    keys: indexes.filter(isKey).map(keyOf),
    indexes,
    foreignKeys: foreignKeysOf({ name: shownName, sql }, rows.foreignKeys.get(name) ?? [], rows.columns),
    triggers: (rows.triggers.get(name) ?? []).map(([, text]) => text as string),
    rowidColumn,
    sql,
    isSequence: sql.includes(SEQUENCE_MARK),
  }
}

/** Only what is marked as one: a name alone may be anybody's. */
function temporaryOf(name: string, sql: string): TemporaryFacts | null {
  const own = temporaryName(name)
  const onCommit = own === null ? null : markOf(sql)
  return own === null || onCommit === null ? null : { prefix: own.prefix, member: own.member, onCommit }
}

function isKey({ isUnique, isPartial, columns }: SchemaIndex): boolean {
  return isUnique && !isPartial && !columns.includes(null)
}

function keyOf({ name, columns, isPrimary, isConstraint, sql }: SchemaIndex): SchemaKey {
  return { name, columns: columns as readonly string[], isPrimary, isIndex: isConstraint && sql !== null }
}

/** A single key column declared exactly INTEGER is the rowid (lang_createtable.html, "ROWIDs and the INTEGER PRIMARY KEY"). */
function rowidColumnOf(primaryKey: readonly Row[], sql: string): string | null {
  const [only] = primaryKey
  if (primaryKey.length !== 1 || only === undefined) return null
  if (/\bwithout\s+rowid\b[^)]*$/i.test(sql)) return null
  return String(only[3]).toUpperCase() === 'INTEGER' ? (only[2] as string) : null
}

function columnOf(row: Row, index: number, sql: string, rowidColumn: string | null): SchemaColumn {
  const name = row[2] as string
  return {
    name,
    type: columnType(name, row[3] as string, sql),
    number: index + 1,
    isNotNull: row[4] === 1n || name === rowidColumn,
    hasDefault: row[5] !== null || name === rowidColumn,
    isGenerated: (row[7] as bigint) >= GENERATED_MIN,
    defaultText: name === rowidColumn ? 'serial' : (row[5] as string | null),
    isIdentity: false,
  }
}

function columnType(name: string, declaredType: string, sql: string): TypeWithModifier {
  if (declaredType.toUpperCase() === 'INTEGER') {
    const quoted = `"${name.replaceAll('"', '""')}"`
    if (sql.includes(`CHECK (${quoted} ${INT4_RANGE})`)) return { type: INT4_TYPE, modifier: -1 }
    if (sql.includes(`CHECK (${quoted} ${INT2_RANGE})`)) return { type: INT2_TYPE, modifier: -1 }
  }
  return typeOfDeclaration(declaredType)
}

/** The rowid has no index of its own; PostgreSQL's primary key has one, whose number is made from the table's. */
const ROWID_INDEX_OID_FIRST = 2_000_000_000

interface TableText {
  /** As its clients call it. */
  readonly name: string
  readonly oid: number
  readonly sql: string
  /** Of a temporary table, and of its indexes. */
  readonly prefix: string
}

function indexesOf(
  { name: table, oid, sql, prefix }: TableText,
  rowidColumn: string | null,
  rows: readonly Row[],
): SchemaIndex[] {
  const own = [...Map.groupBy(rows, (row) => row[1] as string).values()].map((group) =>
    indexOf({ name: table, oid, sql, prefix }, group),
  )
  if (rowidColumn === null) return own
  const primary: SchemaIndex = {
    oid: ROWID_INDEX_OID_FIRST + oid,
    name: constraintName(sql, 'PRIMARY KEY', [rowidColumn]) ?? `${table}_pkey`,
    sqliteName: '',
    isUnique: true,
    isPrimary: true,
    isPartial: false,
    isConstraint: true,
    columns: [rowidColumn],
    sql: null,
  }
  return [primary, ...own]
}

function indexOf({ name: table, sql: tableSql, prefix }: TableText, rows: readonly Row[]): SchemaIndex {
  const [, sqliteName, origin, isUnique, isPartial, , rowid, sql] = rows[0] as [
    string,
    string,
    string,
    bigint,
    bigint,
    string | null,
    bigint | null,
    string | null,
  ]
  const columns = rows.map((row) => row[5] as string | null)
  const ownName = sqliteName.startsWith(prefix) ? sqliteName.slice(prefix.length) : sqliteName
  const isPrimary = origin === 'pk' || (ownName === `${table}_pkey` && isUnique === 1n)
  const given = constraintName(tableSql, origin === 'pk' ? 'PRIMARY KEY' : 'UNIQUE', columns)
  const keyName = given ?? (origin === 'pk' ? `${table}_pkey` : `${table}_${columns.join('_')}_key`)
  const name = sqliteName.startsWith('sqlite_autoindex_') ? keyName : ownName
  return {
    oid: FIRST_USER_OID + Number(rowid ?? 0n),
    name,
    sqliteName,
    isUnique: isUnique === 1n,
    isPrimary,
    isPartial: isPartial === 1n,
    isConstraint: origin !== 'c' || isPrimary || (isUnique === 1n && name === keyName),
    columns,
    sql,
  }
}

function foreignKeysOf(
  { name: table, sql }: { readonly name: string; readonly sql: string },
  rows: readonly Row[],
  columnsOf: RowsByTable,
): SchemaForeignKey[] {
  return [...Map.groupBy(rows, (row) => row[1] as bigint).values()].map((group) => {
    const [, , target, , , onUpdate, onDelete] = group[0] as [
      string,
      bigint,
      string,
      string,
      string,
      string,
      string,
    ]
    const columns = group.map((row) => row[3] as string)
    const key = primaryKeyOf(columnsOf.get(target) ?? [])
    return {
      name: constraintName(sql, 'FOREIGN KEY', columns) ?? `${table}_${columns.join('_')}_fkey`,
      columns,
      table: target,
      targetColumns: group.map((row, index) => (row[4] as string | null) ?? key[index] ?? 'id'),
      onUpdate,
      onDelete,
    }
  })
}

/** In the order of the key, which need not be that of the columns. */
function primaryKeyOf(columns: readonly Row[]): readonly string[] {
  return columns
    .filter((column) => (column[6] as bigint) > 0n)
    .toSorted((a, b) => Number(a[6]) - Number(b[6]))
    .map((column) => column[2] as string)
}

/** The name that CREATE TABLE gives to a constraint of the table; SQLite tells none. */
function constraintName(sql: string, kind: string, columns: readonly (string | null)[]): string | null {
  const pattern = new RegExp(`\\bCONSTRAINT\\s+("(?:[^"]|"")+"|\\w+)\\s+${kind}\\s*\\(([^)]*)\\)`, 'gi')
  const wanted = columns.join().toLowerCase()
  for (const [, name = '', list = ''] of sql.matchAll(pattern)) {
    if (list.split(',').map(unquoted).join().toLowerCase() === wanted) return unquoted(name)
  }
  return null
}

function unquoted(name: string): string {
  const trimmed = name.trim()
  return trimmed.startsWith('"') ? trimmed.slice(1, -1).replaceAll('""', '"') : trimmed
}
