import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../base/value.ts'
import { rowidEffect } from './rowid-effect.ts'

const SCHEMA = `
  CREATE TABLE plain (id INTEGER PRIMARY KEY, a UNIQUE, b DEFAULT 1);
  CREATE TABLE sequence (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
  CREATE TABLE keyed (id TEXT PRIMARY KEY, a) WITHOUT ROWID;
  CREATE TABLE watched (id INTEGER PRIMARY KEY, a);
  CREATE TRIGGER watch AFTER INSERT ON watched BEGIN INSERT INTO plain (a) VALUES (new.a); END`

const EFFECTS = {
  'INSERT INTO plain (a) VALUES (1)': 'sets',
  'INSERT INTO plain (a) VALUES (1), (2)': 'sets',
  'INSERT OR IGNORE INTO plain (a) VALUES (1)': 'sets',
  'REPLACE INTO plain (id, a) VALUES (1, 1)': 'sets',
  'INSERT INTO sequence (a) VALUES (1)': 'sets',
  'INSERT INTO plain (a) VALUES (1) RETURNING id': 'sets',
  'INSERT INTO plain (a) VALUES (1) ON CONFLICT (a) DO NOTHING': 'sets',
  'INSERT INTO plain (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2': 'unknown',
  "INSERT INTO keyed VALUES ('x', 1)": 'keeps',
  'UPDATE plain SET a = 2 WHERE id = 1': 'keeps',
  'UPDATE plain SET id = 2 WHERE id = 1': 'keeps',
  'DELETE FROM plain WHERE id = 1': 'keeps',
  'SELECT 1': 'keeps',
  'INSERT INTO watched (a) VALUES (1)': 'unknown',
} as const

test('what a program says of last_insert_rowid is what SQLite does', () => {
  for (const [sql, expected] of Object.entries(EFFECTS)) {
    const database = new DatabaseSync(':memory:', { returnArrays: true, readBigInts: true })
    database.exec(SCHEMA)
    database.exec('INSERT INTO plain VALUES (1, 5, 5); INSERT INTO sequence VALUES (700, 0)')
    const effect = rowidEffect(database.prepare(`EXPLAIN ${sql}`).all() as unknown as SqlValue[][])
    assert.equal(effect, expected, sql)
    database.prepare(sql).all()
    const [[changes, rowid]] = database.prepare('SELECT changes(), last_insert_rowid()').all() as unknown as [
      [bigint, bigint],
    ]
    if (effect === 'keeps') assert.equal(rowid, 700n, sql)
    if (effect === 'sets' && changes > 0n) assert.notEqual(rowid, 700n, sql)
  }
})

test('an insert that inserts nothing keeps the value, and counts nothing', () => {
  const database = new DatabaseSync(':memory:', { returnArrays: true, readBigInts: true })
  database.exec(`${SCHEMA}; INSERT INTO plain VALUES (1, 5, 5); INSERT INTO sequence VALUES (700, 0)`)
  for (const sql of [
    'INSERT OR IGNORE INTO plain (a) VALUES (5)',
    'INSERT INTO plain (a) VALUES (5) ON CONFLICT (a) DO NOTHING',
    'INSERT INTO plain (a) SELECT a FROM plain WHERE a = 6',
  ]) {
    const { changes, lastInsertRowid } = database.prepare(sql).run()
    assert.deepEqual({ changes, lastInsertRowid }, { changes: 0n, lastInsertRowid: 700n }, sql)
  }
})
