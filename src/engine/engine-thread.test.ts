import { test } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { EngineThread } from './engine-thread.ts'
import { nextStamp, request, RESULT_BYTES_MAX, statement, temporaryFolder } from './testing/test-leader.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'

test('one thread owns the engines of several databases, and calls are pipelined', async (context) => {
  const folder = temporaryFolder(context)
  const thread = new EngineThread()
  context.after(() => thread.stop())
  const [a, b] = await Promise.all(
    ['a', 'b'].map((database) => thread.open({ database, dataFile: join(folder, `${database}.db`) })),
  )
  assert.ok(a !== undefined && b !== undefined)
  const batch = a.executeBatch([request(['CREATE TABLE t (a)'])], nextStamp())
  const commit = a.commit(1n, 1n)
  assert.equal((await batch).kind, 'pending')
  assert.equal((await commit).applied.index, 1n)
  assert.equal(a.applied.index, 1n)
  assert.equal(b.applied.index, 0n)
})

test('errors cross the thread with code and message', async (context) => {
  const thread = new EngineThread()
  context.after(() => thread.stop())
  await assert.rejects(thread.open({ database: 'x', dataFile: '/nowhere/x.db' }), { code: 'SQLITE_CANTOPEN' })
})

test('an interactive transaction works across the thread', async (context) => {
  const thread = new EngineThread()
  context.after(() => thread.stop())
  const engine = await thread.open({ database: 'a', dataFile: join(temporaryFolder(context), 'a.db') })
  await engine.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const failed = await engine.execute(statement('INSERT INTO missing VALUES (1)'), RESULT_BYTES_MAX)
  assert.equal(failed.kind === 'failed' && failed.error.message, 'no such table: missing')
  await engine.execute(statement('CREATE TABLE t (a)'), RESULT_BYTES_MAX)
  const inserted = await engine.execute(
    statement('INSERT INTO t VALUES (?) RETURNING a', 2n ** 60n),
    RESULT_BYTES_MAX,
  )
  assert.deepEqual(inserted.kind === 'ok' && inserted.result.rows, [[2n ** 60n]])
  assert.equal((await engine.prepareCommit()).kind, 'pending')
  assert.equal((await engine.commit(1n, 5n)).applied.index, 5n)
})

test('the death of the thread rejects waiting and later calls', async (context) => {
  const deaths: string[] = []
  const thread = new EngineThread((error) => deaths.push(error.code))
  const engine = await thread.open({ database: 'a', dataFile: join(temporaryFolder(context), 'a.db') })
  const waiting = engine.checkpoint()
  await Promise.all([thread.stop(), assert.rejects(waiting, { code: 'INTERNAL' })])
  await assert.rejects(engine.checkpoint(), { code: 'INTERNAL' })
  assert.deepEqual(deaths, [])
})
