import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../base/value.ts'
import { canChangeManyRows, isIndexCommand } from './program.ts'

const SCHEMA = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b);
  CREATE INDEX tb ON t (b);
  CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE c (p REFERENCES p (id) ON DELETE CASCADE);
  CREATE TABLE audit (a);
  CREATE TABLE quiet (id INTEGER PRIMARY KEY);
  CREATE TABLE loud (id INTEGER PRIMARY KEY);
  CREATE TRIGGER q AFTER INSERT ON quiet BEGIN INSERT INTO audit VALUES (new.id); UPDATE t SET b = 1 WHERE id = new.id; END;
  CREATE TRIGGER l AFTER INSERT ON loud BEGIN UPDATE t SET b = 1 WHERE b = new.id; END;
  CREATE TABLE w (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE VIRTUAL TABLE f USING fts5(body);
`

function canChangeMany(sql: string): boolean {
  const database = new DatabaseSync(':memory:', { returnArrays: true, readBigInts: true })
  database.exec(SCHEMA)
  return canChangeManyRows(sql, database.prepare(`EXPLAIN ${sql}`).all() as unknown as SqlValue[][])
}

test('statements on one row, and on as many as their text holds, can not change many', () => {
  for (const sql of [
    'INSERT INTO t VALUES (1, 2, 3)',
    'INSERT INTO t VALUES (1, 2, 3), (?, ?, ?)',
    'INSERT INTO t VALUES (1, 2, 3) ON CONFLICT (a) DO UPDATE SET b = 1',
    'REPLACE INTO t VALUES (1, 2, 3)',
    'UPDATE t SET b = 1 WHERE id = ?',
    'UPDATE t SET b = 1 WHERE a = ? RETURNING *',
    'DELETE FROM t WHERE id = ?',
    'DELETE FROM w WHERE a = 1 AND b = 2',
    'INSERT INTO quiet VALUES (1), (2)',
    "INSERT INTO f VALUES ('x')",
  ])
    assert.equal(canChangeMany(sql), false, sql)
})

test('statements that loop over rows can change many, in triggers and foreign key actions too', () => {
  for (const sql of [
    'UPDATE t SET b = 1',
    'UPDATE t SET b = 1 WHERE b = ?',
    'UPDATE t SET b = 1 WHERE id IN (1, 2)',
    'DELETE FROM t WHERE id > ?',
    'DELETE FROM audit',
    'DELETE FROM w WHERE a = 1',
    'INSERT INTO t SELECT * FROM t',
    'INSERT INTO audit SELECT value FROM json_each(?)',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) INSERT INTO audit SELECT i FROM n',
    'DELETE FROM p WHERE id = ?',
    'INSERT INTO loud VALUES (1)',
    "DELETE FROM f WHERE f MATCH 'x'",
  ])
    assert.equal(canChangeMany(sql), true, sql)
})

test('commands to a full-text index are told from its rows', () => {
  assert.ok(isIndexCommand("INSERT INTO f (f) VALUES ('rebuild')", []))
  assert.ok(isIndexCommand('INSERT INTO f (f) VALUES (?)', ['optimize']))
  assert.ok(!isIndexCommand('INSERT INTO f VALUES (?)', ['merge the branches']))
})
