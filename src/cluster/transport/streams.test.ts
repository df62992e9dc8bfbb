/** Byte streams: all bytes, in order, resumed where they broke, never in the way of a heartbeat. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import type { Message } from '../../raft/message.ts'
import { SeededRandom } from '../../host/random.ts'
import type { IncomingStream, StreamSink } from './stream-receiver.ts'
import type { StreamOutcome, StreamSource } from './stream-sender.ts'
import { heartbeat } from './testing/random-messages.ts'
import { newWorld, twoMembers } from './testing/test-members.ts'
import type { MemberOptions, TestMember, World } from './testing/test-members.ts'

const FILE = new SeededRandom(6n).bytes(1_000_000)
const beat = (group: number): Message => heartbeat(group, { from: 1, to: 2 })

function sourceOf(bytes: Uint8Array, reads: number[] = []): StreamSource {
  const read = async (offset: number, sizeBytes: number): Promise<Uint8Array> => {
    reads.push(offset)
    return bytes.slice(offset, offset + sizeBytes)
  }
  return { description: Uint8Array.from([1, 2, 3]), sizeBytes: bytes.length, read }
}

/** Keeps what it got, for the next attempt too. */
class Receiver {
  readonly opened: IncomingStream[] = []
  bytes = Buffer.alloc(0)
  finishes = 0
  interruptions = 0
  beforeWrite: (bytes: Uint8Array) => Promise<void> = async () => {}

  readonly open = async (stream: IncomingStream): Promise<StreamSink> => {
    this.opened.push(stream)
    return {
      offset: this.bytes.length,
      write: async (bytes) => {
        await this.beforeWrite(bytes)
        this.bytes = Buffer.concat([this.bytes, bytes])
      },
      finish: async () => void this.finishes++,
      interrupted: () => void this.interruptions++,
    }
  }
}

interface Scene {
  readonly world: World
  readonly dialer: TestMember
  readonly acceptor: TestMember
  readonly receiver: Receiver
}

async function scene(options: { dialer?: MemberOptions; acceptor?: MemberOptions } = {}): Promise<Scene> {
  const world = newWorld()
  const receiver = new Receiver()
  const acceptorOptions = { stream: receiver.open, ...options.acceptor }
  const members = await twoMembers(world, { dialer: options.dialer ?? {}, acceptor: acceptorOptions })
  await world.clock.until(() => members.dialer.isConnected())
  return { world, receiver, ...members }
}

test('a file arrives whole, with its description, in chunks of bounded size', async () => {
  const { world, dialer, receiver } = await scene()
  const sizes: number[] = []
  receiver.beforeWrite = async ({ length }) => void sizes.push(length)
  assert.deepEqual(await world.clock.wait(dialer.transport.sendStream(2, sourceOf(FILE))), { kind: 'done' })
  assert.ok(receiver.bytes.equals(FILE))
  assert.deepEqual([receiver.finishes, receiver.interruptions], [1, 0])
  assert.deepEqual(receiver.opened, [
    { from: 1, description: Uint8Array.from([1, 2, 3]), sizeBytes: FILE.length },
  ])
  assert.ok(Math.max(...sizes) <= 64 * 1024)
})

test('an empty file, and one that is there already, are done at once', async () => {
  const { world, dialer, receiver } = await scene()
  const reads: number[] = []
  assert.equal(
    (await world.clock.wait(dialer.transport.sendStream(2, sourceOf(new Uint8Array(0), reads)))).kind,
    'done',
  )
  receiver.bytes = Buffer.from(FILE)
  assert.equal((await world.clock.wait(dialer.transport.sendStream(2, sourceOf(FILE, reads)))).kind, 'done')
  assert.deepEqual(reads, [])
})

test('after each broken connection the stream goes on where it broke', async () => {
  const { world, dialer, receiver } = await scene({ dialer: { limits: { streamBytesPerSecond: 1_000_000 } } })
  const reads: number[] = []
  let attempts = 0
  for (let outcome: StreamOutcome | null = null; outcome?.kind !== 'done'; attempts++) {
    await world.clock.until(() => dialer.isConnected())
    const sending = world.clock.wait(dialer.transport.sendStream(2, sourceOf(FILE, reads)))
    if (attempts < 3) world.clock.after(280, () => world.network.breakAll())
    outcome = await sending
    if (outcome.kind === 'interrupted') assert.equal(outcome.reason, 'connection-lost')
  }
  assert.equal(attempts, 4)
  assert.ok(receiver.bytes.equals(FILE))
  assert.deepEqual([receiver.finishes, receiver.interruptions], [1, 3])
  assert.ok(reads.length < 25, `${reads.length} chunks were read for 16`)
})

test('a slow receiver is sent no more than the window', async () => {
  const limits = { streamWindowBytes: 200_000 }
  const { world, dialer, receiver } = await scene({ acceptor: { limits } })
  const { promise, resolve } = Promise.withResolvers<void>()
  receiver.beforeWrite = () => promise
  const sending = dialer.transport.sendStream(2, sourceOf(FILE))
  await world.clock.run(3_000)
  assert.equal(dialer.link().streamedBytes, 200_000)
  resolve()
  assert.equal((await world.clock.wait(sending)).kind, 'done')
  assert.ok(receiver.bytes.equals(FILE))
})

test('no heartbeat waits for more than what is already on its way', async () => {
  const { world, dialer, acceptor, receiver } = await scene()
  const sending = dialer.transport.sendStream(2, sourceOf(FILE))
  await world.clock.until(() => receiver.bytes.length > 0)
  const streamed: number[] = []
  for (let group = 0; receiver.finishes === 0; group++) {
    const before = dialer.link().streamedBytes
    dialer.transport.send(beat(group))
    await world.clock.until(() => acceptor.received.length === group + 1)
    streamed.push(dialer.link().streamedBytes - before)
    await world.clock.run(1)
  }
  assert.ok(streamed.length > 3, `${streamed.length} heartbeats during the stream`)
  assert.ok(Math.max(...streamed) <= 512 * 1024, `${Math.max(...streamed)} bytes got ahead`)
  assert.equal((await world.clock.wait(sending)).kind, 'done')
})

test('a heartbeat overtakes the chunk that waits for its turn', async () => {
  const { world, dialer, acceptor, receiver } = await scene()
  let writtenBytes = 0
  receiver.beforeWrite = async ({ length }) => void (writtenBytes += length)
  world.network.stall('m2')
  world.clock.after(1, () => world.network.unstall('m2'))
  const sending = dialer.transport.sendStream(2, sourceOf(FILE))
  await world.clock.until(() => writtenBytes > 0)
  world.network.stall('m2')
  await world.clock.run(100)
  const sentBytes = dialer.link().streamedBytes
  dialer.transport.send(beat(1))
  await world.clock.run(100)
  world.network.unstall('m2')
  await world.clock.until(() => acceptor.received.length === 1)
  assert.ok(sentBytes < 500_000, `${sentBytes} bytes were sent: the connection was not full`)
  assert.equal(writtenBytes, sentBytes)
  assert.equal((await world.clock.wait(sending)).kind, 'done')
})

test('the rate is kept for all streams together', async () => {
  const limits = { streamBytesPerSecond: 100_000 }
  const { world, dialer } = await scene({
    dialer: { limits },
    acceptor: { stream: (stream) => new Receiver().open(stream) },
  })
  void dialer.transport.sendStream(2, sourceOf(FILE))
  void dialer.transport.sendStream(2, sourceOf(FILE))
  await world.clock.run(5_000)
  const { streamedBytes } = dialer.link()
  assert.ok(streamedBytes > 400_000 && streamedBytes <= 500_000 + 2 * 65_536, `${streamedBytes} bytes in 5 s`)
})

test('a receiver that refuses or fails says why', async () => {
  const { world, dialer, receiver } = await scene()
  receiver.beforeWrite = () => Promise.reject(new HarmonyError('DISK_FULL', 'no room'))
  const outcome = await world.clock.wait(dialer.transport.sendStream(2, sourceOf(FILE)))
  assert.deepEqual(outcome, { kind: 'refused', code: 'DISK_FULL', message: 'no room' })
  receiver.bytes = Buffer.alloc(FILE.length + 1)
  const tooLong = await world.clock.wait(dialer.transport.sendStream(2, sourceOf(FILE)))
  assert.equal(tooLong.kind === 'refused' && tooLong.code, 'DATA_CORRUPT')
  await world.clock.run(10)
  assert.deepEqual([receiver.finishes, receiver.interruptions], [0, 2])
  assert.equal(dialer.isConnected(), true)
})

test('a source that fails, or is shorter than it said, ends the stream on both sides', async () => {
  const { world, dialer, receiver } = await scene()
  const failing = { ...sourceOf(FILE), read: () => Promise.reject(new Error('disk')) }
  await assert.rejects(world.clock.wait(dialer.transport.sendStream(2, failing)), /disk/)
  const short = { ...sourceOf(FILE.slice(0, 100)), sizeBytes: 200 }
  await assert.rejects(world.clock.wait(dialer.transport.sendStream(2, short)), /not as long as it said/)
  await world.clock.until(() => receiver.interruptions === 2)
  assert.equal(dialer.link().activeStreams, 0)
})

test('a stream can be cancelled, and there are limits on both sides', async () => {
  const { world, dialer, receiver } = await scene({
    dialer: { limits: { streamsMax: 2 } },
    acceptor: { limits: { streamsMax: 1 } },
  })
  receiver.beforeWrite = () => new Promise(() => {})
  const abort = new AbortController()
  const first = dialer.transport.sendStream(2, sourceOf(FILE), abort.signal)
  const second = dialer.transport.sendStream(2, sourceOf(FILE))
  const third = await dialer.transport.sendStream(2, sourceOf(FILE))
  assert.deepEqual(third, { kind: 'interrupted', reason: 'overloaded' })
  const outcome = await world.clock.wait(second)
  assert.equal(outcome.kind === 'refused' && outcome.code, 'OVERLOADED')
  abort.abort()
  assert.deepEqual(await first, { kind: 'interrupted', reason: 'cancelled' })
  const statistics = (): number | undefined => dialer.link().activeStreams
  await world.clock.run(10)
  assert.equal(statistics(), 0)
})
