/** What a session answers within the call: the same as the long way, and null for everything that needs to wait for something. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecuteResult, Session } from '../../src/gateway/session.ts'
import { inTurnWithTime, openHarness, READ_ONLY, run, rowsOf, sql } from './harness.ts'

const NAME = 'SELECT name FROM item WHERE id = 1'
const SCHEMA = [
  'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)',
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) ' +
    "INSERT INTO item SELECT i, 'n' || i FROM n",
]

function answerNow(session: Session, text: string): Promise<ExecuteResult | null> {
  return inTurnWithTime(() => session.executeNow?.(sql(text)) ?? null)
}

async function now(session: Session, text: string): Promise<readonly (readonly unknown[])[] | null> {
  return (await answerNow(session, text))?.rows ?? null
}

test('a transaction of quick reads is answered at once from BEGIN to COMMIT, as the long way answers', async () => {
  await using open = await openHarness()
  const [quick, long] = [await open.session(), await open.session()]
  await run(await open.session(), ...SCHEMA, "INSERT INTO item VALUES (9001, 'last')")
  for (const text of ['BEGIN', NAME, 'SELECT id, name FROM item WHERE id = 9000', 'COMMIT']) {
    const { durationMs: _, ...expected } = await long.execute(sql(text))
    const answer = await answerNow(quick, text)
    assert.ok(answer !== null, text)
    const { durationMs, ...told } = answer
    assert.ok(durationMs >= 0)
    assert.deepEqual(told, expected, text)
    assert.equal(quick.isAutocommit, long.isAutocommit)
  }
  assert.equal(open.gateway.statistics().transactionsOpen, 0)
  assert.equal(open.gateway.statistics().snapshotsOpen, 0)
})

test('reads at once see the state of the first one, whatever others write; afterwards they see the newest', async () => {
  await using open = await openHarness()
  const [session, other] = [await open.session(), await open.session()]
  await run(other, ...SCHEMA)
  assert.deepEqual(await now(session, 'BEGIN'), [])
  await run(other, "UPDATE item SET name = 'before the first read' WHERE id = 1")
  assert.deepEqual(await now(session, NAME), [['before the first read']])
  await run(other, "UPDATE item SET name = 'behind it' WHERE id = 1")
  assert.deepEqual(await now(session, NAME), [['before the first read']])
  assert.deepEqual(
    await rowsOf(session, NAME),
    [['before the first read']],
    'the long way, the same snapshot',
  )
  assert.deepEqual(await now(other, NAME), [['behind it']], 'in autocommit')
  assert.deepEqual(await now(session, 'ROLLBACK'), [])
  assert.deepEqual(await now(session, NAME), [['behind it']])
})

test('the first write conflicts if the database has changed since a read at once', async () => {
  await using open = await openHarness()
  const [session, other] = [await open.session(), await open.session()]
  await run(other, ...SCHEMA)
  await now(session, 'BEGIN')
  await now(session, NAME)
  await run(other, "UPDATE item SET name = 'changed' WHERE id = 2")
  const write = session.execute(sql("UPDATE item SET name = 'mine' WHERE id = 1"))
  await assert.rejects(write, { code: 'TRANSACTION_CONFLICT' })
  assert.deepEqual(await now(session, NAME), [['n1']], 'the snapshot stays')
  assert.deepEqual(await now(session, 'ROLLBACK'), [])
  assert.equal(
    await now(session, 'BEGIN'),
    null,
    'who came too late takes the writer, and may have to wait for it',
  )
  await run(session, 'BEGIN', "UPDATE item SET name = 'mine' WHERE id = 1")
  assert.equal(await now(session, NAME), null, 'what was written here only the writer knows')
  assert.equal(await now(session, 'COMMIT'), null)
  await run(session, 'COMMIT')
  assert.deepEqual(await now(other, NAME), [['mine']])
})

test('what has to wait for something is not begun', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, ...SCHEMA)
  const slow = 'SELECT count(*) FROM item a, item b'
  const texts = ['BEGIN IMMEDIATE', 'SAVEPOINT a', 'COMMIT', 'DELETE FROM item', slow, 'PRAGMA foreign_keys']
  for (const text of texts) assert.equal(await now(session, text), null, text)
  await now(session, 'BEGIN')
  for (const text of ['BEGIN', 'SAVEPOINT a', 'DELETE FROM item', slow])
    assert.equal(await now(session, text), null, text)
  await now(session, 'COMMIT')
  // Its reads have a process of their own.
  assert.deepEqual(await now(session, 'BEGIN READONLY'), [])
  assert.equal(await now(session, NAME), null)
  assert.deepEqual(await rowsOf(session, NAME), [['n1']])
  assert.deepEqual(await now(session, 'COMMIT'), [])
  await run(session, 'PRAGMA defer_foreign_keys = ON')
  assert.equal(await now(session, 'BEGIN'), null)
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM item'), [[3000n]])
})

test('a level that a comment asks for is never passed over', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, ...SCHEMA)
  session.consistency = { level: 'stale' }
  assert.deepEqual(await now(session, NAME), [['n1']])
  assert.equal(await now(session, `/* harmonydb: linearizable */ ${NAME}`), null)
  assert.equal(await now(session, 'BEGIN /* harmonydb: linearizable */'), null)
  await assert.rejects(now(session, `/* harmonydb: nonsense */ ${NAME}`), { code: 'REQUEST_INVALID' })
})

test('a transaction that reads at once ends when it is left idle, and says so until it is rolled back', async () => {
  await using open = await openHarness({ configuration: { transactionIdleTimeoutMs: 20 } })
  const session = await open.session()
  await run(session, ...SCHEMA)
  await now(session, 'BEGIN')
  // A moment in which the machine stands still is enough to end it before it has begun to read.
  for (let rows = await now(session, NAME); rows === null; rows = await now(session, NAME))
    await run(session, 'ROLLBACK', 'BEGIN')
  while (open.gateway.statistics().snapshotsOpen > 0) await sleep(5)
  assert.equal(await now(session, NAME), null)
  await assert.rejects(session.execute(sql(NAME)), { code: 'TRANSACTION_TIMEOUT' })
  assert.equal(await now(session, NAME), null)
  await run(session, 'ROLLBACK')
  assert.deepEqual(await now(session, NAME), [['n1']])
})

test('a session that may only read, and the limit of open transactions', async () => {
  await using open = await openHarness({ configuration: { transactionsMax: 1 } })
  await run(await open.session(), ...SCHEMA)
  const [first, second] = [await open.session(READ_ONLY), await open.session(READ_ONLY)]
  assert.deepEqual(await now(first, 'BEGIN'), [])
  assert.deepEqual(await now(first, NAME), [['n1']])
  await assert.rejects(now(second, 'BEGIN'), { code: 'OVERLOADED' })
  assert.deepEqual(await now(first, 'COMMIT'), [])
  assert.deepEqual(await now(second, 'BEGIN'), [])
  assert.equal(open.gateway.statistics().transactionsOpen, 1)
})
