/** Interactive transactions through a session, on a real member: as SQLite behaves, and serializable. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarmonyError } from '../../src/base/errors.ts'
import type { Session } from '../../src/gateway/session.ts'
import { type Harness, openHarness, READ_ONLY, rowsOf, run, sql } from './harness.ts'

const SCHEMA = [
  'CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT UNIQUE, balance INTEGER NOT NULL)',
  "INSERT INTO account VALUES (1, 'ann', 100), (2, 'bob', 100)",
]

async function withAccounts(
  options: Parameters<typeof openHarness>[0] = {},
): Promise<[Harness, Session, Session]> {
  const harness = await openHarness(options)
  const first = await harness.session()
  await run(first, ...SCHEMA)
  return [harness, first, await harness.session()]
}

/** A transaction with so little time that a machine that stands still for a moment ends it between two statements: then again. */
async function begun(session: Session, first: string): Promise<void> {
  for (;;) {
    try {
      return await run(session, 'BEGIN', first)
    } catch (error) {
      assert.equal((error as HarmonyError).code, 'TRANSACTION_TIMEOUT')
      await run(session, 'ROLLBACK')
    }
  }
}

const BALANCE = 'SELECT balance FROM account WHERE id = 1'
const TAKE = 'UPDATE account SET balance = balance - 10 WHERE id = 1'

test('COMMIT makes all of a transaction visible to others at once, ROLLBACK nothing', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN', TAKE)
  assert.equal(one.isAutocommit, false)
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]], 'it sees its own writes')
  assert.deepEqual(await rowsOf(other, BALANCE), [[100n]], 'nobody else does')
  await run(one, 'COMMIT')
  assert.equal(one.isAutocommit, true)
  assert.deepEqual(await rowsOf(other, BALANCE), [[90n]])
  await run(one, 'BEGIN', TAKE, 'ROLLBACK')
  assert.deepEqual(await rowsOf(other, BALANCE), [[90n]])
})

test('reads before the first write see one state, however much others write', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await run(other, TAKE)
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await run(one, 'COMMIT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
})

test('the first write conflicts when the database has changed since the transaction read it', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN')
  await rowsOf(one, BALANCE)
  await run(other, TAKE)
  await assert.rejects(one.execute(sql(TAKE)), { code: 'TRANSACTION_CONFLICT' })
  assert.equal(one.isAutocommit, false, 'it is open until the client ends it, as with SQLITE_BUSY_SNAPSHOT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await run(one, 'ROLLBACK', 'BEGIN')
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
  await run(one, TAKE, 'COMMIT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[80n]])
})

test('who came too late gets a turn of its own: the next transaction takes the writer when it begins, once', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN')
  await rowsOf(one, BALANCE)
  await run(other, TAKE)
  await assert.rejects(one.execute(sql(TAKE)), { code: 'TRANSACTION_CONFLICT' })
  await run(one, 'ROLLBACK', 'BEGIN')
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
  const meanwhile = run(other, TAKE)
  await Promise.race([meanwhile, sleep(300)])
  await run(one, TAKE, 'COMMIT')
  await meanwhile
  assert.deepEqual(await rowsOf(one, BALANCE), [[70n]])
  await run(one, 'BEGIN')
  assert.deepEqual(await rowsOf(one, BALANCE), [[70n]])
  await run(other, TAKE)
  await run(one, 'ROLLBACK')
})

test('a transaction that writes first does not conflict, however long ago it began', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN')
  await run(other, TAKE)
  await run(one, TAKE, 'COMMIT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[80n]])
})

test('two transactions that read the same and write can not both succeed', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  for (const session of [one, other]) {
    await run(session, 'BEGIN')
    await rowsOf(session, 'SELECT sum(balance) FROM account WHERE id < 3')
  }
  await run(one, TAKE, 'COMMIT')
  await assert.rejects(other.execute(sql('UPDATE account SET balance = 0 WHERE id = 2')), {
    code: 'TRANSACTION_CONFLICT',
  })
})

test('BEGIN IMMEDIATE takes the writer at once; others wait for it, up to a limit', async () => {
  const [harness, one, other] = await withAccounts({ configuration: { writerWaitTimeoutMs: 3_000 } })
  await using _ = harness
  await run(one, 'BEGIN IMMEDIATE')
  await assert.rejects(other.execute(sql('BEGIN IMMEDIATE')), { code: 'TRANSACTION_BUSY' })
  assert.equal(other.isAutocommit, true)
  await run(one, TAKE, 'COMMIT')
  await run(other, 'BEGIN EXCLUSIVE', TAKE, 'END TRANSACTION')
  assert.deepEqual(await rowsOf(one, BALANCE), [[80n]])
})

test('BEGIN READONLY is enforced, and can be committed', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN TRANSACTION READONLY')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await assert.rejects(one.execute(sql(TAKE)), { code: 'READ_ONLY' })
  await assert.rejects(one.execute(sql('INSERT INTO account VALUES (3, 3, 3) RETURNING id')), {
    code: 'READ_ONLY',
  })
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await run(one, 'COMMIT', TAKE)
})

test('misplaced transaction control fails with the words of SQLite', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  const fails = (text: string, code: string, message: string): Promise<void> =>
    assert.rejects(one.execute(sql(text)), { code, message })
  await fails('COMMIT', 'NO_TRANSACTION', 'cannot commit - no transaction is active')
  await fails('ROLLBACK', 'NO_TRANSACTION', 'cannot rollback - no transaction is active')
  await fails('RELEASE s', 'SQLITE_ERROR', 'no such savepoint: s')
  await run(one, 'BEGIN')
  await fails('BEGIN', 'TRANSACTION_ACTIVE', 'cannot start a transaction within a transaction')
  await fails('ROLLBACK TO s', 'SQLITE_ERROR', 'no such savepoint: s')
  assert.equal(one.isAutocommit, false)
})

test('a statement that fails leaves the transaction open and the rest of it undone alone', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN', TAKE)
  await assert.rejects(one.execute(sql("INSERT INTO account VALUES (3, 'ann', 1)")), {
    code: 'SQLITE_CONSTRAINT_UNIQUE',
  })
  await run(one, 'COMMIT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
})

test('savepoints: nested, before and after the first write', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN', 'SAVEPOINT outer_one')
  await rowsOf(one, BALANCE)
  await run(one, 'SAVEPOINT inner_one', TAKE, 'ROLLBACK TO Inner_One', TAKE, TAKE)
  assert.deepEqual(await rowsOf(one, BALANCE), [[80n]])
  await run(one, 'RELEASE inner_one', 'ROLLBACK TO outer_one')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
  await run(one, TAKE, 'COMMIT')
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
})

test('a SAVEPOINT outside of a transaction begins one, and its RELEASE commits it', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'SAVEPOINT s', TAKE, 'SAVEPOINT t', TAKE, 'RELEASE t')
  assert.equal(one.isAutocommit, false)
  assert.deepEqual(await rowsOf(other, BALANCE), [[100n]])
  await run(one, 'RELEASE s')
  assert.equal(one.isAutocommit, true)
  assert.deepEqual(await rowsOf(other, BALANCE), [[80n]])
  await run(one, 'SAVEPOINT s', TAKE, 'ROLLBACK TO s')
  assert.equal(one.isAutocommit, false, 'ROLLBACK TO keeps the savepoint and with it the transaction')
  await run(one, 'COMMIT')
  assert.deepEqual(await rowsOf(other, BALANCE), [[80n]])
})

test('RAISE(ROLLBACK) ends the transaction, and the session is in autocommit again', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  await run(
    one,
    `CREATE TRIGGER no_debt BEFORE UPDATE ON account WHEN new.balance < 0
     BEGIN SELECT RAISE(ROLLBACK, 'no debt'); END`,
    'BEGIN',
    TAKE,
  )
  await assert.rejects(one.execute(sql('UPDATE account SET balance = -1 WHERE id = 1')), {
    message: /no debt/,
  })
  assert.equal(one.isAutocommit, true)
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
})

test('a COMMIT that fails for deferred foreign keys wants a ROLLBACK before anything else', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  await run(
    one,
    'CREATE TABLE entry (account INTEGER REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)',
    'BEGIN',
    TAKE,
    'INSERT INTO entry VALUES (77)',
  )
  await assert.rejects(one.execute(sql('COMMIT')), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
  assert.equal(one.isAutocommit, false)
  await assert.rejects(one.execute(sql('SELECT 1')), { code: 'TRANSACTION_ABORTED', message: /ROLLBACK/ })
  await run(one, 'ROLLBACK')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
})

test('an idle transaction is rolled back; until its client ends it nothing runs, and all say why', async () => {
  const [harness, one, other] = await withAccounts({ configuration: { transactionIdleTimeoutMs: 50 } })
  await using _ = harness
  for (const first of [BALANCE, TAKE]) {
    await begun(one, first)
    await sleep(200)
    // What was sent for it before its client knew must not be done in autocommit.
    for (const late of [TAKE, BALANCE, 'SAVEPOINT a', TAKE])
      await assert.rejects(one.execute(sql(late)), { code: 'TRANSACTION_TIMEOUT' })
    assert.equal(one.isAutocommit, false)
    await run(one, 'ROLLBACK')
    assert.equal(one.isAutocommit, true)
    assert.deepEqual(await rowsOf(other, BALANCE), [[100n]], `begun with ${first}`)
  }
  assert.equal(harness.gateway.statistics().transactionsOpen, 0)
  assert.equal(harness.gateway.statistics().snapshotsOpen, 0)
})

test('a transaction that has ended by itself is one until its client knows: COMMIT fails, and only ROLLBACK is what it asked for', async () => {
  const [harness, one] = await withAccounts({ configuration: { transactionIdleTimeoutMs: 50 } })
  await using _ = harness
  const ended = async (first: string): Promise<void> => {
    await begun(one, first)
    await sleep(200)
    assert.equal(one.isAutocommit, false)
  }
  for (const first of [BALANCE, TAKE]) {
    await ended(first)
    await assert.rejects(one.execute(sql('COMMIT')), { code: 'TRANSACTION_TIMEOUT' })
    await ended(first)
    await run(one, 'ROLLBACK')
    assert.deepEqual(await rowsOf(one, BALANCE), [[100n]], `begun with ${first}`)
    assert.equal(one.isAutocommit, true)
  }
})

test('a COMMIT of a batch that asks whether a transaction is open is not left out where one has ended by itself', async () => {
  const [harness, one] = await withAccounts({ configuration: { transactionIdleTimeoutMs: 50 } })
  await using _ = harness
  await begun(one, TAKE)
  await sleep(200)
  const condition = { type: 'not', condition: { type: 'is_autocommit' } } as const
  const events = []
  for await (const event of one.batch([{ statement: sql('COMMIT'), condition }])) events.push(event)
  const [event, ...others] = events
  assert.ok(event?.type === 'step_error', JSON.stringify(event))
  assert.equal((event.error as HarmonyError).code, 'TRANSACTION_TIMEOUT')
  assert.deepEqual(others, [])
})

test('after a transaction that has ended by itself, the next BEGIN begins, and a COMMIT that failed is over', async () => {
  const [harness, one] = await withAccounts({ configuration: { transactionIdleTimeoutMs: 50 } })
  await using _ = harness
  for (const end of ['BEGIN', 'COMMIT']) {
    await begun(one, TAKE)
    await sleep(200)
    await assert.rejects(one.execute(sql(TAKE)), { code: 'TRANSACTION_TIMEOUT' })
    if (end === 'BEGIN') await run(one, 'BEGIN', BALANCE, 'COMMIT')
    else await assert.rejects(one.execute(sql('COMMIT')), { code: 'TRANSACTION_TIMEOUT' })
    assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
    assert.equal(one.isAutocommit, true)
  }
})

test('a read that the end of its transaction stops is told; then BEGIN begins', async () => {
  const [harness, one] = await withAccounts({ configuration: { transactionTotalTimeoutMs: 200 } })
  await using _ = harness
  const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  await run(one, 'BEGIN')
  await assert.rejects(one.execute(sql(endless)), { code: 'TRANSACTION_TIMEOUT' })
  await assert.rejects(one.execute(sql(TAKE)), { code: 'TRANSACTION_TIMEOUT' })
  await begun(one, BALANCE)
  await run(one, 'ROLLBACK')
})

test('BEGIN IMMEDIATE may wait for the writer longer than a transaction may be idle', async () => {
  const [harness, one, other] = await withAccounts({
    configuration: { transactionIdleTimeoutMs: 500, writerWaitTimeoutMs: 120_000 },
  })
  await using _ = harness
  await run(one, 'BEGIN IMMEDIATE')
  const waiting = run(other, 'BEGIN IMMEDIATE', TAKE, 'COMMIT')
  for (let at = 0; at < 10; at++) {
    await sleep(100)
    await run(one, TAKE)
  }
  await run(one, 'ROLLBACK')
  await waiting
  assert.deepEqual(await rowsOf(one, BALANCE), [[90n]])
})

test('a transaction that is busy all the time ends at its total timeout', async () => {
  const [harness, one] = await withAccounts({ configuration: { transactionTotalTimeoutMs: 200 } })
  await using _ = harness
  const spend = async (first: string): Promise<void> => {
    await run(one, 'BEGIN', first)
    for (;;) {
      await run(one, BALANCE)
      await sleep(10)
    }
  }
  await assert.rejects(spend(BALANCE), { code: 'TRANSACTION_TIMEOUT' })
  await run(one, 'ROLLBACK')
  await assert.rejects(spend(TAKE), { code: 'TRANSACTION_TIMEOUT' })
  await run(one, 'ROLLBACK')
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
})

test('a client that leaves in the middle of a transaction leaves nothing open', async () => {
  const [harness, one, other] = await withAccounts()
  await using _ = harness
  await run(one, 'BEGIN IMMEDIATE', TAKE)
  const reading = await harness.session()
  await run(reading, 'BEGIN', BALANCE)
  await Promise.all([one.close(), reading.close()])
  await run(other, TAKE)
  assert.deepEqual(await rowsOf(other, BALANCE), [[90n]])
  const { transactionsOpen, snapshotsOpen, sessions } = harness.gateway.statistics()
  assert.deepEqual(
    { transactionsOpen, snapshotsOpen, sessions },
    { transactionsOpen: 0, snapshotsOpen: 0, sessions: 1 },
  )
  await assert.rejects(one.execute(sql('SELECT 1')), { code: 'STREAM_NOT_OPEN' })
})

test('a session may be closed while its statement runs', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  const running = one.execute(sql(endless))
  running.catch(() => undefined)
  while (harness.gateway.statistics().readsInWorkers === 0) await sleep(5)
  await one.close()
  await assert.rejects(running, { code: 'STATEMENT_CANCELLED' })
  assert.equal(harness.gateway.statistics().workersBusy, 0)
})

test('cancel stops the statement that runs, and the session goes on', async () => {
  const [harness, one] = await withAccounts()
  await using _ = harness
  const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  const running = one.execute(sql(endless))
  running.catch(() => undefined)
  while (harness.gateway.statistics().readsInWorkers === 0) await sleep(5)
  one.cancel?.()
  await assert.rejects(running, { code: 'STATEMENT_CANCELLED' })
  one.cancel?.()
  assert.deepEqual(await rowsOf(one, BALANCE), [[100n]])
})

test('a read-only credential can not write, by any door', async () => {
  const [harness] = await withAccounts()
  await using _ = harness
  const reader = await harness.session(READ_ONLY)
  assert.deepEqual(await rowsOf(reader, BALANCE), [[100n]])
  const attempts = [
    TAKE,
    'WITH x AS (SELECT 1) DELETE FROM account',
    'INSERT INTO account VALUES (3, 3, 3) RETURNING id',
    'CREATE TABLE t (x)',
    'PRAGMA user_version = 5',
    'BEGIN IMMEDIATE',
    'ANALYZE',
    'REINDEX',
  ]
  for (const text of attempts) await assert.rejects(reader.execute(sql(text)), { code: 'READ_ONLY' }, text)
  await assert.rejects(reader.executeAtomic([sql(BALANCE), sql(TAKE)]), { code: 'READ_ONLY' })
  await run(reader, 'BEGIN')
  for (const text of attempts.slice(0, 3))
    await assert.rejects(reader.execute(sql(text)), { code: 'READ_ONLY' }, text)
  await run(reader, 'COMMIT')
})

test('limits: open transactions and sessions', async () => {
  const [harness, one, other] = await withAccounts({ configuration: { transactionsMax: 1, sessionsMax: 3 } })
  await using _ = harness
  await run(one, 'BEGIN')
  await assert.rejects(other.execute(sql('BEGIN')), { code: 'OVERLOADED' })
  await run(one, 'COMMIT')
  await run(other, 'BEGIN', 'COMMIT')
  const third = await harness.session()
  await assert.rejects(harness.session(), { code: 'OVERLOADED' })
  await third.close()
  await (await harness.session()).close()
})

test('a gateway that closes lets open transactions finish, and refuses new sessions', async () => {
  const [harness, one] = await withAccounts({ configuration: { drainTimeoutMs: 10_000 } })
  await using _ = harness
  await run(one, 'BEGIN', TAKE)
  const closing = harness.gateway.close()
  await assert.rejects(harness.session(), { code: 'SHUTTING_DOWN' })
  await run(one, 'COMMIT')
  await closing
})

test('a statement that has failed is as good as new the next time, whether it writes or reads', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, 'CREATE TABLE unique_name (id INTEGER PRIMARY KEY, name TEXT UNIQUE)')
  const insert = 'INSERT INTO unique_name (name) VALUES (?) RETURNING id'
  assert.deepEqual(await rowsOf(session, insert, 'a'), [[1n]])
  for (let time = 0; time < 3; time++) {
    await assert.rejects(session.execute(sql(insert, 'a')), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
    assert.deepEqual(await rowsOf(session, insert, `b ${time}`), [[BigInt(2 + time)]])
  }
  const read = "SELECT id, json_extract(?, '$.a') FROM unique_name WHERE id <= 2"
  for (let time = 0; time < 3; time++) {
    await assert.rejects(session.execute(sql(read, '{')), /malformed JSON/)
    assert.deepEqual(await rowsOf(session, read, '{"a": 7}'), [
      [1n, 7n],
      [2n, 7n],
    ])
  }
})
