/** Writes without a promise, where a leader is known: the same truths as `submit` tells. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import { NotLeaderError } from '../../group/leadership.ts'
import type { RoutedDatabase } from './routed-database.ts'
import { request, World } from './testing/world.ts'

/** The outcome, or the error; null where nothing was done. */
async function heard(
  world: World,
  database: RoutedDatabase,
  wanted: TransactionRequest,
): Promise<TransactionOutcome | Error | null> {
  const { promise, resolve } = Promise.withResolvers<TransactionOutcome | Error>()
  let calls = 0
  const once = (told: TransactionOutcome | Error): void => {
    assert.equal(++calls, 1, 'heard once')
    resolve(told)
  }
  if (!database.submitHere({ resolve: once, reject: once }, wanted)) return null
  return world.clock.wait(promise)
}

test('the leader applies it, and nothing is sent', async () => {
  const world = new World(3)
  const told = await heard(world, world.database(1), request('a'))
  assert.ok(told !== null && !(told instanceof Error) && told.kind === 'committed')
  assert.deepEqual(world.applied, ['a'])
  assert.deepEqual(world.calls, [])
})

test('where no leader is known nothing is done, and nor where a key may have to be looked up elsewhere', async () => {
  const world = new World(3)
  world.member(2).hear(null)
  assert.equal(await heard(world, world.database(2), request('a')), null)
  assert.equal(await heard(world, world.database(1), request('a', 'once')), null)
  assert.equal(await heard(world, world.database(3), request('a', 'once')), null)
  assert.deepEqual(world.applied, [])
})

test('another member sends it to the leader, those of one turn in one call', async () => {
  const world = new World(3)
  const texts = ['a', 'fail', 'b']
  const answers = texts.map((text) => heard(world, world.database(2), request(text)))
  const told = await Promise.all(answers)
  assert.deepEqual(
    told.map((one) => (one === null || one instanceof Error ? one : one.kind)),
    ['committed', 'failed', 'committed'],
  )
  assert.deepEqual(world.applied, ['a', 'b'])
  assert.equal(world.calls.length, 1)
  assert.equal(world.member(2).routing.statistics().forwarded, 3)
})

test('a call that was not sent, or to one that does not lead, is repeated at the leader, and the write is done once', async () => {
  for (const fate of ['not-sent', 'overloaded'] as const) {
    const world = new World(3)
    world.fate = () => (world.calls.length === 1 ? fate : 'arrives')
    const told = await heard(world, world.database(2), request('a'))
    assert.ok(told !== null && !(told instanceof Error) && told.kind === 'committed', fate)
    assert.deepEqual(world.applied, ['a'])
  }
  const world = new World(3)
  world.leader = 3
  world.member(1).hear(3)
  const told = await heard(world, world.database(2), request('a'))
  assert.ok(told !== null && !(told instanceof Error) && told.kind === 'committed')
  assert.deepEqual(world.applied, ['a'])
  assert.equal(world.member(2).routing.statistics().repeated, 1)
})

test('a call whose answer is lost is never repeated', async () => {
  for (const fate of ['request-lost', 'answer-lost', 'late', 'silence'] as const) {
    const world = new World(3)
    world.fate = () => fate
    const told = await heard(world, world.database(2), request('a'))
    assert.ok(told instanceof HarmonyError && told.code === 'OUTCOME_UNKNOWN', fate)
    assert.equal(world.calls.length, 1)
    assert.equal(world.member(2).routing.statistics().unknown, 1)
  }
})

test('whoever waits for a leader that another one has replaced hears that nobody knows', async () => {
  const world = new World(3)
  world.fate = () => 'silence'
  const startMs = world.clock.nowMs()
  const answer = heard(world, world.database(2), request('a'))
  world.member(2).hear(3)
  const told = await answer
  assert.ok(told instanceof HarmonyError && told.code === 'OUTCOME_UNKNOWN')
  assert.match(told.message, /member 3 leads now/)
  assert.ok(world.clock.nowMs() - startMs < 10_000, 'long before the call itself would be given up')
})

test('what was certainly not done goes to the leader of now', async () => {
  const world = new World(3)
  world.leader = 3
  world.member(1).leader = 1
  const answer = heard(world, world.database(1), request('a'))
  world.member(1).hear(3)
  const told = await answer
  assert.ok(told !== null && !(told instanceof Error) && told.kind === 'committed')
  assert.deepEqual(world.applied, ['a'])
  assert.equal(world.member(1).routing.statistics().repeated, 1)
})

test('a replica that has ended meanwhile is no reason to fail: the others have one', async () => {
  const world = new World(3)
  const member = world.member(1)
  member.submitTo = () => {
    throw new NotLeaderError('app', null, ' Its replica was moved to other members.')
  }
  const answer = heard(world, world.database(1), request('a'))
  world.leader = 3
  member.hear(3)
  const told = await answer
  assert.ok(told !== null && !(told instanceof Error) && told.kind === 'committed')
  assert.deepEqual(world.applied, ['a'])
})

test('an outcome that nobody knows is told, counted, and never tried again', async () => {
  const world = new World(3)
  world.member(1).refusal = new HarmonyError('OUTCOME_UNKNOWN', 'Who knows.')
  const told = await heard(world, world.database(1), request('a'))
  assert.ok(told instanceof HarmonyError)
  assert.equal(told.code, 'OUTCOME_UNKNOWN')
  assert.equal(world.member(1).routing.statistics().unknown, 1)
  assert.deepEqual(world.applied, [])
})
