import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../base/value.ts'
import { isQuickWrite } from './quick-write.ts'

const SCHEMA = `
  CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, value TEXT NOT NULL);
  CREATE TABLE parent (id INTEGER PRIMARY KEY, value TEXT);
  CREATE TABLE child (name TEXT UNIQUE, n INTEGER CHECK (n > 0), at TEXT DEFAULT CURRENT_TIMESTAMP,
                      parent INTEGER REFERENCES parent(id)) STRICT;
  CREATE INDEX child_n ON child (n, name);
  CREATE TABLE pair (a TEXT, b TEXT, v BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE TABLE watched (id INTEGER PRIMARY KEY, v TEXT);
  CREATE TRIGGER watch AFTER INSERT ON watched BEGIN DELETE FROM parent; END;
  CREATE TABLE owner (id INTEGER PRIMARY KEY);
  CREATE TABLE owned (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owner(id) ON DELETE CASCADE);
  CREATE INDEX owned_owner ON owned (owner);
  CREATE VIRTUAL TABLE text USING fts5 (body);
`

function judge(sql: string): boolean {
  const db = new DatabaseSync(':memory:', { returnArrays: true, enableForeignKeyConstraints: true })
  try {
    db.exec(SCHEMA)
    const root = db
      .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_sequence'`)
      .get() as unknown as number[]
    const explained = db.prepare(`EXPLAIN ${sql}`).all() as unknown as SqlValue[][]
    return isQuickWrite(sql, explained, root[0] ?? null)
  } finally {
    db.close()
  }
}

const QUICK: readonly string[] = [
  'INSERT INTO numbered (value) VALUES (?)',
  'INSERT INTO numbered (value) VALUES (?) RETURNING id',
  'INSERT INTO parent VALUES (?, ?)',
  'INSERT INTO child (name, n, parent) VALUES (?, ?, ?)',
  'INSERT INTO child (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n',
  'REPLACE INTO pair VALUES (?, ?, ?)',
  'INSERT OR IGNORE INTO pair VALUES (?, ?, lower(?))',
  'UPDATE parent SET value = ? WHERE id = ?',
  'UPDATE parent SET value = ? WHERE id IN (1, 2, 3)',
  'UPDATE child SET n = n + 1 WHERE name = ?',
  'DELETE FROM pair WHERE a = ? AND b = ?',
  'DELETE FROM child WHERE name = ? RETURNING n',
  'SELECT value FROM parent WHERE id = ?',
]

for (const sql of QUICK) test(`quick: ${sql}`, () => assert.equal(judge(sql), true))

/** Each with what makes it one that may take long. */
const SLOW: readonly (readonly [sql: string, why: string])[] = [
  ['UPDATE parent SET value = ?', 'every row'],
  ['UPDATE parent SET value = ? WHERE id > ?', 'a range'],
  ['UPDATE child SET parent = ? WHERE n = ?', 'an index that is not unique'],
  ['DELETE FROM numbered', 'the whole table'],
  ['DELETE FROM pair WHERE a = ?', 'half of a key'],
  ['DELETE FROM parent WHERE id = ?', 'children are searched without an index'],
  ['DELETE FROM owner WHERE id = ?', 'a foreign key action'],
  ['INSERT INTO watched VALUES (?, ?)', 'a trigger'],
  ['INSERT INTO text VALUES (?)', 'a virtual table'],
  ['INSERT INTO parent SELECT id, v FROM watched', 'as many rows as another table has'],
  ['INSERT INTO parent (value) VALUES (randomblob(100000000))', 'a function that makes what it is told'],
  ['INSERT INTO parent (value) VALUES ((SELECT count(*) FROM child))', 'a count'],
  [`INSERT INTO parent (value) SELECT value FROM parent WHERE value LIKE '%a%b%c%'`, 'LIKE'],
  ['CREATE TABLE another (a)', 'a change of the schema'],
  ['PRAGMA optimize', 'no statement about rows'],
  [
    'WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) INSERT INTO parent (id) SELECT x FROM r',
    'no end',
  ],
]

for (const [sql, why] of SLOW) test(`not quick, ${why}: ${sql}`, () => assert.equal(judge(sql), false))
