/**
 * The SQL of buckets. A bucket is found by its path inside each statement, not by an id learnt before: it may have been deleted, and made again,
 * by another member in between.
 *
 * **Time.** A statement on its own decides by the time of its entry (ENTRY_TIME) what has expired, and becomes visible with that time. A transaction reads at
 * log time, and may have told its caller that an entry is there, so its writes decide by the same log time, which it brings as a number.
 */

import type { Parameter } from '../values.ts'
import type { ByteRange } from './key-range.ts'
import { ENTRY_TIME, LOG_TIME, ROOT_ID } from './schema.ts'
import type { Stored } from './value-codec.ts'

export type Path = readonly string[]

export interface Query {
  readonly sql: string
  readonly parameters: readonly Parameter[]
}

/** What has expired: by the time of the entry, or by this time in ms. */
export type Now = 'entry' | number

/** The id of the bucket as an expression; its parameters are the path. */
export function idOf(path: Path): string {
  return path.reduce(
    (parent) => `(SELECT id FROM kv_buckets WHERE parent = ${parent} AND name = ?)`,
    String(ROOT_ID),
  )
}

/** The names in the order of `idOf`'s parameters: the outermost query is that of the last name, and its parent comes first. */
const pathOf = (path: Path): readonly string[] => path

const timeOf = (now: Now): string => (now === 'entry' ? ENTRY_TIME : '?')
const timeValue = (now: Now): readonly number[] => (now === 'entry' ? [] : [now])
const expiry = (ttlMs: number | null): string => (ttlMs === null ? 'NULL' : `${ENTRY_TIME} + ?`)
const expiryValue = (ttlMs: number | null): readonly number[] => (ttlMs === null ? [] : [ttlMs])

export function makeBucket(path: Path): Query[] {
  return path.map((name, at) => ({
    sql: `INSERT INTO kv_buckets (parent, name) VALUES (${idOf(path.slice(0, at))}, ?) ON CONFLICT DO NOTHING`,
    parameters: [...pathOf(path.slice(0, at)), name],
  }))
}

export function deleteBucket(path: Path): Query {
  return { sql: `DELETE FROM kv_buckets WHERE id = ${idOf(path)}`, parameters: pathOf(path) }
}

const INSERT = (path: Path, ttlMs: number | null): string =>
  `INSERT INTO kv_entries (bucket, key, value, expires_at) VALUES (${idOf(path)}, ?, ?, ${expiry(ttlMs)})`

const REPLACE = 'DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at'

/** Fails with SQLITE_CONSTRAINT_NOTNULL where there is no such bucket. */
export function put(path: Path, key: Uint8Array, value: Stored, ttlMs: number | null): Query {
  return {
    sql: `${INSERT(path, ttlMs)} ON CONFLICT ${REPLACE}`,
    parameters: [...pathOf(path), key, value, ...expiryValue(ttlMs)],
  }
}

/** Changes one row if there was none. Fails as `put`. */
export function putIfAbsent(
  path: Path,
  key: Uint8Array,
  value: Stored,
  ttlMs: number | null,
  now: Now,
): Query {
  return {
    sql: `${INSERT(path, ttlMs)} ON CONFLICT ${REPLACE} WHERE kv_entries.expires_at <= ${timeOf(now)}`,
    parameters: [...pathOf(path), key, value, ...expiryValue(ttlMs), ...timeValue(now)],
  }
}

const isThere = (now: Now): string => `(expires_at IS NULL OR expires_at > ${timeOf(now)})`

/** Changes one row if the entry was there with the value. */
export function replace(
  path: Path,
  key: Uint8Array,
  { expected, value, ttlMs, now }: { expected: Stored; value: Stored; ttlMs: number | null; now: Now },
): Query {
  return {
    sql: `UPDATE kv_entries SET value = ?, expires_at = ${expiry(ttlMs)}
      WHERE bucket = ${idOf(path)} AND key = ? AND value = ? AND ${isThere(now)}`,
    parameters: [value, ...expiryValue(ttlMs), ...pathOf(path), key, expected, ...timeValue(now)],
  }
}

/** Changes one row if the entry was there, with the value where one is expected. */
export function remove(path: Path, key: Uint8Array, expected: Stored | null, now: Now): Query {
  return {
    sql: `DELETE FROM kv_entries WHERE bucket = ${idOf(path)} AND key = ?${expected === null ? '' : ' AND value = ?'} AND ${isThere(now)}`,
    parameters: [...pathOf(path), key, ...(expected === null ? [] : [expected]), ...timeValue(now)],
  }
}

/** Changes as many rows as there were entries that had not expired; those that had stay for the sweep. */
export function removeRange(path: Path, range: ByteRange, now: Now): Query {
  const within = keyCondition(range)
  return {
    sql: `DELETE FROM kv_entries WHERE bucket = ${idOf(path)} AND ${within.sql} AND ${isThere(now)}`,
    parameters: [...pathOf(path), ...within.parameters, ...timeValue(now)],
  }
}

/** Gives a row if there is such a bucket. */
export function nextSequence(path: Path): Query {
  const parent = path.slice(0, -1)
  return {
    sql: `UPDATE kv_buckets SET sequence = sequence + 1 WHERE parent = ${idOf(parent)} AND name = ? RETURNING sequence`,
    parameters: pathOf(path),
  }
}

/** From the next change on, if it is not recorded already. */
export function startRecording(path: Path): Query {
  return {
    sql: `UPDATE kv_buckets SET recorded_from = (SELECT coalesce(max(sequence), 0) FROM kv_changes)
      WHERE id = ${idOf(path)} AND recorded_from IS NULL`,
    parameters: pathOf(path),
  }
}

export function stopRecording(path: Path): Query {
  return {
    sql: `UPDATE kv_buckets SET recorded_from = NULL WHERE id = ${idOf(path)}`,
    parameters: pathOf(path),
  }
}

/** At most so many at a time, so that the entry of the log stays small. By the time of the entry: nobody sees what it deletes. */
export const SWEEP: string = `DELETE FROM kv_entries WHERE (bucket, key) IN
  (SELECT bucket, key FROM kv_entries WHERE expires_at <= ${ENTRY_TIME} ORDER BY expires_at LIMIT 1000)`

// Reads. What they see is told by log time: (expires_at IS NULL OR expires_at > LOG_TIME).

const VISIBLE = `(expires_at IS NULL OR expires_at > ${LOG_TIME})`

export const LOG_TIME_QUERY: string = `SELECT ${LOG_TIME} AS now`
export const FIRST_EXPIRY: string =
  'SELECT expires_at AS at FROM kv_entries WHERE expires_at IS NOT NULL ORDER BY expires_at LIMIT 1'
export const TABLES_EXIST: string = "SELECT 1 AS one FROM sqlite_schema WHERE name = 'kv_changes_trimmed'"
export const LAST_CHANGE: string =
  'SELECT coalesce(max(sequence), 0) AS last, coalesce(min(sequence), 1) AS first FROM kv_changes'

export function bucketId(path: Path): Query {
  return { sql: `SELECT ${idOf(path)} AS id`, parameters: pathOf(path) }
}

/** Statements with the parameters bucket and key. */
export interface EntryQueries {
  readonly value: string
  readonly exists: string
  readonly expiresAt: string
}

const entry = (key: string): EntryQueries => {
  const found = `FROM kv_entries WHERE bucket = ? AND key = ${key} AND ${VISIBLE}`
  return {
    value: `SELECT value ${found}`,
    exists: `SELECT 1 AS one ${found}`,
    expiresAt: `SELECT expires_at AS expiresAt ${found}`,
  }
}

export const ENTRY: EntryQueries = entry('?')
/** The same with the key as text: its UTF-8. */
export const ENTRY_BY_TEXT: EntryQueries = entry('CAST(? AS BLOB)')

/** Parameter: bucket. */
export const NAMES: string = 'SELECT name FROM kv_buckets WHERE parent = ? ORDER BY name'

/** Parameter: bucket. */
export const RECORDED_FROM: string = 'SELECT recorded_from AS recordedFrom FROM kv_buckets WHERE id = ?'

/** Parameters: sequence after which, sequence up to which, bucket; then those of the range. */
export function changesOf(range: ByteRange): string {
  return `SELECT sequence, key, kind, value, time_ms AS timeMs FROM kv_changes
    WHERE sequence > ? AND sequence <= ? AND bucket = ? AND ${keyCondition(range).sql} ORDER BY sequence LIMIT ?`
}

export type ScanShape = 'entries' | 'keys' | 'count'

const COLUMNS: Readonly<Record<ScanShape, string>> = {
  entries: 'key, value',
  keys: 'key',
  count: 'count(*) AS n',
}

/** Parameters: bucket, those of the range, and a limit but for `count`. */
export function scan(shape: ScanShape, range: ByteRange, isReverse: boolean): string {
  const order = shape === 'count' ? '' : ` ORDER BY key${isReverse ? ' DESC' : ''} LIMIT ?`
  return `SELECT ${COLUMNS[shape]} FROM kv_entries WHERE bucket = ? AND ${keyCondition(range).sql} AND ${VISIBLE}${order}`
}

export function keyCondition({ start, end }: ByteRange): { sql: string; parameters: readonly Uint8Array[] } {
  return end === null
    ? { sql: 'key >= ?', parameters: [start] }
    : { sql: 'key >= ? AND key < ?', parameters: [start, end] }
}
