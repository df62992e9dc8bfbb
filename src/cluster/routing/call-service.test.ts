/** The door for other members' calls: whatever comes, it is answered or refused, and nothing stays behind for ever. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import { SeededRandom } from '../../host/random.ts'
import { decodeAnswer } from './answer-codec.ts'
import { encodeCall } from './call-codec.ts'
import type { RoutingAnswer, RoutingCall } from './message.ts'
import { CALL_TYPES, randomCall } from './testing/random-messages.ts'
import { BEGIN, GROUP, request, statement, World } from './testing/world.ts'

/** Member 1 gets `payload` from `from`. */
async function give(world: World, payload: Uint8Array, from = 2): Promise<RoutingAnswer | HarmonyError> {
  const { signal } = new AbortController()
  const call = { from, kind: 32, payload, deadlineMs: Infinity, signal }
  const handled = world.member(1).routing.handle(call)
  return world.clock.wait(
    handled.then(
      (answer) => decodeAnswer(answer),
      (error: unknown) => {
        assert.ok(error instanceof HarmonyError, String(error))
        return error
      },
    ),
  )
}

const ask = (world: World, call: RoutingCall, from = 2): Promise<RoutingAnswer | HarmonyError> =>
  give(world, encodeCall(call).slice(), from)

function codeOf(answer: RoutingAnswer | HarmonyError): string {
  if (answer instanceof HarmonyError) return answer.code
  return answer.kind === 'rejected' ? answer.error.code : answer.kind
}

test('random calls and random bytes are answered or refused; after their time nothing of them is left', async () => {
  const random = new SeededRandom(8n)
  const world = new World(2, { partsHeldBytesMax: 100_000, heldTransactionsMax: 50 })
  const open = [1, 2, 3]
  for (let round = 0; round < 1_500; round++) {
    const type = CALL_TYPES[random.integer(CALL_TYPES.length)] ?? 'commit'
    const call = randomCall(random, type)
    // Numbers that mean something here: the group, some transactions, some parcels.
    const number = open[random.integer(open.length)] ?? 1
    const near: RoutingCall = Object.assign(
      { ...call },
      { group: GROUP, transaction: number, parcel: number },
    )
    const payload = encodeCall(random.integer(2) === 0 ? near : call).slice()
    if (random.integer(4) === 0) payload[random.integer(payload.length)] = random.integer(256)
    await give(world, payload, 2 + random.integer(2))
  }
  world.member(1).routing.memberLost(3)
  await world.clock.run(2 ** 54)
  assert.equal(world.member(1).routing.statistics().heldTransactions, 0)
  assert.equal(world.open.size, 0)
  assert.equal(world.clock.timerCount, 0)
})

test('what can not be read is REQUEST_INVALID, nothing done', async () => {
  const answer = await give(new World(2), Buffer.from('ff00', 'hex'))
  assert.equal(codeOf(answer), 'REQUEST_INVALID')
  assert.match((answer as HarmonyError).message, /version 255.*Nothing was done/)
})

test('a group that is not here is NOT_LEADER: the caller looks elsewhere', async () => {
  const world = new World(2)
  assert.equal(
    codeOf(await ask(world, { type: 'submit', group: 99, requests: [request('a')] })),
    'NOT_LEADER',
  )
  assert.equal(
    codeOf(await ask(world, { type: 'begin', group: 99, transaction: 1, options: BEGIN })),
    'NOT_LEADER',
  )
  assert.deepEqual(await ask(world, { type: 'find-leader', group: 99 }), { kind: 'leader', leader: null })
})

test('a number of a transaction is used once at a time', async () => {
  const world = new World(2)
  const begin: RoutingCall = { type: 'begin', group: GROUP, transaction: 5, options: BEGIN }
  assert.equal(codeOf(await ask(world, begin)), 'done')
  assert.equal(codeOf(await ask(world, begin)), 'REQUEST_INVALID')
  assert.equal(codeOf(await ask(world, begin, 3)), 'done', 'numbers of other members are others')
})

test('what ended is not known any more', async () => {
  const world = new World(2)
  const execute: RoutingCall = {
    type: 'execute',
    transaction: 5,
    statement: statement('a'),
    resultSizeBytesMax: 100,
  }
  assert.equal(codeOf(await ask(world, execute)), 'no-transaction')
  await ask(world, { type: 'begin', group: GROUP, transaction: 5, options: BEGIN })
  await ask(world, { type: 'commit', transaction: 5 })
  for (const type of ['commit', 'rollback'] as const)
    assert.equal(codeOf(await ask(world, { type, transaction: 5 })), 'no-transaction')
})

test('parts that do not fit together are refused, and forgotten', async () => {
  const world = new World(2)
  const bytes = new Uint8Array(10)
  const part = { type: 'part', parcel: 1, sizeBytes: 30, offset: 0, bytes } as const
  assert.equal(codeOf(await ask(world, part)), 'done')
  assert.equal(codeOf(await ask(world, { ...part, offset: 20 })), 'REQUEST_INVALID', 'one is missing')
  assert.equal(codeOf(await ask(world, { ...part, offset: 10 })), 'REQUEST_INVALID', 'it is forgotten')
  assert.equal(codeOf(await ask(world, { type: 'parcel', parcel: 1 })), 'REQUEST_INVALID')
  assert.equal(codeOf(await ask(world, { ...part, parcel: 2, sizeBytes: 2 ** 50 })), 'OVERLOADED')
  assert.equal(codeOf(await ask(world, { ...part, bytes: new Uint8Array(0) })), 'REQUEST_INVALID', 'empty')
  await world.clock.run(60_000)
  assert.equal(world.clock.timerCount, 0)
})

test('many small parcels take no more room than one large one', async () => {
  const world = new World(2, { partsHeldBytesMax: 100_000 })
  const bytes = new Uint8Array(1)
  const codes: string[] = []
  for (let parcel = 1; parcel <= 200; parcel++)
    codes.push(codeOf(await ask(world, { type: 'part', parcel, sizeBytes: 2, offset: 0, bytes })))
  assert.ok(codes.filter((code) => code === 'done').length < 100)
  assert.equal(codes.at(-1), 'OVERLOADED')
})

test('a parcel in a parcel is refused', async () => {
  const world = new World(2)
  const bytes = encodeCall({ type: 'parcel', parcel: 1 }).slice()
  await ask(world, { type: 'part', parcel: 1, sizeBytes: bytes.length, offset: 0, bytes })
  assert.equal(codeOf(await ask(world, { type: 'parcel', parcel: 1 })), 'REQUEST_INVALID')
})
