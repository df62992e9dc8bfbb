/** Lone reads about which a leader is asked first, without a promise: as fresh as the long way's, and a clear no for everything else. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../src/base/errors.ts'
import type { IndexReceiver } from '../../src/base/transaction.ts'
import type { DatabaseCore } from '../../src/gateway/core.ts'
import type { ExecuteResult, Session } from '../../src/gateway/session.ts'
import { inTurnWithTime, openHarness, run, rowsOf, sql, type Harness } from './harness.ts'

const TABLE = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)'
const NAME = 'SELECT name FROM item WHERE id = 1'
const SLOW =
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 90000) SELECT count(*) FROM n'

/** The member's own database, as if another member led it: whoever wants an index has to wait until the test answers. */
async function withLeaderElsewhere(open: Harness): Promise<IndexReceiver[]> {
  const asked: IndexReceiver[] = []
  const core = (await open.member.get('default')) as DatabaseCore
  core.readIndexNow = () => null
  core.readIndexFor = (receiver) => asked.push(receiver) > 0
  return asked
}

type Heard = ExecuteResult | Error | 'not here'

/** What was heard so far, in the order in which it was; false where the session took nothing. */
async function ask(session: Session, text: string): Promise<Heard[] | false> {
  const heard: Heard[] = []
  const note = (one: Heard): void => void heard.push(one)
  const receiver = { resolve: note, reject: note, notHere: () => note('not here') }
  const isTaken = await inTurnWithTime(() => session.executeHere?.(receiver, sql(text)) ?? false)
  return isTaken ? heard : false
}

test('a read is answered when the leader has named an index and the file has it, and never before', async () => {
  await using open = await openHarness()
  const [reader, writer] = [await open.session(), await open.session()]
  await run(writer, TABLE, "INSERT INTO item VALUES (1, 'old')")
  const asked = await withLeaderElsewhere(open)
  let isRead = false
  // The turn in which the file gets the index may be used up by then.
  for (let round = 1; round <= 50 && !isRead; round++) {
    const heard = (await ask(reader, NAME)) as Heard[]
    assert.deepEqual(heard, [], 'the leader has not answered')
    assert.throws(() => reader.executeNow?.(sql('SELECT 1')), /must not overlap/)
    const next = (await open.member.get('default')).appliedIndex + 1n
    assert.equal(asked.length, round)
    asked.at(-1)?.resolve(next)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    assert.deepEqual(heard, [], 'the file does not have that index')
    await writer.execute(sql(`UPDATE item SET name = 'new ${round}'`))
    const [told] = heard as Heard[]
    if (told === 'not here') continue
    assert.ok(typeof told === 'object' && !(told instanceof Error))
    assert.deepEqual(told.rows, [[`new ${round}`]])
    assert.equal(told.index, next)
    assert.equal(reader.lastIndex, next)
    isRead = true
  }
  assert.ok(isRead)
  assert.equal(open.gateway.statistics().readLatency.count, 1)
})

test('what the read fails with, and why there is no index, is told, and the session goes on', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, TABLE)
  const asked = await withLeaderElsewhere(open)
  const unknown = await ask(session, 'SELECT nothing FROM item')
  const index = (await open.member.get('default')).appliedIndex
  asked[0]?.resolve(index)
  const told = unknown === false ? null : unknown[0]
  assert.ok(told === 'not here' || told instanceof HarmonyError, 'refused, or left to the long way')
  const lost = await ask(session, NAME)
  asked[1]?.reject(new HarmonyError('NOT_LEADER', 'Nobody leads.'))
  assert.deepEqual(lost === false ? null : lost.map((one) => one instanceof HarmonyError && one.code), [
    'NOT_LEADER',
  ])
  const again = await ask(session, 'SELECT count(*) FROM item')
  asked[2]?.resolve(index)
  assert.deepEqual(again === false ? null : again.map((one) => one instanceof Error), [false])
})

test('a read that is not quick is left to the long way when that shows, with nothing done', async () => {
  await using open = await openHarness()
  const session = await open.session()
  const asked = await withLeaderElsewhere(open)
  const heard = await ask(session, SLOW)
  asked[0]?.resolve(0n)
  assert.deepEqual(heard, ['not here'])
  session.consistency = { level: 'stale' }
  assert.deepEqual(await rowsOf(session, SLOW), [[90_000n]], 'the session is free for it')
})

test('other levels, comments that ask for one, and transactions go the long way at once', async () => {
  await using open = await openHarness()
  const session = await open.session()
  await run(session, TABLE)
  const asked = await withLeaderElsewhere(open)
  assert.equal(await ask(session, `/* harmonydb: stale */ ${NAME}`), false)
  session.consistency = { level: 'session' }
  assert.equal(await ask(session, NAME), false)
  await run(session, 'BEGIN')
  session.consistency = { level: 'linearizable' }
  assert.equal(await ask(session, NAME), false)
  assert.equal(asked.length, 0)
})
