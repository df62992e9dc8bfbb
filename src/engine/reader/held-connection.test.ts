import { test } from 'node:test'
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { SqlValue } from '../../base/value.ts'
import { HeldConnection } from './held-connection.ts'
import { READER_DEFAULTS, type ReaderOptions } from './reader-options.ts'
import { type SampleFile, sampleFile } from './testing/sample-file.ts'

function opened(options: Partial<ReaderOptions> = {}): SampleFile & { readonly held: HeldConnection } {
  const file = sampleFile()
  const held = new HeldConnection(file.path, { ...READER_DEFAULTS, holdTimeMs: 60_000, ...options })
  return {
    ...file,
    held,
    [Symbol.dispose]() {
      held.close()
      file[Symbol.dispose]()
    },
  }
}

function rowsOf(held: HeldConnection, index: bigint, sql: string, ...positional: SqlValue[]): unknown {
  return held.read({ sql, args: { positional, named: [] } }, INITIAL_CONTEXT, index, 1_000_000)?.rows
}

const NAME = 'SELECT name FROM small WHERE id = 1'

test('the transaction is held between statements and renewed when the applied index has moved', () => {
  using file = opened()
  assert.deepEqual(rowsOf(file.held, 1n, NAME), [['one']])
  assert.equal(file.held.isHeld, true)
  file.writer.exec("UPDATE small SET name = 'changed' WHERE id = 1")
  assert.deepEqual(rowsOf(file.held, 1n, NAME), [['one']], 'the same index is the same state')
  assert.deepEqual(rowsOf(file.held, 2n, NAME), [['changed']])
})

test('a file that is gone, because the replica was removed, is told as something that may pass', () => {
  using file = opened()
  rowsOf(file.held, 1n, NAME)
  for (const suffix of ['', '-wal', '-shm']) rmSync(file.path + suffix, { force: true })
  assert.throws(() => rowsOf(file.held, 2n, NAME), { code: 'OVERLOADED', message: /is not there/ })
})

test('a pinned transaction tells the index that the file has, whatever entries without content came after it', () => {
  using file = opened()
  const before = file.held.pin(0n)
  file.held.unpin()
  assert.equal(file.held.pin(before + 5n), before)
  assert.deepEqual(rowsOf(file.held, before, NAME), [['one']])
})

test('a held transaction is let go in time, so that the WAL can be reset', async () => {
  using file = opened({ holdTimeMs: 5 })
  rowsOf(file.held, 1n, NAME)
  file.writer.exec("UPDATE small SET name = 'changed' WHERE id = 1")
  const busy = (): unknown => file.writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy']
  assert.equal(busy(), 1, 'a reader that holds an old end of the WAL keeps it')
  while (file.held.isHeld) await sleep(2)
  assert.equal(busy(), 0)
})

test('a pinned state outlives its time, takes nobody new then, and ends with its last transaction', async () => {
  using file = opened({ holdTimeMs: 5 })
  file.held.pin(1n)
  file.held.pin(1n)
  assert.equal(file.held.canServe(1n), true)
  assert.equal(file.held.canServe(2n), false, 'a newer state would not be that of its transactions')
  while (file.held.canServe(1n)) await sleep(2)
  file.writer.exec("UPDATE small SET name = 'changed' WHERE id = 1")
  assert.deepEqual(rowsOf(file.held, 1n, NAME), [['one']])
  file.held.unpin()
  assert.equal(file.held.isHeld, true)
  file.held.unpin()
  assert.equal(file.held.isHeld, false)
  assert.equal(file.held.canServe(2n), true)
})

test('integers beyond 2^53 and REAL stay what they are', () => {
  using file = opened()
  const rows = rowsOf(file.held, 1n, 'SELECT ?, ?, -9223372036854775808, 1.0', 2n ** 63n - 1n, 0.5)
  assert.deepEqual(rows, [[9223372036854775807n, 0.5, -9223372036854775808n, 1]])
})

test('semicolons in front of a statement are stepped over, as in SQLite', () => {
  using file = opened()
  assert.deepEqual(rowsOf(file.held, 1n, `; /* x */ ;${NAME}`), [['one']])
  assert.equal(file.held.describe(';EXPLAIN SELECT 1', 1n)?.isExplain, true)
})

test('last_insert_rowid(), changes() and total_changes() tell what the session has', () => {
  using file = opened()
  const context = { foreignKeys: true, lastInsertRowid: 2n ** 60n, changes: 3n, totalChanges: 40n }
  const statement = {
    sql: 'SELECT last_insert_rowid(), changes(), total_changes()',
    args: { positional: [], named: [] },
  }
  assert.deepEqual(file.held.read(statement, context, 1n, 1000)?.rows, [[2n ** 60n, 3n, 40n]])
  assert.deepEqual(file.held.read(statement, INITIAL_CONTEXT, 1n, 1000)?.rows, [[0n, 0n, 0n]])
})

test('a changed schema is seen with the next applied index: columns, types and new tables', () => {
  using file = opened()
  const describe = (index: bigint): unknown => file.held.describe('SELECT * FROM small', index)?.columns
  assert.deepEqual(describe(1n), [
    { name: 'id', declaredType: 'INTEGER' },
    { name: 'name', declaredType: 'TEXT' },
  ])
  file.writer.exec('ALTER TABLE small ADD COLUMN age REAL; CREATE TABLE later (x)')
  assert.throws(() => file.held.describe('SELECT * FROM later', 1n), /no such table: later/)
  assert.deepEqual((describe(2n) as unknown[]).at(-1), { name: 'age', declaredType: 'REAL' })
  assert.deepEqual(rowsOf(file.held, 2n, 'SELECT * FROM later'), [])
})

const READ_ONLY: readonly (readonly [sql: string, isReadOnly: boolean])[] = [
  ['SELECT 1', true],
  ['INSERT INTO small VALUES (9, 9)', false],
  ['INSERT INTO small VALUES (9, 9) RETURNING id', false],
  ['WITH n AS (SELECT 1) DELETE FROM small', false],
  ['UPDATE small SET name = 1 WHERE 0', false],
  ['CREATE TABLE t (x)', false],
  ['CREATE TEMP TABLE t (x)', false],
  ['VACUUM', false],
  ['PRAGMA user_version', true],
  ['PRAGMA user_version = 5', false],
  ['BEGIN', true],
  ['BEGIN IMMEDIATE', false],
  ['COMMIT', true],
  ['SAVEPOINT s', true],
  ['EXPLAIN SELECT 1', true],
  ['/* x */ EXPLAIN QUERY PLAN DELETE FROM small', false],
]

for (const [sql, isReadOnly] of READ_ONLY)
  test(`sqlite3_stmt_readonly is ${isReadOnly} for: ${sql}`, () => {
    using file = opened()
    file.held.describe('SELECT 1', 1n)
    file.held.vet(sql)
    assert.equal(file.held.describe(sql, 1n)?.isReadOnly, isReadOnly)
  })

test('a description names parameters with their prefix, by position, and tells EXPLAIN', () => {
  using file = opened()
  const description = file.held.describe('EXPLAIN SELECT ?, :a, @b, $c, ?7, :a', 1n)
  assert.deepEqual(description?.parameters, [null, ':a', '@b', '$c', null, null, '?7'])
  assert.equal(description?.isExplain, true)
})

test('a write can not run here, whatever the analysis says: the file is opened read-only', () => {
  using file = opened()
  assert.equal(rowsOf(file.held, 1n, 'DELETE FROM small RETURNING id'), undefined)
  assert.deepEqual(file.writer.prepare('SELECT count(*) AS n FROM small').get()?.['n'], 3)
})

const REFUSED: readonly (readonly [sql: string, message: RegExp])[] = [
  ["ATTACH 'x' AS y", /ATTACH and DETACH are refused/],
  ['DETACH y', /ATTACH and DETACH are refused/],
  ['PRAGMA journal_mode = DELETE', /PRAGMA journal_mode is refused/],
  ['PRAGMA query_only = 0', /PRAGMA query_only is refused/],
  ['PRAGMA no_such_pragma', /PRAGMA no_such_pragma is refused/],
  ["SELECT load_extension('x')", /load_extension\(\) is refused/],
]

for (const [sql, message] of REFUSED)
  test(`refused for reads, too: ${sql}`, () => {
    using file = opened()
    assert.throws(() => file.held.describe(sql, 1n), { code: 'STATEMENT_REFUSED', message })
  })

test('a pragma that only tunes plain SQLite is accepted and not done', () => {
  using file = opened()
  assert.equal(file.held.describe('PRAGMA cache_size = 7', 1n)?.isReadOnly, true)
  assert.deepEqual(file.held.describe('PRAGMA cache_size = 7', 1n)?.columns, [])
})

test('wrong arguments are refused before anything runs', () => {
  using file = opened()
  const read = (positional: SqlValue[], named: [string, SqlValue][]): unknown =>
    file.held.read({ sql: 'SELECT ?1, :a', args: { positional, named } }, INITIAL_CONTEXT, 1n, 1000)
  assert.throws(() => read([1n], []), { code: 'ARGS_INVALID' })
  assert.throws(() => read([], [['b', 1n]]), { code: 'ARGS_INVALID' })
  assert.throws(() => read([1n], [['a', 1n]]), { code: 'ARGS_BOTH_POSITIONAL_AND_NAMED' })
})

test('a statement that was measured slow here several times in a row is not run here again', () => {
  using file = opened({ inlineTimeMsMax: -1 })
  for (let times = 0; times < 3; times++) assert.deepEqual(rowsOf(file.held, 1n, NAME), [['one']])
  assert.equal(rowsOf(file.held, 1n, NAME), undefined)
})
