/** Members talk over a network in memory that does to them what networks do. Time passes only when a test lets it. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import type { Connection } from '../../host/network.ts'
import { SeededRandom } from '../../host/random.ts'
import type { AppendRequest, Message } from '../../raft/message.ts'
import type { CallOutcome } from './calls.ts'
import type { IncomingCall } from './call-server.ts'
import { encodeFrame } from './frame.ts'
import { heartbeat, MESSAGE_TYPES, randomMessage } from './testing/random-messages.ts'
import { memberIn, newWorld, SECRET, twoMembers } from './testing/test-members.ts'
import { TestMember } from './testing/test-members.ts'
import type { World } from './testing/test-members.ts'

const ROUTE = { from: 1, to: 2 }
const beat = (group: number): Message => heartbeat(group, ROUTE)

function append(group: number, sizeBytes: number): AppendRequest {
  const data = new Uint8Array(sizeBytes).fill(group)
  const entries = [{ index: 1, term: 1, kind: 'command' as const, data }]
  const { term, fromGeneration, toGeneration } = beat(1)
  const place = { previousIndex: 0, previousTerm: 0, commit: 0 }
  return { type: 'append-request', group, ...ROUTE, fromGeneration, toGeneration, term, ...place, entries }
}

const groupsOf = (member: TestMember): number[] => member.received.map(({ group }) => group)
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

async function connected(
  world: World,
  options: Parameters<typeof twoMembers>[1] = {},
): ReturnType<typeof twoMembers> {
  const members = await twoMembers(world, options)
  await world.clock.until(() => members.dialer.isConnected(), 'the connection')
  return members
}

function echoAfter(clock: World['clock'], delayMs: number): (call: IncomingCall) => Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<void>()
  return ({ payload }) => {
    clock.after(delayMs, resolve)
    return promise.then(() => payload)
  }
}

test('messages of every type arrive as they were, in order, in fragments of any size', async () => {
  for (const fragmentBytesMax of [1, 2, 7, 1_000]) {
    const world = newWorld()
    world.network.faults.fragmentBytesMax = fragmentBytesMax
    const random = new SeededRandom(8n)
    const { dialer, acceptor } = await twoMembers(world)
    const sent = MESSAGE_TYPES.map((type) => randomMessage(random, type, ROUTE))
    for (const message of sent) dialer.transport.send(message)
    await world.clock.until(() => acceptor.received.length === sent.length)
    assert.deepEqual(acceptor.received, sent)
    assert.deepEqual(dialer.connected, ['2.1'])
  }
})

test('heartbeats of thousands of groups are one frame and one write', async () => {
  const world = newWorld()
  const { dialer, acceptor } = await connected(world)
  await world.clock.run(10)
  const before = dialer.link().writes
  for (const group of numbers(5_000)) dialer.transport.send(beat(group))
  await world.clock.until(() => acceptor.received.length === 5_000)
  assert.deepEqual(acceptor.deliveries, [5_000])
  const { writes, sentMessageFrames, queuedMessages, queuedBytes } = dialer.link()
  assert.deepEqual([writes - before, sentMessageFrames, queuedMessages, queuedBytes], [1, 1, 0, 0])
})

test('connections that break at any moment: messages are lost, never repeated, never reordered', async () => {
  let lost = 0
  let connections = 0
  for (const seed of numbers(10)) {
    const world = newWorld(BigInt(seed))
    Object.assign(world.network.faults, {
      breakChance: 0.02,
      fragmentBytesMax: 30,
      delayMinMs: 0,
      delayMaxMs: 5,
    })
    const { dialer, acceptor } = await twoMembers(world)
    for (const group of numbers(300)) {
      dialer.transport.send(beat(group))
      await world.clock.run(3)
    }
    world.network.faults.breakChance = 0
    await world.clock.until(() => dialer.isConnected())
    await world.clock.run(1_000)
    dialer.transport.send(beat(1_000))
    await world.clock.until(() => groupsOf(acceptor).includes(1_000))
    const groups = groupsOf(acceptor)
    assert.deepEqual(
      groups,
      [...new Set(groups)].sort((left, right) => left - right),
    )
    lost += 301 - groups.length
    connections += dialer.connected.length
  }
  assert.ok(lost > 0 && connections > 20, `${lost} lost, ${connections} connections`)
})

test('a peer that is down: messages are dropped, it is reported once, and dialed with growing pauses', async () => {
  const world = newWorld()
  const dialer = await memberIn(world, 1)
  dialer.transport.setPeer(2, { host: 'm2', port: 7 })
  await world.clock.run(60_000)
  for (const group of numbers(100)) dialer.transport.send(beat(group))
  const { failures, state, droppedMessages, problem } = dialer.link()
  assert.deepEqual([state, droppedMessages, dialer.unreachable], ['waiting', 100, [2]])
  assert.ok(failures >= 10 && failures <= 40, `${failures} attempts in a minute`)
  assert.match(problem ?? '', /m2:7 \(ECONNREFUSED\)/)
  assert.equal(dialer.logs.length, 1)
  const acceptor = await memberIn(world, 2)
  await world.clock.until(() => dialer.isConnected())
  world.network.separate('m1', 'm2')
  await world.clock.run(100)
  assert.deepEqual(dialer.unreachable, [2, 2])
  world.network.join('m1', 'm2')
  await world.clock.until(() => dialer.isConnected())
  dialer.transport.send(beat(5))
  await world.clock.until(() => acceptor.received.length === 1)
})

test('a full queue drops messages and reports once; when it was empty again, it may report again', async () => {
  const world = newWorld()
  const limits = { queuedMessagesMax: 10, silenceTimeoutMs: 1_000_000 }
  const { dialer, acceptor } = await connected(world, { dialer: { limits } })
  await world.clock.run(10)
  for (const episode of [1, 2]) {
    for (const group of numbers(25)) dialer.transport.send(beat(group))
    assert.equal(dialer.link().droppedMessages, 15 * episode)
    assert.equal(dialer.unreachable.length, episode)
    await world.clock.until(() => acceptor.received.length === 10 * episode)
  }
})

test('a full queue in bytes drops, too, and so does a message that fits into no frame', async () => {
  const world = newWorld()
  const limits = { queuedBytesMax: 30_000, frameSizeBytesMax: 20_000 }
  const { dialer, acceptor } = await connected(world, { dialer: { limits } })
  for (const group of [1, 2, 3, 4]) dialer.transport.send(append(group, 12_000))
  dialer.transport.send(append(5, 20_001))
  await world.clock.until(() => acceptor.received.length === 2)
  await world.clock.run(100)
  assert.deepEqual(groupsOf(acceptor), [1, 2])
  assert.equal(dialer.link().droppedMessages, 3)
})

test('a peer that takes nothing: what is sent waits within bounds, and the connection is given up in the end', async () => {
  const world = newWorld()
  const { dialer, acceptor } = await connected(world, {
    dialer: { limits: { queuedBytesMax: 1_000_000 } },
    acceptor: { limits: { silenceTimeoutMs: 1_000_000 } },
  })
  world.network.stall('m2')
  for (const group of numbers(50)) {
    for (const part of [1, 2]) dialer.transport.send(append(group * 2 + part, 50_000))
    await world.clock.run(10)
    assert.ok(dialer.link().queuedBytes <= 1_000_000)
  }
  assert.ok(dialer.link().droppedMessages > 50)
  assert.deepEqual(dialer.unreachable, [2])
  await world.clock.run(6_000)
  assert.match(dialer.logs.join(), /the peer is silent/)
  world.network.unstall('m2')
  await world.clock.until(() => dialer.isConnected())
  acceptor.received.length = 0
  dialer.transport.send(beat(1))
  await world.clock.until(() => groupsOf(acceptor).includes(1))
})

test('calls: answers find their calls, whatever the order; failures keep code and message', async () => {
  const world = newWorld()
  const call = async ({ kind, payload, from }: IncomingCall): Promise<Uint8Array> => {
    if (kind === 9) throw new HarmonyError('NOT_LEADER', `not for ${from}`)
    await new Promise<void>((resolve) => void world.clock.after(100 - (payload[0] ?? 0), resolve))
    return Uint8Array.from([kind, ...payload])
  }
  const { dialer } = await twoMembers(world, { acceptor: { call } })
  const deadlineMs = world.clock.nowMs() + 5_000
  const ask = (kind: number, value: number): Promise<CallOutcome> =>
    dialer.transport.call(2, { kind, payload: Uint8Array.from([value]), deadlineMs })
  const outcomes = await world.clock.wait(Promise.all([...numbers(50).map((at) => ask(3, at)), ask(9, 0)]))
  for (const at of numbers(50)) {
    const outcome = outcomes[at]
    assert.ok(outcome?.kind === 'answered')
    assert.deepEqual([...outcome.payload], [3, at])
  }
  assert.deepEqual(outcomes[50], { kind: 'failed', code: 'NOT_LEADER', message: 'not for 1' })
  assert.equal(dialer.link().activeCalls, 0)
})

test('calls: not sent and unanswered are told apart', async () => {
  const world = newWorld()
  let started = 0
  let aborted = 0
  const call = ({ signal }: IncomingCall): Promise<Uint8Array> => {
    started++
    signal.addEventListener('abort', () => aborted++)
    return new Promise(() => {})
  }
  const { dialer } = await twoMembers(world, { acceptor: { call }, dialer: { limits: { callsMax: 5 } } })
  const payload = new Uint8Array(1)
  const ask = (durationMs: number, signal?: AbortSignal): Promise<CallOutcome> =>
    dialer.transport.call(2, { kind: 1, payload, deadlineMs: world.clock.nowMs() + durationMs, signal })
  assert.deepEqual(await dialer.transport.call(7, { kind: 1, payload, deadlineMs: 9_999 }), {
    kind: 'not-sent',
    reason: 'unknown-member',
  })
  assert.deepEqual(await world.clock.wait(ask(0)), { kind: 'not-sent', reason: 'deadline' })
  const early = new AbortController()
  const cancelledEarly = ask(5_000, early.signal)
  early.abort()
  assert.deepEqual(await world.clock.wait(cancelledEarly), { kind: 'not-sent', reason: 'cancelled' })
  await world.clock.until(() => dialer.isConnected())
  const late = new AbortController()
  const cancelledLate = ask(5_000, late.signal)
  await world.clock.until(() => started === 1)
  late.abort()
  assert.deepEqual(await world.clock.wait(cancelledLate), { kind: 'unanswered', reason: 'cancelled' })
  await world.clock.until(() => aborted === 1)
  assert.deepEqual(await world.clock.wait(ask(50)), { kind: 'unanswered', reason: 'deadline' })
  const many = numbers(6).map(() => ask(60_000))
  assert.deepEqual(await world.clock.wait(many[5] as Promise<CallOutcome>), {
    kind: 'not-sent',
    reason: 'overloaded',
  })
  await world.clock.run(100)
  world.network.separate('m1', 'm2')
  for (const outcome of await world.clock.wait(Promise.all(many.slice(0, 5)))) {
    assert.deepEqual(outcome, { kind: 'unanswered', reason: 'connection-lost' })
  }
  await world.clock.until(() => aborted === 7)
  assert.deepEqual(await world.clock.wait(ask(5_000)), { kind: 'not-sent', reason: 'unreachable' })
})

test('calls: a request that never left is not sent, although the connection was up', async () => {
  const world = newWorld()
  let started = 0
  const call = async (): Promise<Uint8Array> => Uint8Array.from([++started])
  const { dialer } = await connected(world, { acceptor: { call } })
  world.network.stall('m2')
  dialer.transport.send(append(1, 500_000))
  await world.clock.run(10)
  const deadlineMs = world.clock.nowMs() + 60_000
  const waiting = dialer.transport.call(2, { kind: 1, payload: new Uint8Array(1), deadlineMs })
  await world.clock.run(10)
  world.network.separate('m1', 'm2')
  assert.deepEqual(await world.clock.wait(waiting), { kind: 'not-sent', reason: 'unreachable' })
  assert.equal(started, 0)
})

test('calls: the side that is asked has limits of its own', async () => {
  const world = newWorld()
  const limits = { callsMax: 2, callSizeBytesMax: 1_000 }
  const call = ({ kind }: IncomingCall): Promise<Uint8Array> =>
    kind === 2 ? Promise.resolve(new Uint8Array(1_001)) : new Promise(() => {})
  const { dialer } = await connected(world, { acceptor: { limits, call } })
  const deadlineMs = world.clock.nowMs() + 60_000
  const ask = (kind: number, sizeBytes = 1): Promise<CallOutcome> =>
    dialer.transport.call(2, { kind, payload: new Uint8Array(sizeBytes), deadlineMs })
  const codeOf = (outcome: CallOutcome): string => (outcome.kind === 'failed' ? outcome.code : outcome.kind)
  assert.equal(codeOf(await world.clock.wait(ask(2))), 'RESPONSE_TOO_LARGE')
  void ask(1)
  void ask(1)
  assert.equal(codeOf(await world.clock.wait(ask(1))), 'OVERLOADED')
  assert.deepEqual(await world.clock.wait(ask(1, 1_001)), { kind: 'unanswered', reason: 'connection-lost' })
})

test('a member that starts again replaces its connection; its former self is refused', async () => {
  const world = newWorld()
  const { dialer, acceptor } = await connected(world)
  const reborn = new TestMember(1, world.network.of('m9'), world.clock, { incarnation: 2 })
  reborn.transport.setPeer(2, acceptor.address)
  await world.clock.until(() => reborn.isConnected())
  await world.clock.run(2_000)
  assert.match(dialer.link().problem ?? '', /stale-incarnation/)
  const { inbound } = acceptor.transport.statistics()
  assert.deepEqual(
    inbound.map(({ member, incarnation }) => [member, incarnation]),
    [[1, 2]],
  )
  assert.match(acceptor.logs.join('\n'), /Refused a connection .*stale-incarnation/)
})

test('whoever dialed and is gone is told of, also by the one who does not dial it, and before its next connection says a word', async () => {
  const world = newWorld()
  const departures: number[] = []
  const call = ({ payload }: IncomingCall): Promise<Uint8Array> => {
    departures.push(acceptor.departed.length)
    return Promise.resolve(payload)
  }
  const { dialer, acceptor } = await connected(world, { acceptor: { call } })
  const ask = (from: TestMember): Promise<CallOutcome> => {
    const deadlineMs = world.clock.nowMs() + 60_000
    return world.clock.wait(from.transport.call(2, { kind: 1, payload: new Uint8Array(1), deadlineMs }))
  }
  await ask(dialer)
  const reborn = new TestMember(1, world.network.of('m9'), world.clock, { incarnation: 2 })
  reborn.transport.setPeer(2, acceptor.address)
  await ask(reborn)
  assert.deepEqual(departures, [0, 1])
  await reborn.transport.close()
  await world.clock.until(() => acceptor.departed.length === 2, 'word of the end')
  assert.deepEqual([acceptor.departed, acceptor.unreachable, dialer.departed], [[1, 1], [], []])
})

test('refusals are told to both sides, with the same reason', async () => {
  const world = newWorld()
  const acceptor = await memberIn(world, 2)
  const cases = [
    ['foreign-cluster', { cluster: 'other' }],
    ['wrong-secret', { secret: SECRET.toReversed() }],
  ] as const
  for (const [reason, options] of cases) {
    const stranger = await memberIn(world, 1, options)
    stranger.transport.setPeer(2, acceptor.address)
    await world.clock.until(() => stranger.link().problem?.includes(reason) === true, reason)
    assert.match(acceptor.logs.at(-1) ?? '', new RegExp(`Refused a connection .*${reason}`))
    assert.match(stranger.logs.at(-1) ?? '', new RegExp(reason))
    await stranger.transport.close()
  }
  const lost = await memberIn(world, 3)
  lost.transport.setPeer(4, acceptor.address)
  lost.transport.setPeer(5, lost.address)
  await world.clock.run(1_000)
  assert.match(lost.logs.join('\n'), /wrong-member/)
  assert.match(lost.logs.join('\n'), /self-connection/)
  assert.deepEqual(acceptor.transport.statistics().inbound, [])
  await assert.rejects(() => memberIn(world, 7, { secret: new Uint8Array(3) }), /16 random bytes/)
})

test('who connects and says nothing, or nonsense, is closed; there is room for a few at a time', async () => {
  const world = newWorld()
  const limits = { pendingHandshakesMax: 3 }
  const acceptor = await memberIn(world, 2, { limits })
  const closed: string[] = []
  const dial = async (bytes: Uint8Array): Promise<Connection> => {
    const signal = new AbortController().signal
    const connection = await world.clock.wait(world.network.of('x').connect(acceptor.address, signal))
    connection.start({ data: () => {}, drained: () => {}, closed: () => closed.push('closed') })
    if (bytes.length > 0) connection.write([bytes])
    return connection
  }
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.concat(encodeFrame('ping'))]) {
    await dial(new Uint8Array(bytes))
    await world.clock.run(1_000)
  }
  assert.equal(closed.length, 2)
  for (const _ of numbers(5)) await dial(new Uint8Array(0))
  await world.clock.run(100)
  assert.equal(closed.length, 4)
  assert.match(acceptor.logs.join('\n'), /overloaded/)
  await world.clock.run(6_000)
  assert.equal(closed.length, 7)
  assert.match(acceptor.logs.join('\n'), /too-slow/)
  assert.equal(world.network.openCount, 0)
})

test('closing ends everything: calls, connections, timers', async () => {
  const world = newWorld()
  const { dialer, acceptor } = await connected(world, { acceptor: { call: echoAfter(world.clock, 1e6) } })
  const deadlineMs = world.clock.nowMs() + 60_000
  const call = dialer.transport.call(2, { kind: 1, payload: new Uint8Array(1), deadlineMs })
  await world.clock.run(10)
  await dialer.transport.close()
  assert.deepEqual(await call, { kind: 'unanswered', reason: 'stopped' })
  await acceptor.transport.close()
  await world.clock.run(2e6)
  assert.deepEqual([world.network.openCount, world.clock.timerCount], [0, 0])
  dialer.transport.send(beat(1))
  assert.equal(dialer.transport.statistics().strayMessages, 1)
  dialer.transport.setPeer(2, acceptor.address)
  assert.deepEqual(dialer.transport.statistics().links, [])
})
