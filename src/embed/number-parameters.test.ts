import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Instruction } from '../engine/reader/program.ts'
import { numberParameters } from './number-parameters.ts'

const db = new DatabaseSync(':memory:')
db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, r REAL, s TEXT, b BLOB, x);
  CREATE INDEX tn ON t (n); CREATE INDEX tr ON t (r); CREATE INDEX ts ON t (s); CREATE INDEX tx ON t (x);
  CREATE TABLE pair (n INTEGER, b BLOB, PRIMARY KEY (n, b)) WITHOUT ROWID`)
for (let id = 1; id <= 20; id++)
  db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)').run(
    BigInt(id),
    BigInt(id % 5),
    id / 2,
    `${id}`,
    Buffer.from(`${id}`),
    id % 2 === 0 ? BigInt(id) : `${id}`,
  )

function safe(sql: string, count: number): boolean[] {
  return numberParameters(db.prepare(`EXPLAIN ${sql}`).all() as unknown as Instruction[], count)
}

const CASES: readonly (readonly [sql: string, safe: readonly boolean[]])[] = [
  ['SELECT * FROM t WHERE id = ?', [true]],
  ['SELECT * FROM t WHERE n = ?', [true]],
  ['SELECT * FROM t WHERE r = ?', [true]],
  ['SELECT * FROM t WHERE n = ? AND id > ?', [true, true]],
  ['SELECT * FROM t WHERE s = ?', [false]],
  ['SELECT * FROM t WHERE x = ?', [false]],
  ['SELECT ?', [false]],
  ['SELECT typeof(?1) FROM t WHERE id = ?1', [false]],
  ['SELECT ?1 FROM t WHERE n = ?1', [false]],
  ["SELECT id FROM t WHERE id = ? AND s = ? || ''", [true, false]],
  ['SELECT id FROM t WHERE id = ? LIMIT ?', [true, false]],
  ['SELECT id FROM t WHERE b = ?', [false]],
  ['SELECT id FROM t WHERE id = ? + ?', [false, false]],
  ['SELECT n FROM pair WHERE n = ? AND b = CAST(? AS BLOB)', [true, false]],
  ['SELECT n FROM pair WHERE n = CAST(? AS TEXT) AND b = ?', [false, false]],
]

test('a number goes as it is only where SQLite makes an INTEGER of it first', () => {
  for (const [sql, expected] of CASES) assert.deepEqual(safe(sql, expected.length), expected, sql)
})

test('whatever is told to be safe finds the same rows by a REAL as by an INTEGER', () => {
  const columns = [
    'id',
    'n',
    'r',
    's',
    'b',
    'x',
    "s || ''",
    'n + 0',
    'id + n',
    'CAST(s AS INTEGER)',
    's = CAST(?1 AS TEXT) AND n',
  ]
  const operators = ['=', '<', '>=', 'IS', '<>']
  let checked = 0
  for (const column of columns)
    for (const operator of operators)
      for (const shown of ['id', 'typeof(?1), id', '?1, id'])
        for (const tail of ['', ' ORDER BY n, id LIMIT 3', ' AND id < 15']) {
          const sql = `SELECT ${shown} FROM t WHERE ${column} ${operator} ?1${tail}`
          if (safe(sql, 1)[0] === false) continue
          checked++
          for (const value of [0, 1, 3, 10, -1])
            assert.deepEqual(db.prepare(sql).all(value), db.prepare(sql).all(BigInt(value)), sql)
        }
  assert.ok(checked >= 20, `${checked} statements`)
})
