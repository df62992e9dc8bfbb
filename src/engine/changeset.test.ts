import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { AssertionError } from '../base/assert.ts'
import { decodeRow, tableGroups } from './changeset.ts'

function changesetOf(schema: string, ...statements: string[]): Uint8Array {
  const database = new DatabaseSync(':memory:')
  database.exec(schema)
  const session = database.createSession()
  for (const sql of statements) database.exec(sql)
  return session.changeset()
}

test('every kind of value and operation is read back', () => {
  const long = 'x'.repeat(20_000)
  const changeset = changesetOf(
    `CREATE TABLE t (a, b TEXT, k INTEGER, PRIMARY KEY (k, a)); INSERT INTO t VALUES (1, 'old', 1), ('gone', NULL, 2)`,
    `INSERT INTO t VALUES (x'00ff', '${long}', 9223372036854775807), (1.5, 'é', -9223372036854775808)`,
    `UPDATE t SET b = NULL WHERE k = 1`,
    `DELETE FROM t WHERE k = 2`,
  )
  const [group] = tableGroups(changeset)
  assert.ok(group !== undefined)
  assert.equal(group.table, 't')
  assert.deepEqual(group.primaryKey, [true, false, true])
  const rows = group.rows
    .map((row) => decodeRow(group, row))
    .map(({ operation, before, after }) => ({ operation, before, after }))
  const sorted = rows.sort((a, b) => (a.operation + String(a.after) < b.operation + String(b.after) ? -1 : 1))
  assert.deepEqual(sorted, [
    { operation: 'delete', before: ['gone', null, 2n], after: null },
    { operation: 'insert', before: null, after: [new Uint8Array([0, 255]), long, 2n ** 63n - 1n] },
    { operation: 'insert', before: null, after: [1.5, 'é', -(2n ** 63n)] },
    { operation: 'update', before: [1n, 'old', 1n], after: [undefined, null, undefined] },
  ])
})

test('several tables come apart, and what only a trigger changed is indirect', () => {
  const changeset = changesetOf(
    `CREATE TABLE "a b" (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY);
     CREATE TRIGGER r AFTER INSERT ON "a b" BEGIN INSERT INTO c VALUES (new.id); END`,
    `INSERT INTO "a b" VALUES (1), (2)`,
  )
  assert.deepEqual(
    tableGroups(changeset).map(({ table, rows }) => [table, rows.map(({ isIndirect }) => isIndirect)]),
    [
      ['a b', [false, false]],
      ['c', [true, true]],
    ],
  )
})

test('nothing changed is nothing', () => {
  assert.deepEqual(tableGroups(new Uint8Array(0)), [])
})

test('a cut changeset is a bug, and says so', () => {
  const changeset = changesetOf(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    `INSERT INTO t VALUES (1, 'text')`,
  )
  for (const length of [1, 3, 8, changeset.length - 1])
    assert.throws(() => tableGroups(changeset.subarray(0, length)), AssertionError)
})
