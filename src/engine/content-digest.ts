/**
 * A hash over everything a client could read: the schema, the header fields that clients write, and every row of every ordinary table with its rowid, those of
 * full-text and spatial indexes included. Two replicas at the same index have the same. It sees what a changeset
 * can't: tables without a primary key, rows with NULL in it, hidden rowids.
 */

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { ByteWriter } from '../base/bytes.ts'
import type { SqlValue } from '../base/value.ts'
import { writeValue } from '../base/value-codec.ts'
import { RESERVED_PREFIX } from './policy.ts'

const SCHEMA = `SELECT type, name, tbl_name, sql FROM main.sqlite_schema
  WHERE tbl_name NOT LIKE '${RESERVED_PREFIX.replaceAll('_', '\\_')}%' ESCAPE '\\' ORDER BY type, name, tbl_name`

/** Tables that hold rows themselves; `wr` tells WITHOUT ROWID. */
const TABLES = `SELECT name, wr FROM pragma_table_list
  WHERE schema = 'main' AND type IN ('table', 'shadow') AND name NOT IN ('sqlite_schema', 'sqlite_master')
  ORDER BY name`

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A name for the hidden rowid that no column has. */
function rowidName(database: DatabaseSync, table: string): string | null {
  const columns = database
    .prepare('SELECT lower(name) FROM pragma_table_xinfo(?)')
    .all(table) as unknown as SqlValue[][]
  const taken = new Set(columns.map(([name]) => name))
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? null
}

/** What clients can write into the file's header. */
const HEADER_FIELDS = ['user_version', 'application_id']

const FLUSH_BYTES = 65_536

function hashRows(hash: Hash, rows: Iterable<readonly SqlValue[]>): void {
  const writer = new ByteWriter(FLUSH_BYTES)
  for (const row of rows) {
    writer.varint(row.length)
    for (const value of row) writeValue(writer, value)
    if (writer.length < FLUSH_BYTES) continue
    hash.update(writer.view())
    writer.reset()
  }
  hash.update(writer.view())
}

function rowsOf(database: DatabaseSync, table: string, hasRowid: boolean): Iterable<SqlValue[]> {
  const rowid = hasRowid ? rowidName(database, table) : null
  const columns = rowid === null ? '*' : `${rowid}, *`
  const order = rowid === null ? '' : ` ORDER BY ${rowid}`
  const statement = database.prepare(`SELECT ${columns} FROM main.${quoted(table)}${order}`)
  return statement.iterate() as unknown as Iterable<SqlValue[]>
}

/** Reads the whole database. `database` returns rows as arrays and integers as bigint. */
export function contentDigest(database: DatabaseSync): Uint8Array {
  const hash = createHash('sha256')
  hashRows(hash, database.prepare(SCHEMA).all() as unknown as SqlValue[][])
  hashRows(
    hash,
    HEADER_FIELDS.map((name) => database.prepare(`PRAGMA ${name}`).get() as unknown as SqlValue[]),
  )
  const tables = database.prepare(TABLES).all() as unknown as SqlValue[][]
  for (const [name, isWithoutRowid] of tables) {
    const table = String(name)
    if (table.startsWith(RESERVED_PREFIX)) continue
    hash.update(`${table}\0`)
    hashRows(hash, rowsOf(database, table, isWithoutRowid === 0n))
  }
  return hash.digest()
}
