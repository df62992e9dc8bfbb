import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Instruction } from '../engine/reader/program.ts'
import { isRepeatable } from './repeatable.ts'

const db = new DatabaseSync(':memory:')
db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT);
  CREATE INDEX tn ON t (n);
  CREATE VIEW lots AS SELECT id, random() AS lot FROM t;
  CREATE VIEW plain AS SELECT id, n FROM t;
  CREATE VIRTUAL TABLE words USING fts5 (word)`)

function judged(sql: string): boolean {
  return isRepeatable(db.prepare(`EXPLAIN ${sql}`).all() as unknown as Instruction[])
}

test('a search by columns is repeatable, however its rows are found, put together and ordered', () => {
  for (const sql of [
    'SELECT * FROM t WHERE id = ?',
    'SELECT id FROM t WHERE n = ? ORDER BY s LIMIT 1',
    'SELECT a.id, b.s FROM t a JOIN t b ON b.id = a.n WHERE a.id = ?',
    'SELECT n + 1, CAST(s AS BLOB), n > 3 FROM t WHERE id IN (SELECT n FROM t WHERE id = ?)',
    'SELECT n FROM plain WHERE id = ?',
  ])
    assert.ok(judged(sql), sql)
})

test('functions, virtual tables, PRAGMAs and what hides them are not', () => {
  for (const sql of [
    'SELECT random() FROM t WHERE id = ?',
    'SELECT CURRENT_TIMESTAMP FROM t WHERE id = ?',
    "SELECT date('now') FROM t WHERE id = ?",
    'SELECT lot FROM lots WHERE id = ?',
    'SELECT n FROM t WHERE id = ? AND n > random()',
    'SELECT count(*) FROM t WHERE n = ?',
    'SELECT last_insert_rowid() FROM t WHERE id = ?',
    'SELECT word FROM words WHERE rowid = ?',
    'SELECT name FROM pragma_table_info(?)',
    'PRAGMA data_version',
    'PRAGMA schema_version',
  ])
    assert.equal(judged(sql), false, sql)
})
