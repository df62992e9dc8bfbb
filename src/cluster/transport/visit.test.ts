/** Someone without a number asks a member, or another one without: with the cluster secret, and only by calls. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import { SeededRandom } from '../../host/random.ts'
import { encodeFrame } from './frame.ts'
import { DialerHandshake, NONCE_BYTES, VISITOR } from './handshake.ts'
import { TRANSPORT_DEFAULTS } from './limits.ts'
import { memberIn, newWorld, SECRET, twoMembers } from './testing/test-members.ts'
import type { TestMember, World } from './testing/test-members.ts'
import { visit } from './visit.ts'
import type { VisitOutcome } from './visit.ts'

function visitTo(
  world: World,
  { address }: Pick<TestMember, 'address'>,
  secret: Uint8Array = SECRET,
  payload: Uint8Array = Uint8Array.of(1, 2),
): Promise<VisitOutcome> {
  const { clock, network } = world
  const context = { secret, clock, random: new SeededRandom(3n), limits: TRANSPORT_DEFAULTS }
  const request = { kind: 7, payload, timeoutMs: 2_000 }
  clock.after(10_000, () => {}) // Time goes on while nobody waits for it.
  return clock.wait(visit({ ...context, network: network.of('visitor') }, address, request))
}

test('a visitor gets its answer and leaves', async () => {
  const world = newWorld()
  const seen: string[] = []
  const member = await memberIn(world, 1, {
    visit: async ({ from, kind, payload }) => {
      seen.push(`${from} ${kind}`)
      return payload.toReversed()
    },
  })
  const outcome = await visitTo(world, member)
  assert.deepEqual(outcome, { kind: 'answered', payload: Uint8Array.of(2, 1) })
  assert.deepEqual(seen, ['0 7'])
  await world.clock.until(() => world.network.openCount === 0, 'the end of the connection')
})

test('who belongs to no cluster yet may be visited, too, but is nobody’s peer', async () => {
  const world = newWorld()
  const nobody = await memberIn(world, 0, { cluster: '', visit: async ({ payload }) => payload })
  assert.equal((await visitTo(world, nobody)).kind, 'answered')
  const member = await memberIn(world, 1)
  member.transport.setPeer(2, nobody.address)
  await world.clock.until(() => member.link().problem !== null)
  assert.match(member.link().problem ?? '', /not-a-member: Member 2 was dialed/)
})

test('a visitor without the secret learns nothing, and is told why', async () => {
  const world = newWorld()
  const member = await memberIn(world, 1, { visit: () => Promise.reject(new Error('reached')) })
  const outcome = await visitTo(world, member, new Uint8Array(32))
  assert.ok(outcome.kind === 'refused')
  assert.equal(outcome.reason, 'wrong-secret')
})

test('nobody at the address, nobody who answers, a refusal: each is told apart', async () => {
  const world = newWorld()
  const member = await memberIn(world, 1, { visit: () => new Promise(() => {}) })
  assert.match(JSON.stringify(await visitTo(world, member)), /unanswered|no answer within 2000 ms/)
  const strict = await memberIn(world, 2, {
    visit: () => Promise.reject(new HarmonyError('OVERLOADED', 'not now')),
  })
  assert.deepEqual(await visitTo(world, strict), { kind: 'failed', code: 'OVERLOADED', message: 'not now' })
  const gone = { address: { host: 'm9', port: 7 } }
  assert.match(JSON.stringify(await visitTo(world, gone)), /unreachable.*ECONNREFUSED/)
})

test('a visitor that sends Raft messages is thrown out, and they go nowhere', async () => {
  const world = newWorld()
  const member = await memberIn(world, 1)
  const handshake = new DialerHandshake(VISITOR, 0, SECRET, new SeededRandom(5n).bytes(NONCE_BYTES))
  const connection = await world.clock.wait(
    world.network.of('visitor').connect(member.address, new AbortController().signal),
  )
  const { FrameReader } = await import('./frame.ts')
  const reader = new FrameReader(100_000)
  let isClosed = false
  connection.start({
    data: (bytes) =>
      reader.push(bytes, (frame) => {
        const { send, peer } = handshake.take(frame)
        connection.write(peer === null ? send : encodeFrame('messages', 0, [new Uint8Array(40)]))
      }),
    drained: () => {},
    closed: () => void (isClosed = true),
  })
  connection.write(handshake.begin())
  await world.clock.until(() => isClosed, 'the end of the connection')
  assert.deepEqual(member.received, [])
})

test('a member that dials in is dialed back at once, however long the wait was', async () => {
  const world = newWorld()
  const { dialer, acceptor } = await twoMembers(world)
  world.network.separate('m1', 'm2')
  await world.clock.run(60_000)
  assert.equal(dialer.link().state, 'waiting')
  acceptor.transport.setPeer(1, dialer.address)
  world.network.join('m1', 'm2')
  await world.clock.until(() => acceptor.isConnected())
  const retries = dialer.link().failures
  await world.clock.run(20)
  assert.ok(dialer.isConnected(), `still waiting after ${retries} failures`)
})
