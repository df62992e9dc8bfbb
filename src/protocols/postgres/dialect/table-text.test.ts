/** The text of CREATE TABLE taken apart and put together again. */

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { PgError } from '../error.ts'
import { parseColumn, parseTable, referringTo, tableBody } from './table-text.ts'

const TABLES = [
  'CREATE TABLE t (a, b TEXT)',
  'CREATE TABLE "t" (/* temporary */ "id" INTEGER PRIMARY KEY AUTOINCREMENT CHECK ("id" BETWEEN -2147483648 AND 2147483647), "a" INT4[] NOT NULL)',
  `CREATE TABLE t (a VARCHAR(20) COLLATE NOCASE DEFAULT 'x, (y)', b NUMERIC(10,2) DEFAULT -1.5, c DOUBLE PRECISION DEFAULT (1 + (2)), d TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
  `CREATE TABLE t (a INT, b INT, "c,d" TEXT, CONSTRAINT "k" UNIQUE (a, b) ON CONFLICT IGNORE, CHECK (a > b AND "c,d" <> ')'), FOREIGN KEY (b) REFERENCES u (x) ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED) STRICT`,
  'CREATE TABLE t (a INT PRIMARY KEY ON CONFLICT REPLACE, b INT GENERATED ALWAYS AS (a * 2) STORED, c AS (a) VIRTUAL, d INT REFERENCES u NOT DEFERRABLE DEFAULT NULL, PRIMARY KEY (a)) WITHOUT ROWID',
  'CREATE TABLE t (a INT -- a comment, with (\n, b TEXT /* another, */ NOT NULL)',
]

test('a text that is put together again means the same, and is the same when taken apart once more', () => {
  for (const sql of TABLES) {
    const text = parseTable(sql, 't')
    const body = tableBody(text)
    assert.deepEqual(parseTable(`CREATE TABLE t ${body}`, 't'), text, sql)
  }
})

test('SQLite reads the same columns from it', () => {
  for (const sql of TABLES.filter((each) => !/PRIMARY KEY \(a\)/.test(each))) {
    const columns = [sql, `CREATE TABLE t ${tableBody(parseTable(sql, 't'))}`].map((text) => {
      using database = new DatabaseSync(':memory:')
      database.exec(text)
      return database.prepare('SELECT * FROM pragma_table_xinfo(?)').all('t')
    })
    assert.deepEqual(columns[0], columns[1], sql)
  }
})

test('columns, their types and clauses', () => {
  const { name, type, clauses } = parseColumn(
    `"a b" VARCHAR(20) CONSTRAINT "n" NOT NULL DEFAULT 'x' CHECK (a > 0) REFERENCES u (id) ON DELETE CASCADE UNIQUE`,
  )
  assert.deepEqual([name, type], ['a b', 'VARCHAR(20)'])
  assert.deepEqual(
    clauses.map(({ kind, name: own, text }) => [kind, own, text]),
    [
      ['not null', 'n', 'CONSTRAINT "n" NOT NULL'],
      ['default', null, "DEFAULT 'x'"],
      ['check', null, 'CHECK (a > 0)'],
      ['foreign', null, 'REFERENCES u (id) ON DELETE CASCADE'],
      ['unique', null, 'UNIQUE'],
    ],
  )
})

test('a foreign key can be turned to another table', () => {
  const [clause] = parseTable(
    'CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES "u" (id) ON DELETE CASCADE)',
    't',
  ).constraints
  assert.ok(clause !== undefined)
  assert.deepEqual([clause.target, clause.columns], ['u', ['a']])
  assert.equal(referringTo(clause, 'v"w').text, 'FOREIGN KEY (a) REFERENCES "v""w" (id) ON DELETE CASCADE')
})

test('what is not understood is refused', () => {
  for (const sql of [
    'CREATE VIRTUAL TABLE t USING fts5(a)',
    'CREATE TABLE t (a INT NOT)',
    'CREATE TABLE t (a INT, CHECK (a) CHECK (a > 1))',
    'CREATE TABLE t (a INT REFERENCES)',
  ]) {
    assert.throws(
      () => parseTable(sql, 't'),
      (error) => error instanceof PgError && error.sqlState === '0A000',
      sql,
    )
  }
})
