/** Lone writes without a promise: the same answers as the long way, and a clear no for everything that is more than a lone write. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../src/base/errors.ts'
import type { ExecuteResult, Session } from '../../src/gateway/session.ts'
import { inTurnWithTime, openHarness, READ_ONLY, rowsOf, run, sql } from './harness.ts'

const TABLE = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)'

/** Null where nothing was done. */
async function writtenHere(session: Session, text: string): Promise<ExecuteResult | Error | null> {
  const { promise, resolve } = Promise.withResolvers<ExecuteResult | Error>()
  const isTaken = await inTurnWithTime(
    () => session.executeHere?.({ resolve, reject: resolve }, sql(text)) ?? false,
  )
  return isTaken ? promise : null
}

test('a lone write is answered as the long way answers, and the session has the same afterwards', async () => {
  await using open = await openHarness()
  const [short, long] = [await open.session(), await open.session()]
  await run(long, TABLE)
  const asked = 'SELECT last_insert_rowid(), changes(), total_changes()'
  for (const [index, text] of [
    "INSERT INTO item (name) VALUES ('?')",
    "INSERT INTO item (name) VALUES ('?') RETURNING id > 0, name",
    "UPDATE item SET name = name || '+' WHERE name = 'none'",
  ].entries()) {
    const told = await writtenHere(short, text.replace('?', `short ${index}`))
    assert.ok(told !== null && !(told instanceof Error), text)
    const expected = await long.execute(sql(text.replace('?', `long ${index}`)))
    assert.deepEqual(told.columns, expected.columns)
    assert.equal(told.rows.length, expected.rows.length)
    assert.equal(told.changes, expected.changes)
    assert.equal(told.index + 1n, expected.index)
    assert.equal(short.lastIndex, told.index)
    const [mine, others] = [await rowsOf(short, asked), await rowsOf(long, asked)]
    const counts = (rows: unknown): unknown => (rows as unknown[][])[0]?.slice(1)
    assert.deepEqual(counts(mine), counts(others), text)
  }
  assert.equal(open.gateway.statistics().writeLatency.count, 7, 'counted like the others')
})

test('what it fails with is the error of the statement, and nothing is left of it', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, TABLE, "INSERT INTO item VALUES (1, 'one')")
  const told = await writtenHere(session, "INSERT INTO item VALUES (2, 'one')")
  assert.ok(told instanceof HarmonyError)
  assert.equal(told.code, 'SQLITE_CONSTRAINT_UNIQUE')
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM item'), [[1n]])
})

test('a session is busy until the receiver has heard, and free for it', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, TABLE)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const goOn = (): void => resolve(rowsOf(session, 'SELECT name FROM item'))
  const isTaken = await inTurnWithTime(() =>
    session.executeHere?.({ resolve: goOn, reject: resolve }, sql("INSERT INTO item VALUES (1, 'one')")),
  )
  assert.equal(isTaken, true)
  assert.throws(() => session.executeNow?.(sql('SELECT 1')), /must not overlap/)
  assert.deepEqual(await promise, [['one']])
})

test('reads, transactions, settings and those who may only read go the long way', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, TABLE)
  const insert = "INSERT INTO item (name) VALUES ('x')"
  for (const text of ['SELECT 1', 'BEGIN', 'PRAGMA foreign_keys = OFF'])
    assert.equal(await writtenHere(session, text), null, text)
  await run(session, 'BEGIN')
  assert.equal(await writtenHere(session, insert), null, 'in a transaction')
  await run(session, 'ROLLBACK', 'PRAGMA defer_foreign_keys = ON')
  assert.equal(await writtenHere(session, insert), null, 'with a setting for the next transaction')
  assert.equal(await writtenHere(await open.session(READ_ONLY), insert), null, 'read-only')
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM item'), [[0n]])
})

test('a closed session refuses it', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await session.close()
  assert.throws(
    () =>
      session.executeHere?.(
        { resolve: () => undefined, reject: () => undefined },
        sql('INSERT INTO t VALUES (1)'),
      ),
    { code: 'STREAM_NOT_OPEN' },
  )
})
