/** Transactions from any member: applied by the leader, once, and whatever fails, the client hears the truth. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { TransactionOutcome } from '../../base/transaction.ts'
import { request, World } from './testing/world.ts'

async function rejection(promise: Promise<unknown>): Promise<HarmonyError> {
  const error: unknown = await promise.then(
    () => assert.fail('it did not reject'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof HarmonyError, String(error))
  return error
}

function indexOf(outcome: TransactionOutcome): bigint {
  assert.equal(outcome.kind, 'committed')
  return outcome.kind === 'committed' ? outcome.index : -1n
}

test('on the leader itself nothing is sent', async () => {
  const world = new World(3)
  assert.equal(indexOf(await world.clock.wait(world.database(1).submit(request('a')))), 1n)
  assert.deepEqual(world.calls, [])
})

test('from another member a transaction is applied by the leader, and its results come back', async () => {
  const world = new World(3)
  const outcome = await world.clock.wait(world.database(2).submit(request('rows 3')))
  assert.deepEqual(world.applied, ['rows 3'])
  assert.ok(outcome.kind === 'committed')
  assert.equal(outcome.index, 1n)
  assert.deepEqual(
    outcome.results[0]?.rows.map(([id]) => id),
    [0n, 1n, 2n],
  )
  assert.equal(world.member(2).routing.statistics().forwarded, 1)
})

test('a transaction that fails is told with its code, its place and its offset', async () => {
  const world = new World(2)
  const statements = ['a', 'fail', 'b'].map((sql) => request(sql).statements[0]!)
  const outcome = await world.clock.wait(world.database(2).submit({ ...request('a'), statements }))
  assert.ok(outcome.kind === 'failed')
  assert.deepEqual(outcome.error, { code: 'SQLITE_CONSTRAINT_UNIQUE', message: 'UNIQUE failed', offset: 4 })
  assert.equal(outcome.failedStatement, 1)
  assert.equal(outcome.results.length, 1)
  assert.deepEqual(world.applied, [])
})

test('who does not lead says who does, and is believed at once', async () => {
  const world = new World(3)
  world.leader = 3
  world.member(1).leader = 3
  const startMs = world.clock.nowMs()
  await world.clock.wait(world.database(2).submit(request('a')))
  assert.deepEqual(world.applied, ['a'])
  assert.equal(world.calls.length, 2)
  assert.ok(world.clock.nowMs() - startMs <= 6, 'without a pause')
})

test('a leader that hangs is not waited for once another one leads: with a key it is repeated, without it nobody knows', async () => {
  for (const key of [null, 'once']) {
    const world = new World(3)
    world.fate = (_from, to) => (to === 1 ? 'silence' : 'arrives')
    const submitted = world.database(2).submit(request('a', key))
    submitted.catch(() => {})
    await world.clock.run(800)
    world.elect(3)
    const electedMs = world.clock.nowMs()
    if (key === null) {
      const error = await world.clock.wait(rejection(submitted))
      assert.equal(error.code, 'OUTCOME_UNKNOWN')
      assert.match(error.message, /member 3 leads now/)
    } else {
      await world.clock.wait(submitted)
      assert.deepEqual(world.applied, ['a'])
    }
    assert.ok(world.clock.nowMs() - electedMs < 600)
  }
})

test('an answer that is on its way while another one takes over is believed', async () => {
  const world = new World(3)
  world.delayMs = 100
  const submitted = world.database(2).submit(request('a'))
  await world.clock.run(150)
  for (const number of [1, 2, 3]) world.member(number).hear(3)
  assert.equal(indexOf(await world.clock.wait(submitted)), 1n)
})

test('during an election a transaction waits, and goes to the new leader as soon as it is known', async () => {
  const world = new World(3)
  world.elect(null)
  const submitted = world.database(2).submit(request('a'))
  await world.clock.run(3_000)
  assert.deepEqual(world.applied, [])
  const electedMs = world.clock.nowMs()
  world.elect(3)
  await world.clock.wait(submitted)
  assert.deepEqual(world.applied, ['a'])
  assert.ok(world.clock.nowMs() - electedMs <= 10, 'news of a leader end the pause')
})

test('without a leader to the end: NOT_LEADER after the time for it, and nothing is done later', async () => {
  const world = new World(3, { leaderTimeoutMs: 2_000 })
  world.elect(null)
  const startMs = world.clock.nowMs()
  const error = await world.clock.wait(rejection(world.database(2).submit(request('a'))))
  assert.equal(error.code, 'NOT_LEADER')
  assert.match(
    error.message,
    /^No leader of the database app took the request within 20\d\d ms: [^.]*(\.[^.]+)?\. Nothing was done; try again later, and look/,
  )
  assert.ok(world.clock.nowMs() - startMs < 2_600)
  world.elect(1)
  await world.clock.run(5_000)
  assert.deepEqual(world.applied, [])
})

test('a member whose replica knows no leader asks the others', async () => {
  const world = new World(3)
  world.member(3).leader = null
  await world.clock.wait(world.database(3).submit(request('a')))
  assert.deepEqual(world.applied, ['a'])
  assert.ok(world.calls.some(({ type }) => type === 'find-leader'))
})

test('a request that was not sent is sent again', async () => {
  const world = new World(2)
  let left = 3
  world.fate = () => (left-- > 0 ? 'not-sent' : 'arrives')
  await world.clock.wait(world.database(2).submit(request('a')))
  assert.deepEqual(world.applied, ['a'])
  assert.equal(world.member(2).routing.statistics().repeated, 3)
})

test('full queues are waited for; to the end they are OVERLOADED', async () => {
  const world = new World(2, { leaderTimeoutMs: 1_000 })
  world.fate = () => 'overloaded'
  const error = await world.clock.wait(rejection(world.database(2).submit(request('a'))))
  assert.equal(error.code, 'OVERLOADED')
  assert.match(error.message, /Nothing was done/)
})

for (const fate of ['request-lost', 'answer-lost', 'late'] as const)
  test(`${fate}: OUTCOME_UNKNOWN, told how to find out, and not sent again`, async () => {
    const world = new World(3)
    world.fate = () => fate
    const error = await world.clock.wait(rejection(world.database(2).submit(request('a'))))
    await world.clock.run(20_000)
    assert.equal(error.code, 'OUTCOME_UNKNOWN')
    assert.match(error.message, /Read what it would have changed to find out; with an idempotency key/)
    assert.deepEqual(world.applied, fate === 'request-lost' ? [] : ['a'])
    assert.equal(world.calls.length, 1)
    assert.equal(world.member(2).routing.statistics().unknown, 1)
  })

for (const fate of ['request-lost', 'answer-lost', 'late'] as const)
  test(`${fate} with an idempotency key: sent again, applied once, and answered as the first time`, async () => {
    const world = new World(3)
    let left = 2
    world.fate = () => (left-- > 0 ? fate : 'arrives')
    const outcome = await world.clock.wait(world.database(2).submit(request('a', 'key')))
    await world.clock.run(20_000)
    assert.equal(indexOf(outcome), 1n)
    assert.deepEqual(world.applied, ['a'])
  })

test('with an idempotency key, but without an answer to the end: OUTCOME_UNKNOWN, whatever the last try said', async () => {
  const world = new World(3, { leaderTimeoutMs: 1_000 })
  let isFirst = true
  world.fate = () => {
    const fate = isFirst ? 'answer-lost' : 'not-sent'
    isFirst = false
    return fate
  }
  const error = await world.clock.wait(rejection(world.database(2).submit(request('a', 'key'))))
  assert.equal(error.code, 'OUTCOME_UNKNOWN')
  assert.ok(!error.message.includes('Nothing was done'))
  assert.deepEqual(world.applied, ['a'])
})

test('a leader that stops is left for the next one; a member that stops itself says so', async () => {
  const world = new World(3)
  const stopping = new HarmonyError('SHUTTING_DOWN', 'The member is stopping.')
  world.member(1).refusal = stopping
  const submitted = world.database(2).submit(request('a'))
  await world.clock.run(100)
  const own = await world.clock.wait(rejection(world.database(1).submit(request('b'))))
  assert.equal(own, stopping)
  world.elect(3)
  await world.clock.wait(submitted)
  assert.deepEqual(world.applied, ['a'])
})

test('a leader whose disk is full is left once another one leads, and told of as long as none does', async () => {
  const world = new World(3, { leaderTimeoutMs: 1_000 })
  world.member(1).refusal = new HarmonyError('DISK_FULL', 'The disk is full.')
  const error = await world.clock.wait(rejection(world.database(2).submit(request('a'))))
  assert.equal(error.code, 'DISK_FULL')
  world.elect(3)
  world.member(2).leader = 1
  await world.clock.wait(world.database(2).submit(request('a')))
  assert.deepEqual(world.applied, ['a'])
})

test('what the leader refuses for itself is not repeated', async () => {
  for (const code of [
    'OVERLOADED',
    'TRANSACTION_BUSY',
    'STATEMENT_TIMEOUT',
    'TRANSACTION_TOO_LARGE',
  ] as const) {
    const world = new World(2)
    world.member(1).refusal = new HarmonyError(code, 'no')
    const error = await world.clock.wait(rejection(world.database(2).submit(request('a'))))
    assert.equal(error.code, code)
    assert.equal(world.calls.length, 1)
  }
})

test('a database that is dropped while its leader is looked for says so', async () => {
  const world = new World(2)
  world.elect(null)
  const submitted = rejection(world.database(2).submit(request('a')))
  await world.clock.run(100)
  world.member(2).gone = new HarmonyError('DATABASE_NOT_FOUND', 'The database app was dropped.')
  assert.equal((await world.clock.wait(submitted)).code, 'DATABASE_NOT_FOUND')
})

test('two members that each take the other for the leader do not send in circles', async () => {
  const world = new World(3, { leaderTimeoutMs: 1_000 })
  world.leader = null
  world.member(1).leader = 2
  world.member(2).leader = 1
  world.member(3).leader = 1
  const error = await world.clock.wait(rejection(world.database(3).submit(request('a'))))
  assert.equal(error.code, 'NOT_LEADER')
  assert.ok(world.calls.length < 40, `${world.calls.length} calls in a second`)
})

test('what comes in one turn travels together, and each has an outcome of its own', async () => {
  const world = new World(2, { submitsPerCallMax: 40 })
  const database = world.database(2)
  const outcomes = await world.clock.wait(
    Promise.all(
      Array.from({ length: 100 }, (_, at) => database.submit(request(at === 50 ? 'fail' : `n${at}`))),
    ),
  )
  assert.deepEqual(
    world.calls.map((call) => call.type === 'submit' && call.requests.length),
    [40, 40, 20],
  )
  assert.equal(outcomes[50]?.kind, 'failed')
  assert.equal(outcomes.filter(({ kind }) => kind === 'committed').length, 99)
  assert.equal(world.applied.length, 99)
})

test('a large request goes in parts, alone; small ones do not wait for it', async () => {
  const world = new World(2, { partSizeBytes: 1_000 })
  const large = {
    ...request('large'),
    statements: [{ sql: 'large', args: { positional: ['x'.repeat(10_500)], named: [] } }],
  }
  const database = world.database(2)
  const outcomes = Promise.all([
    database.submit(request('a')),
    database.submit(large),
    database.submit(request('b')),
  ])
  await world.clock.wait(outcomes)
  assert.equal(world.applied.at(-1), 'large')
  assert.equal(world.calls.filter(({ type }) => type === 'part').length, 11)
  assert.equal(world.calls.filter(({ type }) => type === 'parcel').length, 1)
})

test('a part that is lost is no loss: the whole is sent again, and applied once', async () => {
  for (const fate of ['not-sent', 'request-lost', 'answer-lost'] as const) {
    const world = new World(2, { partSizeBytes: 1_000 })
    let parts = 0
    world.fate = (_from, _to, { type }) => (type === 'part' && ++parts === 4 ? fate : 'arrives')
    const args = { positional: ['x'.repeat(10_500)], named: [] }
    await world.clock.wait(
      world.database(2).submit({ ...request('a'), statements: [{ sql: 'large', args }] }),
    )
    assert.deepEqual(world.applied, ['large'])
  }
})

test('the last step of a large request decides: lost, its outcome is unknown', async () => {
  const world = new World(2, { partSizeBytes: 1_000 })
  world.fate = (_from, _to, { type }) => (type === 'parcel' ? 'answer-lost' : 'arrives')
  const args = { positional: ['x'.repeat(10_500)], named: [] }
  const error = await world.clock.wait(
    rejection(world.database(2).submit({ ...request('a'), statements: [{ sql: 'large', args }] })),
  )
  assert.equal(error.code, 'OUTCOME_UNKNOWN')
  assert.deepEqual(world.applied, ['large'])
})

test('a request over the largest size is refused before anything is sent', async () => {
  const world = new World(2, { partSizeBytes: 1_000, messageSizeBytesMax: 5_000 })
  const args = { positional: ['x'.repeat(10_500)], named: [] }
  const error = await world.clock.wait(
    rejection(world.database(2).submit({ ...request('a'), statements: [{ sql: 'large', args }] })),
  )
  assert.equal(error.code, 'TRANSACTION_TOO_LARGE')
  assert.deepEqual(world.calls, [])
})

test('a member that holds too much of large requests takes no more until later', async () => {
  const world = new World(2, { partSizeBytes: 1_000, partsHeldBytesMax: 5_000, leaderTimeoutMs: 1_000 })
  const args = { positional: ['x'.repeat(10_500)], named: [] }
  const error = await world.clock.wait(
    rejection(world.database(2).submit({ ...request('a'), statements: [{ sql: 'large', args }] })),
  )
  assert.equal(error.code, 'OVERLOADED')
  assert.deepEqual(world.applied, [])
})

test('large results come in parts, and a part that is lost is fetched again', async () => {
  const world = new World(2, { partSizeBytes: 1_000 })
  let fetches = 0
  world.fate = (_from, _to, { type }) => (type === 'fetch' && ++fetches % 3 === 0 ? 'answer-lost' : 'arrives')
  const outcome = await world.clock.wait(world.database(2).submit(request('rows 200')))
  assert.ok(outcome.kind === 'committed')
  assert.equal(outcome.results[0]?.rows.length, 200)
  await world.clock.run(60_000)
  assert.equal(world.clock.timerCount, 0, 'nothing is held any more')
})

test('results that can not be kept: the client hears that it was applied, and where', async () => {
  const world = new World(2, { partSizeBytes: 1_000, partsHeldBytesMax: 5_000 })
  const error = await world.clock.wait(rejection(world.database(2).submit(request('rows 200'))))
  assert.equal(error.code, 'OUTCOME_UNKNOWN')
  assert.match(error.message, /was applied at index 1, but its results were too large.*Do not send it again/)
  assert.deepEqual(world.applied, ['rows 200'])
})

test('an answer that can not be fetched is an unknown outcome', async () => {
  const world = new World(2, { partSizeBytes: 1_000 })
  world.fate = (_from, _to, { type }) => (type === 'fetch' ? 'not-sent' : 'arrives')
  const error = await world.clock.wait(rejection(world.database(2).submit(request('rows 200'))))
  assert.equal(error.code, 'OUTCOME_UNKNOWN')
  assert.deepEqual(world.applied, ['rows 200'])
})

test('the context of the session goes there and back', async () => {
  const world = new World(2)
  const context = {
    ...INITIAL_CONTEXT,
    foreignKeys: false,
    lastInsertRowid: -(2n ** 63n),
    changes: 2n ** 53n + 1n,
  }
  const outcome = await world.clock.wait(world.database(2).submit({ ...request('a'), context }))
  assert.ok(outcome.kind === 'committed')
  assert.deepEqual(outcome.context, context)
})
