/** Which connection of an engine replays what, and that it makes no difference to what comes of it. */

import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import { SeededRandom } from '../host/random.ts'
import type { LogEntry } from './engine.ts'
import {
  INSERT,
  open,
  quickStatement,
  run,
  type Split,
  submit,
  TABLE,
  UNIQUE_TABLE,
  warm,
} from './testing/split-fixture.ts'
import { nextStamp, request, statement } from './testing/test-leader.ts'
import { randomStatement, WORKLOAD_SCHEMA } from './testing/workload.ts'

/** Replays the next entry of the leader's log. Gives who did it. */
async function replayNext(leader: Split, follower: Split): Promise<'near' | 'far'> {
  const entry = leader.log[Number(follower.engine.applied.index)] as LogEntry
  const { applied } = await follower.engine.replay([entry])
  assert.equal(applied.index, entry.index)
  // What was asked about its texts is known by now.
  await new Promise((resolve) => setImmediate(resolve))
  return follower.far.applied.index < entry.index ? 'near' : 'far'
}

/** A leader, and a follower that has replayed its whole log and knows the INSERT. */
async function pair(context: TestContext): Promise<{ leader: Split; follower: Split }> {
  const [leader, follower] = [await open(context), await open(context)]
  await warm(leader)
  await run(leader, INSERT, 'c')
  while (follower.engine.applied.index < leader.engine.applied.index) await replayNext(leader, follower)
  return { leader, follower }
}

test('entries of quick statements are replayed near once their texts are known, everything else far', async (context) => {
  const { leader, follower } = await pair(context)
  await run(leader, INSERT, 'd')
  assert.equal(await replayNext(leader, follower), 'near')
  await run(leader, 'UPDATE t SET v = v || 1')
  assert.equal(await replayNext(leader, follower), 'far')
  await submit(leader, [
    request([statement(INSERT, 'e'), statement(INSERT, 'f')]),
    request([statement(INSERT, 'g')], { key: 'once' }),
  ])
  assert.equal(await replayNext(leader, follower), 'near')
  await submit(leader, [request([statement(INSERT, 'x'.repeat(100_000))])])
  assert.equal(await replayNext(leader, follower), 'far')
  assert.deepEqual(await follower.engine.contentDigest(), await leader.engine.contentDigest())
})

test('of several entries the first ones run near, and the rest far from the first that is not quick', async (context) => {
  const { leader, follower } = await pair(context)
  for (const value of ['d', 'e']) await run(leader, INSERT, value)
  await run(leader, 'DELETE FROM t')
  await run(leader, INSERT, 'f')
  const from = Number(follower.engine.applied.index)
  const { applied } = await follower.engine.replay(leader.log.slice(from))
  assert.deepEqual(applied, leader.engine.applied)
  assert.deepEqual(await follower.engine.contentDigest(), await leader.engine.contentDigest())
})

test('an entry that has another effect here is refused as on the far connection, and nothing of it is done', async (context) => {
  const { leader, follower } = await pair(context)
  await run(leader, INSERT, 'd')
  const entry = leader.log.at(-1) as LogEntry
  const payload = entry.payload.slice()
  // The last byte of the digest.
  payload[payload.length - 1] = (payload.at(-1) as number) ^ 1
  const before = follower.engine.applied
  await assert.rejects(follower.engine.replay([{ ...entry, payload }]), { code: 'REPLICA_DIVERGED' })
  assert.deepEqual(follower.engine.applied, before)
  assert.equal(await replayNext(leader, follower), 'far', 'near has a pause after trouble')
  assert.deepEqual(follower.engine.applied, leader.engine.applied)
})

test(
  'what a leader ran near or far is replayed to the same near and far',
  { timeout: 300_000 },
  async (context) => {
    for (const seed of [21n, 22n]) {
      const random = new SeededRandom(seed)
      const [leader, follower] = [await open(context), await open(context)]
      for (const sql of [...WORKLOAD_SCHEMA, TABLE, UNIQUE_TABLE]) await run(leader, sql)
      const ran = { near: 0, far: 0 }
      let session = INITIAL_CONTEXT
      for (let step = 0; step < 120; step++) {
        const isMixed = random.integer(4) === 0
        const statements = Array.from({ length: 1 + random.integer(3) }, () =>
          isMixed ? randomStatement(random, false) : quickStatement(random),
        )
        const key = random.integer(5) === 0 ? { key: `key ${random.integer(30)}` } : {}
        const { outcomes } = await submit(
          leader,
          [request(statements, { context: session, ...key })],
          nextStamp(),
        )
        if (outcomes[0]?.kind === 'committed') session = outcomes[0].context
        if (random.integer(20) === 0) await follower.engine.checkpoint()
        while (follower.engine.applied.index < leader.engine.applied.index)
          ran[await replayNext(leader, follower)]++
      }
      assert.ok(ran.near > 20 && ran.far > 20, JSON.stringify(ran))
      assert.deepEqual(follower.engine.applied, leader.engine.applied)
      assert.deepEqual(await follower.engine.contentDigest(), await leader.engine.contentDigest())
    }
  },
)
