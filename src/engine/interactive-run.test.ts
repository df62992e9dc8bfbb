import { test } from 'node:test'
import type { TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { SqlValue } from '../base/value.ts'
import type { CommitResult, EngineLimits, StatementOutcome } from './engine.ts'
import {
  newReplica,
  nextStamp,
  request,
  RESULT_BYTES_MAX,
  statement,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'

class Interactive {
  readonly leader: TestLeader
  readonly folder: string

  constructor(context: TestContext, limits: Partial<EngineLimits> = {}) {
    this.folder = temporaryFolder(context)
    this.leader = new TestLeader(this.folder, 'leader', { limits })
    this.leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)')
  }

  begin(key: string | null = null): void {
    const begun = this.leader.core.begin({
      context: INITIAL_CONTEXT,
      stamp: nextStamp(),
      idempotencyKey: key,
    })
    assert.equal(begun.kind, 'begun')
  }

  execute(sql: string, ...values: SqlValue[]): StatementOutcome {
    return this.leader.core.execute(statement(sql, ...values), RESULT_BYTES_MAX)
  }

  code(sql: string): string {
    const outcome = this.execute(sql)
    return outcome.kind === 'failed' ? outcome.error.code : 'ok'
  }

  commit(): CommitResult {
    const prepared = this.leader.core.prepareCommit()
    assert.ok(prepared.kind === 'pending')
    return this.leader.commit(prepared.payload)
  }

  assertContent(rows: readonly (readonly SqlValue[])[]): void {
    assert.deepEqual(this.leader.run('SELECT * FROM t ORDER BY id'), rows)
    const replica = newReplica(this.folder, `replica${this.leader.log.length}`)
    replica.replay(this.leader.log)
    assert.deepEqual(replica.contentDigest(), this.leader.core.contentDigest())
    replica.close()
  }
}

test('statements see each other, and all of them become one entry', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (?)', 1n)
  const read = t.execute('SELECT id, a, last_insert_rowid(), changes() FROM t')
  assert.deepEqual(read.kind === 'ok' && read.result.rows, [[1n, 1n, 1n, 1n]])
  t.execute('UPDATE t SET a = 2')
  const { outcomes, applied } = t.commit()
  assert.deepEqual(outcomes, [
    {
      kind: 'committed',
      results: [],
      context: { foreignKeys: true, lastInsertRowid: 1n, changes: 1n, totalChanges: 2n },
      index: 2n,
    },
  ])
  assert.equal(applied.index, 2n)
  t.assertContent([[1n, 2n]])
})

test('a statement that fails leaves the transaction alive', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (1)')
  assert.equal(t.code('INSERT INTO t (a) VALUES (2), (1)'), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(t.code('INSERT INTO missing VALUES (1)'), 'SQLITE_ERROR')
  assert.equal(t.code('ATTACH ? AS x'), 'STATEMENT_REFUSED')
  assert.equal(t.code('INSERT INTO t (a) VALUES (3)'), 'ok')
  t.commit()
  t.assertContent([
    [1n, 1n],
    [2n, 3n],
  ])
})

test('savepoints work as SQLite says, across statements that fail and schema changes', (context) => {
  const t = new Interactive(context)
  t.begin()
  for (const sql of [
    'INSERT INTO t (a) VALUES (1)',
    'SAVEPOINT s',
    'CREATE TABLE u (x)',
    'INSERT INTO t (a) VALUES (2)',
    'ROLLBACK TO s',
    'INSERT INTO t (a) VALUES (3)',
    'RELEASE s',
    'SAVEPOINT left_open',
  ])
    assert.equal(t.code(sql), 'ok', sql)
  assert.equal(t.code('RELEASE missing'), 'SQLITE_ERROR')
  assert.equal(t.code('INSERT INTO u VALUES (1)'), 'SQLITE_ERROR')
  t.commit()
  t.assertContent([
    [1n, 1n],
    [2n, 3n],
  ])
})

test('OR ROLLBACK ends it, and the client is told', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (1)')
  const outcome = t.execute('INSERT OR ROLLBACK INTO t (a) VALUES (1)')
  assert.ok(outcome.kind === 'failed' && outcome.isEnded)
  assert.equal(outcome.error.code, 'TRANSACTION_ABORTED')
  assert.match(outcome.error.message, /UNIQUE constraint failed: t.a/)
  assert.throws(() => t.execute('SELECT 1'), { code: 'NO_TRANSACTION' })
  t.assertContent([])
})

test('a transaction that changed nothing makes no entry', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('SELECT 1')
  assert.deepEqual(t.leader.core.prepareCommit(), { kind: 'settled', context: INITIAL_CONTEXT })
  assert.equal(t.leader.log.length, 1)
})

test('a result that is too large leaves no effect of its statement', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (1)')
  const insert = `INSERT INTO t (a) VALUES ('${'x'.repeat(600)}') RETURNING a`
  const outcome = t.leader.core.execute(statement(insert), 500)
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'RESPONSE_TOO_LARGE')
  const read = t.execute('SELECT last_insert_rowid(), changes(), count(*) FROM t')
  assert.deepEqual(read.kind === 'ok' && read.result.rows, [[1n, 1n, 1n]])
  t.execute('INSERT INTO t (a) VALUES (2)')
  t.commit()
  t.assertContent([
    [1n, 1n],
    [2n, 2n],
  ])
})

test('a transaction over the limit of an entry fails before it is proposed', (context) => {
  const t = new Interactive(context, { entryLengthBytesMax: 10_000 })
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (1)')
  const outcome = t.execute('INSERT INTO t (a) VALUES (?)', 'x'.repeat(20_000))
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'TRANSACTION_TOO_LARGE')
  t.leader.core.rollback()
  assert.equal(
    t.leader.failure(statement('INSERT INTO t (a) VALUES (?)', 'x'.repeat(20_000))),
    'TRANSACTION_TOO_LARGE',
  )
  t.assertContent([])
})

test('a COMMIT that deferred foreign keys refuse fails the transaction, on every replica', (context) => {
  const t = new Interactive(context)
  t.leader.run('CREATE TABLE c (t REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)')
  t.begin()
  t.execute('INSERT INTO t (a) VALUES (1)')
  t.execute('INSERT INTO c VALUES (99)')
  const outcome = t.commit().outcomes[0]
  assert.equal(outcome?.kind === 'failed' && outcome.error.code, 'SQLITE_CONSTRAINT_FOREIGNKEY')
  t.assertContent([])
})

test('an idempotency key brings back what came of the first try', (context) => {
  const t = new Interactive(context)
  t.begin('key')
  t.execute('INSERT INTO t (a) VALUES (1)')
  const first = t.commit().outcomes[0]
  const again = t.leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: 'key' })
  assert.deepEqual(again, { kind: 'known', outcome: first })
  assert.deepEqual(t.leader.submit(request(['SELECT 1'], { key: 'key' })), [first])
})

test('rollback leaves nothing behind', (context) => {
  const t = new Interactive(context)
  t.begin()
  t.execute('CREATE TABLE u (x)')
  t.execute('INSERT INTO t (a) VALUES (1)')
  t.leader.core.rollback()
  assert.equal(t.leader.failure('SELECT * FROM u'), 'SQLITE_ERROR')
  t.assertContent([])
})

test('a table that a savepoint takes away may be made again, or not', (context) => {
  for (const isMadeAgain of [true, false]) {
    const transaction = new Interactive(context)
    transaction.begin()
    const made = ['CREATE TABLE made (x INTEGER PRIMARY KEY)', 'INSERT INTO made VALUES (1)']
    const undone = ['SAVEPOINT s', ...made, 'ROLLBACK TO s', 'RELEASE s']
    for (const sql of [...undone, ...(isMadeAgain ? made : []), `INSERT INTO t VALUES (1, 'a')`])
      assert.equal(transaction.code(sql), 'ok', sql)
    transaction.commit()
    transaction.assertContent([[1n, 'a']])
    const tables = transaction.leader.run(`SELECT count(*) FROM sqlite_schema WHERE name = 'made'`)
    assert.deepEqual(tables, [[isMadeAgain ? 1n : 0n]])
  }
})
