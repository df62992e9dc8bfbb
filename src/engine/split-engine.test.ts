/** Which connection of an engine runs what, and that it makes no difference to what comes of it. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import { SeededRandom } from '../host/random.ts'
import {
  INSERT,
  open,
  openWithProcess,
  quickStatement,
  run,
  submit,
  TABLE,
  UNIQUE_TABLE,
  warm,
} from './testing/split-fixture.ts'
import { newReplica, nextStamp, request, RESULT_BYTES_MAX, statement } from './testing/test-leader.ts'
import { randomStatement, WORKLOAD_SCHEMA } from './testing/workload.ts'

test('a quick statement that comes again runs near, everything else far', async (context) => {
  const split = await open(context)
  await run(split, TABLE)
  assert.equal(await run(split, INSERT, 'a'), 'far')
  assert.equal(await run(split, INSERT, 'b'), 'far')
  assert.equal(await run(split, INSERT, 'c'), 'near')
  for (let time = 0; time < 4; time++) assert.equal(await run(split, 'UPDATE t SET v = v || 1'), 'far')
  assert.equal(await run(split, INSERT, 'd'), 'near')
  const read = new DatabaseSync(split.dataFile, { readOnly: true, returnArrays: true })
  context.after(() => read.close())
  const rows = read.prepare('SELECT group_concat(v) FROM t').all() as unknown as string[][]
  assert.deepEqual(rows, [['a1111,b1111,c1111,d']])
})

test('a trigger made meanwhile ends what was known of its table', async (context) => {
  const split = await open(context)
  await warm(split)
  assert.equal(await run(split, INSERT, 'c'), 'near')
  await run(split, 'CREATE TABLE log (v TEXT)')
  await run(split, 'CREATE TRIGGER copy AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.v); END')
  for (let time = 0; time < 4; time++) assert.equal(await run(split, INSERT, 'd'), 'far')
  await run(split, 'DROP TRIGGER copy')
  assert.equal(await run(split, INSERT, 'e'), 'far')
  assert.equal(await run(split, INSERT, 'f'), 'near')
  const read = new DatabaseSync(split.dataFile, { readOnly: true, returnArrays: true })
  context.after(() => read.close())
  assert.deepEqual(read.prepare('SELECT count(*) FROM log').all(), [[4]])
})

test('the near one forgets what it knew of a schema that is another now', async (context) => {
  const split = await open(context)
  await warm(split)
  const returning = `${INSERT} RETURNING *`
  for (const value of ['a', 'b', 'c']) await run(split, returning, value)
  await run(split, 'ALTER TABLE t ADD COLUMN more DEFAULT 7')
  for (const value of ['d', 'e']) await run(split, returning, value)
  const { by, outcomes } = await submit(split, [request([statement(returning, 'f')])])
  assert.equal(by, 'near')
  const result = outcomes[0]?.results[0]
  assert.deepEqual(
    result?.columns.map(({ name }) => name),
    ['id', 'v', 'more'],
  )
  assert.equal(result?.rows[0]?.at(-1), 7n)
})

test('large arguments, sessions without foreign keys and batches with another statement in them go far', async (context) => {
  const split = await open(context)
  await warm(split)
  const far = [
    [request([statement(INSERT, 'x'.repeat(100_000))])],
    [request([statement(INSERT, 'x')], { context: { foreignKeys: false } })],
    [request([statement(INSERT, 'x')]), request([statement('DELETE FROM t')])],
  ]
  for (const requests of far) assert.equal((await submit(split, requests)).by, 'far')
  const quick = [request([statement(INSERT, 'x')]), request([statement(INSERT, 'y'), statement(INSERT, 'z')])]
  assert.equal((await submit(split, quick)).by, 'near')
})

test('what both run replays to the same, whoever it was', { timeout: 300_000 }, async (context) => {
  for (const seed of [11n, 12n, 13n]) {
    const random = new SeededRandom(seed)
    const split = await open(context, { database: `seed ${seed}` })
    for (const sql of [...WORKLOAD_SCHEMA, TABLE, UNIQUE_TABLE]) await run(split, sql)
    const ran = { near: 0, far: 0 }
    let session = INITIAL_CONTEXT
    for (let step = 0; step < 150; step++) {
      const isMixed = random.integer(4) === 0
      const statements = Array.from({ length: 1 + random.integer(3) }, () =>
        isMixed ? randomStatement(random, false) : quickStatement(random),
      )
      const key = random.integer(5) === 0 ? { key: `key ${random.integer(30)}` } : {}
      const { by, outcomes } = await submit(split, [request(statements, { context: session, ...key })])
      ran[by]++
      if (outcomes[0]?.kind === 'committed') session = outcomes[0].context
      if (random.integer(20) === 0) await split.engine.checkpoint()
    }
    assert.ok(ran.near > 30 && ran.far > 30, JSON.stringify(ran))
    const replica = newReplica(split.folder)
    replica.replay(split.log)
    assert.deepEqual(replica.applied, split.engine.applied)
    assert.deepEqual(replica.contentDigest(), await split.engine.contentDigest())
    replica.close()
  }
})

test('rows that have the largest rowid are noticed by the one that did not make them', async (context) => {
  const split = await open(context)
  await warm(split)
  await run(split, INSERT, 'c')
  await run(split, 'INSERT INTO t VALUES (9223372036854775807, 1)')
  const { outcomes } = await submit(split, [request([statement(INSERT, 'x')])])
  assert.equal(outcomes[0]?.kind === 'failed' && outcomes[0].error.code, 'STATEMENT_REFUSED')
})

test('idempotency keys expire at the same entry, whoever stored them and whoever runs it', async (context) => {
  const split = await open(context, { limits: { idempotencyLifetimeMs: 10_000 } })
  await warm(split)
  const timeMs = 1_800_000_000_000
  const keyed = request([statement(INSERT, 'keyed')], { key: 'k' })
  assert.equal((await submit(split, [keyed], { ...nextStamp(), timeMs })).by, 'near')
  const again = await submit(split, [keyed], { ...nextStamp(), timeMs: timeMs + 1 })
  assert.equal(again.outcomes[0]?.kind, 'committed')
  assert.equal(split.log.length, 4, 'the second use of the key makes no entry')
  const later = { ...nextStamp(), timeMs: timeMs + 20_000 }
  assert.equal((await submit(split, [request(['UPDATE t SET v = 1'])], later)).by, 'far')
  const read = new DatabaseSync(split.dataFile, { readOnly: true, returnArrays: true })
  context.after(() => read.close())
  assert.deepEqual(read.prepare('SELECT count(*) FROM _harmony_idempotency').all(), [[0]])
})

test('an interactive transaction with a statement that is not quick runs far, and sees what was committed near', async (context) => {
  const split = await open(context)
  await warm(split)
  assert.equal(await run(split, INSERT, 'near'), 'near')
  const { engine } = split
  await engine.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const read = await engine.execute(statement('SELECT count(*) FROM t'), RESULT_BYTES_MAX)
  assert.deepEqual(read.kind === 'ok' && read.result.rows, [[3n]])
  await engine.execute(statement(INSERT, 'interactive'), RESULT_BYTES_MAX)
  const prepared = await engine.prepareCommit()
  assert.ok(prepared.kind === 'pending')
  await engine.commit(1n, engine.applied.index + 1n)
  assert.equal(await run(split, INSERT, 'near again'), 'near')
})

test('what was rolled back near is not there', async (context) => {
  const split = await open(context)
  await warm(split)
  const before = split.engine.applied
  const execution = await split.engine.executeBatch([request([statement(INSERT, 'x')])], nextStamp())
  assert.equal(execution.kind, 'pending')
  await split.engine.rollback()
  assert.deepEqual(split.engine.applied, before)
  assert.equal(await run(split, 'DELETE FROM t WHERE v = 1'), 'far')
})

test('after a commit that failed neither runs anything', async (context) => {
  const split = await open(context)
  await warm(split)
  await split.engine.executeBatch([request([statement(INSERT, 'x')])], nextStamp())
  const before = split.engine.applied.index
  // As if the disk had failed: its transaction is gone.
  split.engine.closeNear()
  await assert.rejects(split.engine.commit(1n, before + 1n))
  for (const requests of [[request([statement(INSERT, 'y')])], [request(['DELETE FROM t'])]])
    await assert.rejects(split.engine.executeBatch(requests, nextStamp()))
  assert.equal(split.far.applied.index, before)
})

test('a batch that takes long gives the near one a pause, and longer ones where that does not help', async (context) => {
  const split = await open(context)
  await warm(split)
  const slow = async (): Promise<'near' | 'far'> => {
    split.slowMs = 60
    const execution = await split.engine.executeBatch([request([statement(INSERT, 'slow')])], nextStamp())
    split.slowMs = 0
    assert.equal(execution.kind, 'pending')
    const index = split.engine.applied.index + 1n
    await split.engine.commit(1n, index)
    return split.far.applied.index < index ? 'near' : 'far'
  }
  assert.equal(await slow(), 'near')
  assert.equal(await run(split, INSERT, 'x'), 'far')
  split.nowMs += 150
  assert.equal(await slow(), 'near')
  split.nowMs += 150
  assert.equal(await run(split, INSERT, 'x'), 'far')
  split.nowMs += 150
  assert.equal(await run(split, INSERT, 'x'), 'near')
})

test('where no more near connections may be open, everything runs far', async (context) => {
  const split = await open(context)
  split.places = 0
  await warm(split)
  assert.equal(await run(split, INSERT, 'x'), 'far')
  assert.equal(split.engine.isNearOpen, false)
})

test('near waits for nobody: while SQLite is locked, the far process waits', async (context) => {
  const split = await openWithProcess(context)
  await warm(split)
  // Its process has been asked to judge the statement.
  await split.engine.checkpoint()
  assert.equal(await run(split, INSERT, 'x'), 'near')
  const other = new DatabaseSync(split.dataFile)
  context.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const waiting = submit(split, [request([statement(INSERT, 'y')])])
  await new Promise((resolve) => setImmediate(resolve))
  other.exec('ROLLBACK')
  assert.equal((await waiting).by, 'far')
  assert.equal(await run(split, INSERT, 'z'), 'near')
})

test(
  'the WAL stays short under a stream of writes near, read all the time',
  { timeout: 300_000 },
  async (context) => {
    const split = await openWithProcess(context)
    await warm(split)
    await split.engine.checkpoint()
    const reader = new DatabaseSync(split.dataFile, { readOnly: true, returnArrays: true })
    context.after(() => reader.close())
    let framesMax = 0
    // Each writes some 100 pages, all of them together four times what the WAL should hold.
    for (let batch = 0; batch < 600; batch++) {
      const rows = Array.from({ length: 100 }, () => request([statement(INSERT, 'x'.repeat(3_500))]))
      await submit(split, rows)
      // The journal takes its time here.
      await new Promise((resolve) => setImmediate(resolve))
      reader.exec('BEGIN')
      const row = reader.prepare('PRAGMA wal_checkpoint(NOOP)').get() as unknown as number[] | undefined
      framesMax = Math.max(framesMax, row?.[1] ?? 0)
      reader.exec('COMMIT')
    }
    // Some 60,000 without upkeep. On a busy machine it may have to let the moment for it pass, and wait for the next one.
    assert.ok(framesMax > 10_000 && framesMax < 50_000, `${framesMax} frames`)
  },
)

test('behind a commit on its way, a quick batch waits for it and runs near', async (context) => {
  const split = await open(context)
  await warm(split)
  const { engine } = split
  const execution = await engine.executeBatch([request(['UPDATE t SET v = 2'])], nextStamp())
  assert.ok(execution.kind === 'pending')
  const committed = engine.commit(1n, engine.applied.index + 1n)
  const next = await engine.executeBatch([request([statement(INSERT, 'x')])], nextStamp())
  assert.ok(next.kind === 'pending')
  const { applied } = await committed
  await engine.commit(1n, applied.index + 1n)
  assert.equal(split.far.applied.index, applied.index, 'the second one ran near')
})
