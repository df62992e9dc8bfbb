/**
 * The workloads, in one place, so that every target runs the same thing: the same table, rows, statements
 * and distribution of keys.
 */

export type WorkloadName = 'point-read' | 'durable-insert' | 'pgbench-select'

export interface Workload {
  readonly name: WorkloadName
  readonly title: string
}

export const WORKLOADS: readonly Workload[] = [
  { name: 'point-read', title: 'point reads by primary key (uniform keys)' },
  { name: 'durable-insert', title: 'durable single-row inserts (acknowledged when on disk)' },
  { name: 'pgbench-select', title: "pgbench's own -S (point reads of pgbench_accounts)" },
]

export const TABLE_ROWS = 100_000
export const VALUE_BYTES = 100

export const SCHEMA: readonly string[] = [
  'CREATE TABLE item (id INTEGER PRIMARY KEY, value TEXT NOT NULL)',
  'CREATE TABLE event (id INTEGER PRIMARY KEY, value TEXT NOT NULL)',
]

/** Fills `item` in one statement of SQLite; PostgreSQL has its own in targets/postgres.ts. */
export const FILL_SQL: string = `
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${TABLE_ROWS})
  INSERT INTO item (id, value) SELECT i, printf('%0${VALUE_BYTES}d', i) FROM n`

export const READ_SQL = 'SELECT value FROM item WHERE id = ?'
export const INSERT_SQL = 'INSERT INTO event (value) VALUES (?)'

export const INSERTED_VALUE: string = 'x'.repeat(VALUE_BYTES)

/** A key for a point read. */
export function randomKey(): number {
  return 1 + Math.floor(Math.random() * TABLE_ROWS)
}
