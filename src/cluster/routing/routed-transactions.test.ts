/** Interactive transactions at a leader elsewhere: they work as here, and whatever is lost, nothing stays open and nobody is told a lie. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import { decodeAnswer } from './answer-codec.ts'
import { encodeCall } from './call-codec.ts'
import { BEGIN, statement, World } from './testing/world.ts'
import type { OpenTransaction } from './parts.ts'

async function rejection(promise: Promise<unknown>): Promise<HarmonyError> {
  const error: unknown = await promise.then(
    () => assert.fail('it did not reject'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof HarmonyError, String(error))
  return error
}

async function begun(world: World): Promise<OpenTransaction> {
  return world.clock.wait(world.database(2).begin(BEGIN))
}

test('statements one by one, and nothing is applied before COMMIT', async () => {
  const world = new World(3)
  const transaction = await begun(world)
  const { clock } = world
  assert.equal((await clock.wait(transaction.execute(statement('rows 2'), 100))).rows.length, 2)
  assert.deepEqual((await clock.wait(transaction.describe('SELECT'))).columns, [
    { name: 'SELECT', declaredType: 'TEXT' },
  ])
  await clock.wait(transaction.execute(statement('b'), 100))
  assert.deepEqual(world.applied, [])
  const { index } = await clock.wait(transaction.commit())
  assert.deepEqual([index, world.applied], [1n, ['rows 2', 'b']])
  assert.equal(world.member(1).routing.statistics().heldTransactions, 0)
})

test('BEGIN brings everything that it needs', async () => {
  const world = new World(2)
  const options = { ...BEGIN, snapshotIndex: 2n ** 60n, idempotencyKey: 'k', waitTimeoutMs: 12.5 }
  await world.clock.wait(world.database(2).begin(options))
  assert.deepEqual(
    [...world.open].map((each) => each.options),
    [{ ...options, waitTimeoutMs: 13 }],
  )
})

test('a statement that fails leaves the transaction as it is', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  const error = await world.clock.wait(rejection(transaction.execute(statement('fail'), 100)))
  assert.deepEqual([error.code, error.offset, transaction.ended], ['SQLITE_CONSTRAINT_UNIQUE', 4, null])
  await world.clock.wait(transaction.execute(statement('a'), 100))
  await world.clock.wait(transaction.commit())
  assert.deepEqual(world.applied, ['a'])
})

test('a statement that ends the transaction says so, and every later call', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  await world.clock.wait(rejection(transaction.execute(statement('abort'), 100)))
  assert.equal((transaction.ended as HarmonyError | null)?.code, 'TRANSACTION_ABORTED')
  assert.equal((await rejection(transaction.execute(statement('a'), 100))).code, 'TRANSACTION_ABORTED')
  assert.equal(world.member(1).routing.statistics().heldTransactions, 0)
})

test('ROLLBACK leaves nothing', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  await world.clock.wait(transaction.execute(statement('a'), 100))
  await world.clock.wait(transaction.rollback())
  assert.deepEqual([world.applied, world.open.size], [[], 0])
  assert.equal((await rejection(transaction.commit())).code, 'NO_TRANSACTION')
})

for (const fate of ['not-sent', 'request-lost', 'answer-lost', 'late'] as const)
  test(`${fate} on a statement: the transaction is rolled back on both sides, and may be begun again`, async () => {
    const world = new World(2)
    const transaction = await begun(world)
    world.fate = (_from, _to, { type }) => (type === 'execute' ? fate : 'arrives')
    const error = await world.clock.wait(rejection(transaction.execute(statement('a'), 100)))
    assert.equal(error.code, 'TRANSACTION_CONFLICT')
    assert.equal(transaction.ended, error)
    await world.clock.run(100)
    assert.deepEqual([world.applied, world.open.size], [[], 0])
  })

for (const [fate, applied] of [
  ['request-lost', []],
  ['answer-lost', ['a']],
  // Only here: what takes it back would be on the same connection, behind it.
  ['late', []],
] as const)
  test(`${fate} on COMMIT: OUTCOME_UNKNOWN`, async () => {
    const world = new World(2)
    const transaction = await begun(world)
    await world.clock.wait(transaction.execute(statement('a'), 100))
    world.fate = (_from, _to, { type }) => (type === 'commit' ? fate : 'arrives')
    const error = await world.clock.wait(rejection(transaction.commit()))
    assert.equal(error.code, 'OUTCOME_UNKNOWN')
    await world.clock.run(100)
    assert.deepEqual(world.applied, applied)
  })

test('COMMIT that is lost on its way leaves nothing open', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  world.fate = (_from, _to, { type }) => (type === 'commit' ? 'request-lost' : 'arrives')
  await world.clock.wait(rejection(transaction.commit()))
  await world.clock.run(100)
  assert.equal(world.open.size, 0)
})

test('COMMIT that was not sent is no unknown outcome: it was rolled back', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  world.fate = (_from, _to, { type }) => (type === 'commit' ? 'not-sent' : 'arrives')
  assert.equal((await world.clock.wait(rejection(transaction.commit()))).code, 'TRANSACTION_CONFLICT')
  await world.clock.run(100)
  assert.equal(world.open.size, 0)
})

test('full queues hold a statement up, and do not end the transaction', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  let left = 5
  world.fate = (_from, _to, { type }) => (type === 'execute' && left-- > 0 ? 'overloaded' : 'arrives')
  await world.clock.wait(transaction.execute(statement('a'), 100))
  await world.clock.wait(transaction.commit())
  assert.deepEqual(world.applied, ['a'])
})

// A BEGIN can't arrive behind the ROLLBACK that takes it back: both go over one connection, and a newer one ends the one before.
for (const fate of ['request-lost', 'answer-lost'] as const)
  test(`${fate} on BEGIN: it is begun again, and what may be open is taken back`, async () => {
    const world = new World(2)
    let left = 2
    world.fate = (_from, _to, { type }) => (type === 'begin' && left-- > 0 ? fate : 'arrives')
    const transaction = await begun(world)
    await world.clock.run(100)
    assert.equal(world.open.size, 1, 'no orphan holds the writer')
    await world.clock.wait(transaction.execute(statement('a'), 100))
    await world.clock.wait(transaction.commit())
    assert.deepEqual(world.applied, ['a'])
  })

/** Nothing arrives for a while, and what was under way is lost. */
const DOWN_MS = 3_000

test('BEGIN whose answer is lost with the connection is taken back when there is one again', async () => {
  const world = new World(2)
  let isUp = true
  world.fate = (_from, _to, { type }) => {
    if (isUp && type === 'begin') isUp = false
    else return isUp ? 'arrives' : 'not-sent'
    return 'answer-lost'
  }
  const beginning = world.database(2).begin(BEGIN)
  await world.clock.run(DOWN_MS)
  assert.equal(world.open.size, 1, 'it holds the writer')
  world.fate = () => 'arrives'
  const transaction = await world.clock.wait(beginning)
  await world.clock.run(1_000)
  assert.equal(world.open.size, 1, 'of the two only the one that is known')
  await world.clock.wait(transaction.commit())
  assert.equal(world.member(1).routing.statistics().heldTransactions, 0)
})

for (const ending of ['rollback', 'execute', 'commit'] as const)
  test(`${ending} without a connection: the transaction is ended there when there is one again`, async () => {
    const world = new World(2)
    const transaction = await begun(world)
    world.fate = () => 'not-sent'
    const ended: Promise<unknown> =
      ending === 'execute' ? transaction.execute(statement('a'), 100) : transaction[ending]()
    await world.clock.wait(ended.catch(() => undefined))
    await world.clock.run(DOWN_MS)
    assert.equal(world.open.size, 1, 'nobody has told it')
    world.fate = () => 'arrives'
    await world.clock.run(1_000)
    assert.deepEqual([world.applied, world.open.size], [[], 0])
  })

test('who is closed asks no more', async () => {
  const world = new World(2)
  const transaction = await begun(world)
  world.fate = () => 'not-sent'
  await world.clock.wait(transaction.rollback())
  world.member(2).routing.close()
  const asked = world.calls.length
  await world.clock.run(DOWN_MS)
  assert.equal(world.calls.length, asked)
})

test('BEGIN waits for a leader, and finds it where another member says', async () => {
  const world = new World(3)
  world.elect(null)
  const beginning = world.database(2).begin(BEGIN)
  await world.clock.run(1_000)
  world.elect(3)
  const transaction = await world.clock.wait(beginning)
  await world.clock.wait(transaction.commit())
})

test('what the leader answers to BEGIN is told: TRANSACTION_BUSY, TRANSACTION_CONFLICT', async () => {
  for (const code of ['TRANSACTION_BUSY', 'TRANSACTION_CONFLICT'] as const) {
    const world = new World(2)
    world.member(1).refusal = new HarmonyError(code, 'no')
    assert.equal((await world.clock.wait(rejection(world.database(2).begin(BEGIN)))).code, code)
  }
})

test('leadership lost: the next statement says that the transaction is over', async () => {
  const world = new World(3)
  const transaction = await begun(world)
  world.elect(3)
  const error = await world.clock.wait(rejection(transaction.execute(statement('a'), 100)))
  assert.equal(error.code, 'NOT_LEADER')
  assert.notEqual(transaction.ended, null)
})

test('a member that is lost frees the writer at once: its transactions are rolled back', async () => {
  const world = new World(3)
  const transaction = await begun(world)
  const other = await world.clock.wait(world.database(3).begin(BEGIN))
  world.member(1).routing.memberLost(2)
  await world.clock.run(1)
  assert.equal(world.open.size, 1, 'those of other members go on')
  assert.equal((await world.clock.wait(rejection(transaction.commit()))).code, 'TRANSACTION_CONFLICT')
  await world.clock.wait(other.commit())
})

test('a member that is lost while its BEGIN waits for the writer leaves nothing open', async () => {
  const world = new World(2)
  const beginning = rejection(world.database(2).begin(BEGIN))
  world.fate = () => 'not-sent'
  await world.clock.run(1.5)
  world.member(1).routing.memberLost(2)
  await world.clock.run(10)
  assert.equal(world.open.size, 0)
  assert.equal((await world.clock.wait(beginning)).code, 'NOT_LEADER')
})

test('one transaction held for another member is forgotten after all its time, whatever happens', async () => {
  const world = new World(2)
  await begun(world)
  await world.clock.run(BEGIN.totalTimeoutMs + 20_000)
  assert.equal(world.member(1).routing.statistics().heldTransactions, 0)
  assert.equal(world.open.size, 0)
})

test('a member may have so many transactions open here and no more', async () => {
  const world = new World(2, { heldTransactionsMax: 2 })
  await begun(world)
  await begun(world)
  assert.equal((await world.clock.wait(rejection(world.database(2).begin(BEGIN)))).code, 'OVERLOADED')
})

test('one member can not touch the transactions of another', async () => {
  const world = new World(3)
  await begun(world)
  const [call] = world.calls
  assert.ok(call?.type === 'begin')
  const payload = encodeCall({ type: 'rollback', transaction: call.transaction })
  const outcome = await world.clock.wait(world.carry(3, 1, { kind: 32, payload, deadlineMs: Infinity }))
  assert.ok(outcome.kind === 'answered')
  assert.equal(decodeAnswer(outcome.payload).kind, 'no-transaction')
  assert.equal(world.open.size, 1)
})

test('large statements and large results go in parts', async () => {
  const world = new World(2, { partSizeBytes: 1_000 })
  const transaction = await begun(world)
  const args = { positional: ['x'.repeat(5_000)], named: [] }
  const result = await world.clock.wait(transaction.execute({ sql: 'rows 100', args }, 100_000))
  assert.equal(result.rows.length, 100)
  await world.clock.wait(transaction.commit())
  assert.deepEqual(world.applied, ['rows 100'])
})

test('a result that can not be kept ends the transaction: RESPONSE_TOO_LARGE', async () => {
  const world = new World(2, { partSizeBytes: 1_000, partsHeldBytesMax: 5_000 })
  const transaction = await begun(world)
  const error = await world.clock.wait(rejection(transaction.execute(statement('rows 100'), 100_000)))
  assert.equal(error.code, 'RESPONSE_TOO_LARGE')
  assert.notEqual(transaction.ended, null)
  assert.equal(world.open.size, 0)
})
