/**
 * The Rust client of libSQL, which speaks Hrana 3 with cursors: it is inside the npm package `libsql`, on which
 * @libsql/client stands for local files. Its calls block this thread; the member is another process.
 */

import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { startMember, type Member } from './member.ts'

interface Statement {
  run(...args: unknown[]): { readonly changes: number; readonly lastInsertRowid: number }
  get(...args: unknown[]): Record<string, unknown> | undefined
  all(...args: unknown[]): Record<string, unknown>[]
  iterate(...args: unknown[]): Iterable<Record<string, unknown>>
}

interface Database {
  prepare(sql: string): Statement
  exec(sql: string): void
  transaction<T>(run: (value: string) => T): (value: string) => T
  close(): void
}

const requireFromClient = createRequire(import.meta.resolve('@libsql/client'))
const Libsql = requireFromClient('libsql') as new (url: string, options: { authToken: string }) => Database

let member: Member
let db: Database
before(async () => {
  member = await startMember()
  db = new Libsql(member.url, { authToken: 'any' })
  db.exec(
    'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size REAL, data BLOB); CREATE TABLE other (a)',
  )
})
after(async () => {
  db.close()
  await member[Symbol.asyncDispose]()
})

test('rows go and come', () => {
  const insert = db.prepare('INSERT INTO item (name, size, data) VALUES (?, ?, ?)')
  const { changes, lastInsertRowid } = insert.run('one', 1.5, Buffer.from([1, 2]))
  assert.deepEqual([changes, lastInsertRowid], [1, 1])
  const [row] = db.prepare('SELECT * FROM item').all()
  assert.deepEqual([row?.['id'], row?.['name'], row?.['size']], [1, 'one', 1.5])
  assert.deepEqual(new Uint8Array(row?.['data'] as ArrayBuffer), new Uint8Array([1, 2]))
  assert.equal(db.prepare('SELECT name FROM item WHERE id = ?').get(1)?.['name'], 'one')
})

test('a result of several pages', () => {
  const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i FROM n'
  let sum = 0
  for (const row of db.prepare(sql).iterate()) sum += Number(row['i'])
  assert.equal(sum, 200_010_000)
})

test('errors keep their codes', () => {
  assert.throws(() => db.prepare('SELECT * FROM missing').all(), /no such table: missing/)
  assert.throws(
    () => db.prepare("INSERT INTO item (name) VALUES ('one')").run(),
    /UNIQUE constraint failed: item\.name.*SQLITE_CONSTRAINT/,
  )
})

test('a transaction commits, and rolls back when its function throws', () => {
  const count = (): unknown => db.prepare('SELECT count(*) AS n FROM other').get()?.['n']
  const add = db.transaction((value) => {
    db.prepare('INSERT INTO other VALUES (?)').run(value)
    if (value === 'never') throw new Error('changed my mind')
    return count()
  })
  assert.equal(add('kept'), 1)
  assert.throws(() => add('never'), /changed my mind/)
  assert.equal(count(), 1)
})
