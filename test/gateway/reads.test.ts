/** Where reads run, how fresh they are, and what one client can do to others (promises P2, P8, P9). */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchStep } from '../../src/gateway/session.ts'
import { openHarness, READ_ONLY, READ_WRITE, rowsOf, run, sql } from './harness.ts'

const LARGE = [
  'CREATE TABLE large (id INTEGER PRIMARY KEY, note TEXT)',
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
   INSERT INTO large SELECT i, 'note ' || i FROM n`,
]
const POINT = 'SELECT note FROM large WHERE id = ?'
const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

function step(text: string): BatchStep {
  return { statement: sql(text), condition: null }
}

test('a slow scan on one session does not hold up the point reads of another', async () => {
  await using harness = await openHarness({ configuration: { statementTimeoutMs: 600_000 } })
  const [slow, quick] = [await harness.session(), await harness.session()]
  await run(slow, ...LARGE)
  let isScanning = true
  // Until it is stopped: whatever the machine does, the reads are not the slower ones.
  const scan = assert.rejects(slow.execute(sql(ENDLESS)), { code: 'STATEMENT_CANCELLED' }).finally(() => {
    isScanning = false
  })
  // Not only looked at by a worker.
  while (harness.gateway.statistics().readsInWorkers === 0) await sleep(1)
  for (let read = 0; read < 200; read++)
    assert.deepEqual(await rowsOf(quick, POINT, BigInt(read + 1)), [[`note ${read + 1}`]])
  assert.equal(isScanning, true, 'the point reads were done while the scan was running')
  const { readsInline, readsInWorkers } = harness.gateway.statistics()
  assert.ok(readsInline >= 200)
  assert.equal(readsInWorkers, 1)
  slow.cancel?.()
  await scan
})

test('a statement over its time is stopped, in autocommit and in transactions, and the session goes on', async () => {
  await using harness = await openHarness({ configuration: { statementTimeoutMs: 300 } })
  const session = await harness.session()
  await run(session, ...LARGE)
  await assert.rejects(session.execute(sql(ENDLESS)), { code: 'STATEMENT_TIMEOUT' })
  assert.deepEqual(await rowsOf(session, POINT, 1n), [['note 1']])
  await run(session, 'BEGIN')
  await assert.rejects(session.execute(sql(ENDLESS)), { code: 'STATEMENT_TIMEOUT' })
  await run(session, 'ROLLBACK')
  assert.deepEqual(await rowsOf(session, POINT, 1n), [['note 1']])
})

test('integers beyond 2^53 are exact, in and out, inline and through workers', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  const values = [2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]
  await run(session, 'CREATE TABLE exact (id INTEGER PRIMARY KEY, v INTEGER)')
  for (const value of values) await session.execute(sql('INSERT INTO exact (v) VALUES (?)', value))
  assert.deepEqual(await rowsOf(session, 'SELECT v FROM exact WHERE id = 1'), [[values[0]]])
  const inWorker = 'SELECT v, typeof(v) FROM exact WHERE printf(?) IS NOT NULL ORDER BY id'
  assert.deepEqual(
    await rowsOf(session, inWorker, 'x'),
    values.map((value) => [value, 'integer']),
  )
  const written = await session.execute(sql('INSERT INTO exact VALUES (?, 0)', 2n ** 62n))
  assert.equal(written.lastInsertRowid, 2n ** 62n)
})

test('a session reads its own writes, and sees in its functions what it wrote', async () => {
  await using harness = await openHarness()
  const [one, other] = [await harness.session(), await harness.session()]
  await run(one, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
  for (let round = 0; round < 20; round++) {
    const { index } = await one.execute(sql('INSERT INTO t (v) VALUES (?)', BigInt(round)))
    assert.equal(one.lastIndex, index)
    const count = [[BigInt(round + 1)]]
    const read = (session: typeof one, level: 'linearizable' | 'session', token?: bigint): Promise<unknown> =>
      session
        .execute(sql('SELECT count(*) FROM t'), {
          consistency:
            level === 'linearizable' ? { level } : { level, ...(token !== undefined && { index: token }) },
        })
        .then(({ rows }) => rows)
    assert.deepEqual(await read(one, 'session'), count)
    assert.deepEqual(await read(other, 'session', index), count, 'a token carries to another session')
    assert.deepEqual(await read(other, 'linearizable'), count)
  }
  const functions = 'SELECT last_insert_rowid(), changes(), total_changes()'
  assert.deepEqual(await rowsOf(one, functions), [[20n, 1n, 20n]])
  assert.deepEqual(await rowsOf(other, functions), [[0n, 0n, 0n]], 'each session has its own')
})

test('a stale read asks nobody; one with a bound on its age does', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (v)', 'INSERT INTO t VALUES (1)')
  const stale = await session.execute(sql('SELECT v FROM t'), { consistency: { level: 'stale' } })
  assert.deepEqual(stale.rows, [[1n]])
  const bounded = { consistency: { level: 'stale', maxStalenessMs: 0 } } as const
  assert.deepEqual((await session.execute(sql('SELECT v FROM t'), bounded)).rows, [[1n]])
})

test('a large result streams through a batch; nothing of it is collected', async () => {
  await using harness = await openHarness({ configuration: { resultSizeBytesMax: 100_000 } })
  const session = await harness.session()
  await run(session, ...LARGE)
  const all = 'SELECT a.id, b.note FROM large a, large b LIMIT 300000'
  await assert.rejects(session.execute(sql(all)), { code: 'RESPONSE_TOO_LARGE' })
  let rows = 0
  let pageRowsMost = 0
  for await (const event of session.batch([{ statement: sql(all), condition: null }])) {
    if (event.type !== 'rows') continue
    rows += event.rows.length
    pageRowsMost = Math.max(pageRowsMost, event.rows.length)
  }
  assert.equal(rows, 300_000)
  assert.ok(pageRowsMost <= 1_000)
})

test('an abandoned batch frees its worker and its transaction, even while a statement is busy', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, ...LARGE)
  const stopped = session.batch([step('SELECT a.id FROM large a, large b')])
  await stopped.next()
  await stopped.next()
  await stopped.return()
  assert.equal(harness.gateway.statistics().workersBusy, 0)
  const busy = session.batch([step(ENDLESS)])
  const pending = busy.next()
  while (harness.gateway.statistics().workersBusy === 0) await sleep(1)
  await busy.return()
  await pending
  assert.equal(harness.gateway.statistics().workersBusy, 0)
  assert.deepEqual(await rowsOf(session, POINT, 1n), [['note 1']])
})

test('a table created a moment ago is known to every session', async () => {
  await using harness = await openHarness()
  const [one, other] = [await harness.session(), await harness.session()]
  for (let round = 0; round < 20; round++) {
    await assert.rejects(rowsOf(other, `SELECT * FROM t${round}`), { message: `no such table: t${round}` })
    await run(one, `CREATE TABLE t${round} (v)`)
    assert.deepEqual(await rowsOf(other, `SELECT * FROM t${round}`), [])
  }
})

test('refusals and wrong texts, each with its code', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  const fails = (text: string, code: string): Promise<void> =>
    assert.rejects(session.execute(sql(text)), { code }, text)
  await fails('', 'SQL_NO_STATEMENT')
  await fails('-- nothing', 'SQL_NO_STATEMENT')
  await fails('SELECT 1; SELECT 2', 'SQL_MANY_STATEMENTS')
  await fails(`SELECT ${'x'.repeat(2_000_000)}`, 'STATEMENT_TOO_LARGE')
  await fails("ATTACH 'x' AS y", 'STATEMENT_REFUSED')
  await fails('PRAGMA journal_mode = DELETE', 'STATEMENT_REFUSED')
  await fails('VACUUM', 'STATEMENT_REFUSED')
  await fails('CREATE TEMP TABLE t (x)', 'STATEMENT_REFUSED')
  await fails('BEGIN TRANSACTION named', 'STATEMENT_REFUSED')
  await assert.rejects(session.execute(sql('SELECT ?')), { code: 'ARGS_INVALID' })
  assert.deepEqual(await rowsOf(session, 'SELECT 1;'), [[1n]])
})

test('pragmas that tell something work, and those that tune a plain file are accepted', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL)', 'PRAGMA synchronous = OFF')
  assert.deepEqual(await rowsOf(session, 'PRAGMA table_info(t)'), [
    [0n, 'id', 'INTEGER', 0n, null, 1n],
    [1n, 'v', 'TEXT', 1n, null, 0n],
  ])
  await run(session, 'PRAGMA user_version = 7')
  assert.deepEqual(await rowsOf(session, 'PRAGMA user_version'), [[7n]])
})

test('the databases of a credential, and databases that come and go', async () => {
  await using harness = await openHarness()
  const limited = { access: 'read-write', databases: ['other'] } as const
  await assert.rejects(harness.gateway.openSession('default', limited), { code: 'AUTH_INVALID' })
  await assert.rejects(harness.gateway.openSession('other', limited), { code: 'DATABASE_NOT_FOUND' })
  await harness.member.create('other')
  const before = await harness.gateway.openSession('other', limited)
  await run(before, 'CREATE TABLE old (v)')
  await harness.member.drop('other')
  await assert.rejects(rowsOf(before, 'SELECT * FROM old'), { code: 'DATABASE_NOT_FOUND' })
  await harness.member.create('other')
  const after = await harness.gateway.openSession('other', READ_WRITE)
  await assert.rejects(rowsOf(after, 'SELECT * FROM old'), { message: 'no such table: old' })
})

test('a database that rests is read as ever, from connections that are open and from new ones', async () => {
  await using harness = await openHarness({ configuration: { databaseIdleTimeMs: 10 } })
  const session = await harness.session()
  await run(session, ...LARGE)
  const database = harness.member.replica('default')
  assert.ok(database)
  for (let round = 1n; round <= 2n; round++) {
    await database.rest()
    assert.equal(database.stats().isAwake, false)
    assert.deepEqual(await rowsOf(session, POINT, round), [[`note ${round}`]])
    assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM large'), [[5000n]])
    await session.execute(sql('UPDATE large SET note = note WHERE id = 1'))
  }
  await session.close()
  await database.rest()
  await sleep(50)
  const later = await harness.session()
  assert.deepEqual(await rowsOf(later, POINT, 1n), [['note 1']])
  assert.deepEqual(await rowsOf(later, 'SELECT count(*) FROM large'), [[5000n]])
})

test('EXPLAIN of a write tells and does nothing, for those who may only read, too', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (v)', 'INSERT INTO t VALUES (1)')
  for (const one of [session, await harness.session(READ_ONLY)])
    for (const begin of [[], ['BEGIN']]) {
      await run(one, ...begin)
      const plan = await one.execute(sql('EXPLAIN QUERY PLAN DELETE FROM t WHERE v = 1'))
      assert.deepEqual(plan.rows.at(0)?.at(3), 'SCAN t')
      assert.ok((await one.execute(sql('EXPLAIN INSERT INTO t VALUES (2)'))).rows.length > 3)
      await run(one, ...begin.map(() => 'COMMIT'))
    }
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[1n]])
})
