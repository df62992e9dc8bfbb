/** Reads the schema through a session of the gateway: it sees what its open transaction has changed. */

import type { SqlValue } from '../../../base/value.ts'
import { NO_ARGUMENTS } from '../../../base/value.ts'
import type { Session } from '../../../gateway/session.ts'
import { INT2_TYPE, INT4_TYPE } from '../types/registry.ts'
import { typeOfDeclaration, type TypeWithModifier } from '../types/declared-type.ts'
import { FIRST_USER_OID, Schema, type SchemaColumn, type SchemaKey, type SchemaRelation } from './schema.ts'

const RELATIONS = `
SELECT m.rowid, m.type, m.name, m.sql FROM sqlite_schema m
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.name NOT LIKE '\\_harmony\\_%' ESCAPE '\\'`

const COLUMNS = `
SELECT m.name, c.cid, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL, c.pk, c.hidden
FROM sqlite_schema m, pragma_table_xinfo(m.name) c
WHERE m.type IN ('table', 'view') ORDER BY m.name, c.cid`

const KEYS = `
SELECT m.name, l.name, l.origin, i.name
FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
WHERE m.type = 'table' AND l."unique" AND NOT l.partial ORDER BY m.name, l.seq, i.seqno`

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
  const columns = Map.groupBy(await rowsOf(session, COLUMNS), ([table]) => table as string)
  const keys = Map.groupBy(await rowsOf(session, KEYS), ([table]) => table as string)
  return new Schema(
    version,
    relations.map((row) => relationOf(row, columns, keys)),
  )
}

type Row = readonly SqlValue[]

async function rowsOf(session: Session, sql: string): Promise<readonly Row[]> {
  return (await session.execute({ sql, args: NO_ARGUMENTS })).rows
}

function relationOf(
  row: Row,
  columnRows: ReadonlyMap<string, readonly Row[]>,
  keyRows: ReadonlyMap<string, readonly Row[]>,
): SchemaRelation {
  const [rowid, kind, name, sql] = row as [bigint, 'table' | 'view', string, string]
  const own = (columnRows.get(name) ?? []).filter((column) => column[7] !== HIDDEN)
  const primaryKey = own.filter((column) => (column[6] as bigint) > 0n)
  const rowidColumn = rowidColumnOf(primaryKey, sql)
  return {
    name,
    kind,
    oid: FIRST_USER_OID + Number(rowid),
    columns: own.map((column, index) => columnOf(column, index, sql, rowidColumn)),
    keys: keysOf(name, primaryKey, keyRows.get(name) ?? []),
    rowidColumn,
    sql,
    isSequence: sql.includes(SEQUENCE_MARK),
  }
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
    hasDefault: row[5] === 1n || name === rowidColumn,
    isGenerated: (row[7] as bigint) >= GENERATED_MIN,
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

function keysOf(table: string, primaryKey: readonly Row[], indexRows: readonly Row[]): SchemaKey[] {
  const keys: SchemaKey[] = []
  const ordered = primaryKey.toSorted((left, right) => Number((left[6] as bigint) - (right[6] as bigint)))
  if (ordered.length > 0) {
    keys.push({
      name: `${table}_pkey`,
      columns: ordered.map((row) => row[2] as string),
      isPrimary: true,
      isIndex: false,
    })
  }
  for (const [index, rows] of Map.groupBy(indexRows, (row) => row[1] as string)) {
    if (rows[0]?.[2] === 'pk' || rows.some((row) => row[3] === null)) continue
    const columns = rows.map((row) => row[3] as string)
    const isAutomatic = index.startsWith('sqlite_autoindex_')
    keys.push({
      name: isAutomatic ? `${table}_${columns.join('_')}_key` : index,
      columns,
      isPrimary: index === `${table}_pkey`,
      isIndex: !isAutomatic,
    })
  }
  return keys
}
