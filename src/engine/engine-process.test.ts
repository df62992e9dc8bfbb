import { test } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { kill } from 'node:process'
import { EngineProcess } from './engine-process.ts'
import { nextStamp, request, RESULT_BYTES_MAX, statement, temporaryFolder } from './testing/test-leader.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { Engine, EngineOptions } from './engine.ts'
import { lockWriter } from './writer-lock.ts'

const OPTIONS = { memoryBytesMax: 256 * 1024 * 1024 }

test('one process owns the engines of several databases, and calls are pipelined', async (context) => {
  const folder = temporaryFolder(context)
  const engines = new EngineProcess(OPTIONS)
  context.after(() => engines.stop())
  const [a, b] = await Promise.all(
    ['a', 'b'].map((database) => engines.open({ database, dataFile: join(folder, `${database}.db`) })),
  )
  assert.ok(a !== undefined && b !== undefined)
  const batch = a.executeBatch([request(['CREATE TABLE t (a)'])], nextStamp())
  const commit = a.commit(1n, 1n)
  assert.equal((await batch).kind, 'pending')
  assert.equal((await commit).applied.index, 1n)
  assert.equal(a.applied.index, 1n)
  assert.equal(b.applied.index, 0n)
})

test('errors cross the channel with code and message', async (context) => {
  const engines = new EngineProcess(OPTIONS)
  context.after(() => engines.stop())
  await assert.rejects(engines.open({ database: 'x', dataFile: '/nowhere/x.db' }), {
    code: 'SQLITE_CANTOPEN',
  })
})

test('an interactive transaction works across the channel', async (context) => {
  const engines = new EngineProcess(OPTIONS)
  context.after(() => engines.stop())
  const engine = await engines.open({ database: 'a', dataFile: join(temporaryFolder(context), 'a.db') })
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

test('the end of the process rejects waiting and later calls', async (context) => {
  const deaths: string[] = []
  const engines = new EngineProcess(OPTIONS, (error) => deaths.push(error.code))
  const engine = await engines.open({ database: 'a', dataFile: join(temporaryFolder(context), 'a.db') })
  const waiting = engine.checkpoint()
  await Promise.all([engines.stop(), assert.rejects(waiting, { code: 'SHUTTING_DOWN' })])
  await assert.rejects(engine.checkpoint(), { code: 'SHUTTING_DOWN' })
  assert.deepEqual(deaths, [])
})

/** Numbers without end: nothing but the end of its process stops it. */
const ENDLESS =
  'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n WHERE i < 0'
/** Of every statement of these tests: on a busy machine the quick ones may be held up for a second or two. */
const STATEMENT_TIMEOUT_MS = 4_000

async function openWithTable(engines: EngineProcess, options: EngineOptions): Promise<Engine> {
  const engine = await engines.open(options)
  await engine.executeBatch([request(['CREATE TABLE t (a)'])], nextStamp())
  await engine.commit(1n, 1n)
  return engine
}

test('a statement that does not end is stopped with its process, and only its call is called late', async (context) => {
  const folder = temporaryFolder(context)
  const ends: string[] = []
  const engines = new EngineProcess(OPTIONS, (error) => ends.push(error.end))
  context.after(() => engines.stop())
  const statementTimeoutMs = STATEMENT_TIMEOUT_MS
  const [a, b] = await Promise.all(
    ['a', 'b'].map((database) =>
      openWithTable(engines, { database, dataFile: join(folder, `${database}.db`), statementTimeoutMs }),
    ),
  )
  assert.ok(a !== undefined && b !== undefined)
  // The first one has its answer although what follows it in the same breath never ends.
  const quick = b.executeBatch([request(['INSERT INTO t VALUES (1)'])], nextStamp())
  const endless = assert.rejects(a.executeBatch([request([ENDLESS])], nextStamp()), {
    code: 'STATEMENT_TIMEOUT',
    end: 'timeout',
  })
  const other = assert.rejects(b.commit(1n, 2n), { end: 'bystander' })
  assert.equal((await quick).kind, 'pending')
  await Promise.all([endless, other])
  await assert.rejects(a.rollback(), { end: 'bystander' })
  assert.deepEqual(ends, ['timeout'])
})

test('what was not committed when the process ended is not there; the file is as it was', async (context) => {
  const dataFile = join(temporaryFolder(context), 'a.db')
  const first = new EngineProcess(OPTIONS)
  context.after(() => first.stop())
  const statementTimeoutMs = STATEMENT_TIMEOUT_MS
  const before = await openWithTable(first, { database: 'a', dataFile, statementTimeoutMs })
  await before.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  await before.execute(statement('INSERT INTO t VALUES (1)'), RESULT_BYTES_MAX)
  await assert.rejects(before.execute(statement(ENDLESS), RESULT_BYTES_MAX), { end: 'timeout' })
  const second = new EngineProcess(OPTIONS)
  context.after(() => second.stop())
  const after = await second.open({ database: 'a', dataFile })
  assert.equal(after.applied.index, 1n)
  await after.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const counted = await after.execute(statement('SELECT count(*) FROM t'), RESULT_BYTES_MAX)
  assert.deepEqual(counted.kind === 'ok' && counted.result.rows, [[0n]])
})

test('a process that is killed from outside suspects the call that it was at', async (context) => {
  const dataFile = join(temporaryFolder(context), 'a.db')
  const engines = new EngineProcess(OPTIONS)
  context.after(() => engines.stop())
  const engine = await openWithTable(engines, { database: 'a', dataFile })
  const endless = assert.rejects(engine.executeBatch([request([ENDLESS])], nextStamp()), { end: 'death' })
  const behind = assert.rejects(engine.rollback(), { end: 'bystander' })
  kill(engines.processId ?? 0, 'SIGKILL')
  await Promise.all([endless, behind])
})

test('a statement that takes more memory than allowed ends its process', async (context) => {
  const engines = new EngineProcess({ memoryBytesMax: 64 * 1024 * 1024 })
  context.after(() => engines.stop())
  const dataFile = join(temporaryFolder(context), 'a.db')
  const engine = await openWithTable(engines, { database: 'a', dataFile })
  // A sort of large rows, in memory as the writer has it.
  const greedy = `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    SELECT hex(zeroblob(5000)) || i FROM n ORDER BY 1 LIMIT 1 OFFSET 59999`
  await assert.rejects(engine.executeBatch([request([greedy])], nextStamp()), { end: 'death' })
})

test('a file has one writer: the next one waits until the last one has let go', async (context) => {
  const dataFile = join(temporaryFolder(context), 'a.db')
  const [first, second] = [new EngineProcess(OPTIONS), new EngineProcess(OPTIONS)]
  context.after(() => Promise.all([first.stop(), second.stop()]))
  const engine = await openWithTable(first, { database: 'a', dataFile })
  const waiting = second.open({ database: 'a', dataFile })
  await engine.executeBatch([request(['INSERT INTO t VALUES (1)'])], nextStamp())
  await engine.commit(1n, 2n)
  await engine.close()
  assert.equal((await waiting).applied.index, 2n)
})

test('a writer that does not let go is told', (context) => {
  const dataFile = join(temporaryFolder(context), 'a.db')
  const lock = lockWriter(dataFile)
  assert.throws(() => lockWriter(dataFile, 50), { code: 'DATA_LOCKED' })
  lock.release()
  lockWriter(dataFile, 50).release()
})
