/** Whom a member dials, and where: by the catalog that it has, which may be old, and by what others say of themselves. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../host/random.ts'
import { PeerNetwork } from './peer-network.ts'
import type { CallOutcome } from './transport/calls.ts'
import { TRANSPORT_DEFAULTS } from './transport/limits.ts'
import { heartbeat } from './transport/testing/random-messages.ts'
import { memberIn, newWorld, SECRET } from './transport/testing/test-members.ts'
import type { TestMember, World } from './transport/testing/test-members.ts'

interface Connections {
  readonly peers: PeerNetwork
  readonly connected: number[]
  readonly unreachable: number[]
}

/** Of member 1. */
function connectionsIn({ clock, network }: World): Connections {
  const [connected, unreachable]: [number[], number[]] = [[], []]
  const peers = new PeerNetwork({
    own: { cluster: 'c1', member: 1, incarnation: 1 },
    secret: SECRET,
    network: network.of('m1'),
    clock,
    random: new SeededRandom(1n),
    limits: TRANSPORT_DEFAULTS,
    handlers: {
      messages: () => {},
      call: ({ payload }) => Promise.resolve(payload),
      stream: () => Promise.reject(new Error('no streams here')),
      connected: (member) => connected.push(member),
      unreachable: (member) => unreachable.push(member),
      departed: () => {},
    },
    log: () => {},
  })
  return { peers, connected, unreachable }
}

const SECOND = { member: 2, address: 'm2:7' }
const FIFTH = { member: 5, address: 'm5:7' }

const dialedBy = (member: TestMember): number => member.transport.statistics().inbound.length

test('a member that the catalog does not have is dialed where it says that it is, and is none of the members before the catalog has it', async () => {
  const world = newWorld()
  const fifth = await memberIn(world, 5)
  const { peers, connected } = connectionsIn(world)
  peers.setMembers([SECOND], [])
  peers.setAddress(5, FIFTH.address)
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  peers.setMembers([SECOND], [])
  peers.send(heartbeat(0, { from: 1, to: 5 }))
  await world.clock.until(() => fifth.received.length === 1, 'the message')
  assert.deepEqual([peers.members, peers.addresses()], [[2], [SECOND]])
  peers.setMembers([SECOND, FIFTH], [])
  assert.deepEqual(
    [peers.members, peers.addresses()],
    [
      [2, 5],
      [SECOND, FIFTH],
    ],
  )
  assert.ok(peers.isConnected(5))
  assert.deepEqual(connected, [5], 'one connection all the time')
})

test('a member that was removed is not dialed any more, whatever it says, unless it is still needed', async () => {
  const world = newWorld()
  const fifth = await memberIn(world, 5)
  const { peers, unreachable } = connectionsIn(world)
  peers.setAddress(5, FIFTH.address)
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  peers.setMembers([SECOND, FIFTH], [5])
  assert.ok(peers.isConnected(5))
  peers.setMembers([SECOND], [5])
  assert.deepEqual(unreachable, [5])
  await world.clock.until(() => dialedBy(fifth) === 0, 'the end of the connection')
  peers.setAddress(5, FIFTH.address)
  assert.equal(peers.view(5).connection, 'none')
})

test('a member that was known at the start stays dialed when the catalog, which may be older, does not have it', async () => {
  const world = newWorld()
  const fifth = await memberIn(world, 5)
  const { peers } = connectionsIn(world)
  peers.setMembers([SECOND, FIFTH], [])
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  peers.setMembers([SECOND], [])
  assert.deepEqual(peers.members, [2])
  assert.ok(peers.isConnected(5))
  peers.setMembers([SECOND], [5])
  await world.clock.until(() => dialedBy(fifth) === 0, 'the end of the connection')
})

test('what is no address is refused, and changes nothing', async () => {
  const world = newWorld()
  await memberIn(world, 5)
  const { peers } = connectionsIn(world)
  assert.throws(() => peers.setAddress(5, 'nonsense'), { code: 'ARGS_INVALID' })
  assert.equal(peers.view(5).connection, 'none')
  peers.setAddress(5, FIFTH.address)
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  assert.throws(() => peers.setAddress(5, ''), { code: 'ARGS_INVALID' })
  assert.ok(peers.isConnected(5))
})

test('a catalog that catches up passes over an address that a member had before; one that moves when it is lost is believed', async () => {
  const world = newWorld()
  const fifth = await memberIn(world, 5)
  const { peers, connected } = connectionsIn(world)
  peers.setAddress(5, FIFTH.address)
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  peers.setMembers([{ member: 5, address: 'before:7' }], [])
  peers.setMembers([FIFTH], [])
  assert.ok(peers.isConnected(5))
  assert.deepEqual(connected, [5], 'one connection all the time')
  peers.setMembers([{ member: 5, address: 'after:7' }], [])
  await fifth.transport.close()
  await world.clock.until(() => !peers.isConnected(5), 'the loss')
  assert.deepEqual(peers.addresses(), [{ member: 5, address: 'after:7' }])
})

test('where a member says that it is stands until the catalog moves, also when the connection is lost', async () => {
  const world = newWorld()
  const fifth = await memberIn(world, 5)
  const { peers } = connectionsIn(world)
  const inCatalog = { member: 5, address: 'before:7' }
  peers.setMembers([inCatalog], [])
  peers.setAddress(5, FIFTH.address)
  await world.clock.until(() => peers.isConnected(5), 'the connection')
  await fifth.transport.close()
  await world.clock.until(() => !peers.isConnected(5), 'the loss')
  peers.setMembers([inCatalog], [])
  assert.deepEqual(peers.addresses(), [FIFTH])
  peers.setMembers([{ member: 5, address: 'after:7' }], [])
  assert.deepEqual(peers.addresses(), [{ member: 5, address: 'after:7' }])
})

test('who asks a member that is closing is answered, and so is who asks a moment later; then the connection ends', async () => {
  const world = newWorld()
  const asking = await memberIn(world, 2)
  const { peers } = connectionsIn(world)
  await peers.listen({ host: 'm1', port: 7 })
  asking.transport.setPeer(1, { host: 'm1', port: 7 })
  await world.clock.until(() => asking.link().state === 'connected', 'the connection')
  const ask = (): Promise<CallOutcome> =>
    asking.transport.call(1, {
      kind: 1,
      payload: Uint8Array.of(7),
      deadlineMs: world.clock.nowMs() + 60_000,
    })
  const first = ask()
  const closed = peers.close()
  const later = new Promise<CallOutcome>((resolve) => {
    world.clock.after(50, () => resolve(ask()))
  })
  const outcomes = await world.clock.wait(Promise.all([first, later]))
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['answered', 'answered'],
  )
  await world.clock.wait(closed)
  await world.clock.until(() => asking.link().state !== 'connected', 'the end of the connection')
})
