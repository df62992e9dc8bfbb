/**
 * YCSB's records on any target: ten fields of 100 bytes under a text key. In SQL a table with a column for each field; in a key-value store one
 * entry. An update writes all fields (YCSB's `writeallfields=true`), so that a key-value store needs no read for it.
 */

import type { LoadRandom } from '../random.ts'
import type { Connection, KeyValueConnection } from '../target.ts'
import { insertAll, recreate } from './rows.ts'

const FIELDS = 10
const FIELD_BYTES = 100
const COLUMNS: readonly string[] = Array.from({ length: FIELDS }, (_, field) => `field${field}`)
const TABLE = 'usertable'
const READ = `SELECT * FROM ${TABLE} WHERE ycsb_key = ?`
const INSERT = `INSERT INTO ${TABLE} (ycsb_key, ${COLUMNS.join(', ')}) VALUES (?, ${COLUMNS.map(() => '?').join(', ')})`
const UPDATE = `UPDATE ${TABLE} SET ${COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE ycsb_key = ?`
const SCAN = `SELECT * FROM ${TABLE} WHERE ycsb_key >= ? ORDER BY ycsb_key LIMIT ?`
/** Key-value stores take one entry a request: so many at once while they are loaded. */
const LOADERS = 64

export function newFields(random: LoadRandom): readonly string[] {
  // Ten texts from one: making random letters should not cost more than sending them.
  const text = random.text(FIELD_BYTES - FIELDS)
  return Array.from({ length: FIELDS }, (_, field) => text + String(field).padStart(FIELDS, '0'))
}

export async function loadRecords(
  connection: Connection,
  keys: readonly string[],
  random: LoadRandom,
): Promise<void> {
  if (connection.kind === 'key-value') return loadEntries(connection, keys, random)
  const columns = COLUMNS.map((column) => `${column} TEXT`).join(', ')
  await recreate(connection, { [TABLE]: `ycsb_key TEXT PRIMARY KEY, ${columns}` })
  const rows = keys.map((key) => [key, ...newFields(random)])
  await insertAll(connection, TABLE, ['ycsb_key', ...COLUMNS], rows)
}

async function loadEntries(
  connection: KeyValueConnection,
  keys: readonly string[],
  random: LoadRandom,
): Promise<void> {
  const left = keys.values()
  const load = async (): Promise<void> => {
    for (const key of left) await connection.put(key, newFields(random).join(','))
  }
  await Promise.all(Array.from({ length: LOADERS }, load))
}

export async function readRecord(connection: Connection, key: string): Promise<void> {
  const found =
    connection.kind === 'sql'
      ? (await connection.execute(READ, [key])).length === 1
      : (await connection.get(key)) !== null
  if (!found) throw new Error(`Record ${key} is not there`)
}

export async function insertRecord(connection: Connection, key: string, random: LoadRandom): Promise<void> {
  const fields = newFields(random)
  if (connection.kind === 'sql') await connection.execute(INSERT, [key, ...fields])
  else await connection.put(key, fields.join(','))
}

export async function updateRecord(connection: Connection, key: string, random: LoadRandom): Promise<void> {
  const fields = newFields(random)
  if (connection.kind === 'sql') await connection.execute(UPDATE, [...fields, key])
  else await connection.put(key, fields.join(','))
}

export async function scanRecords(connection: Connection, key: string, limit: number): Promise<void> {
  const found =
    connection.kind === 'sql'
      ? (await connection.execute(SCAN, [key, limit])).length
      : await connection.scan(key, limit)
  if (found === 0) throw new Error(`A scan from ${key} found nothing`)
}
