/** What leaves first, what waits, and when a connection is given up. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Connection, ConnectionEvents } from '../../host/network.ts'
import { Channel } from './channel.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import { SimulatedClock } from './testing/simulated-clock.ts'

/** Notes writes, and says that it is full when it is told to. */
class Wire implements Connection {
  readonly remote = 'wire'
  readonly writes: string[] = []
  events: ConnectionEvents | null = null
  isFull = false
  isDestroyed = false

  start(events: ConnectionEvents): void {
    this.events = events
  }

  write(parts: readonly Uint8Array[]): boolean {
    this.writes.push(
      parts
        .filter((part) => part.length === 1)
        .map(String)
        .join(' '),
    )
    return !this.isFull
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    this.isDestroyed = true
    this.events?.closed(null)
  }
}

/** A frame that a wire notes as `name`. */
const frame = (name: number): Uint8Array[] => encodeFrame('chunk', 1, [Uint8Array.of(name)])

function newChannel(writeSizeBytes = 1_000): {
  clock: SimulatedClock
  wire: Wire
  channel: Channel
  urgent: FrameQueue
  other: FrameQueue
  problems: string[]
} {
  const clock = new SimulatedClock()
  const wire = new Wire()
  const problems: string[] = []
  const closed = (problem: string): void => void problems.push(problem)
  const options = { clock, payloadBytesMax: 100, writeSizeBytes }
  const channel = new Channel(wire, options, { frame: () => {}, closed })
  const [urgent, other] = [new FrameQueue(10_000), new FrameQueue(10_000)]
  channel.setSources([urgent, other])
  return { clock, wire, channel, urgent, other, problems }
}

test('what is urgent leaves first, all of a turn in one write', async () => {
  const { clock, wire, channel, urgent, other } = newChannel()
  other.push(frame(1))
  channel.wake()
  other.push(frame(2))
  urgent.push(frame(9))
  assert.deepEqual(wire.writes, [])
  await clock.run(1)
  assert.deepEqual(wire.writes, ['9 1 2'])
})

test('a write is bounded: what became urgent meanwhile is not behind all that waited before', async () => {
  const { clock, wire, channel, urgent, other } = newChannel(20)
  for (const name of [1, 2, 3, 4]) other.push(frame(name))
  channel.wake()
  await clock.until(() => wire.writes.length === 1)
  urgent.push(frame(9))
  await clock.run(1)
  assert.deepEqual(wire.writes, ['1 2', '9 3', '4'])
})

test('a full connection is left alone until it drains; what waits meanwhile is put in order', async () => {
  const { clock, wire, channel, urgent, other } = newChannel()
  wire.isFull = true
  other.push(frame(1))
  channel.wake()
  await clock.run(1)
  other.push(frame(2))
  urgent.push(frame(9))
  channel.wake()
  await clock.run(1_000)
  assert.deepEqual(wire.writes, ['1'])
  wire.isFull = false
  wire.events?.drained()
  assert.deepEqual(wire.writes, ['1', '9 2'])
})

test('silence ends a connection; bytes that come in or get out are no silence', async () => {
  const { clock, wire, channel, problems } = newChannel()
  channel.closeWhenSilent(100)
  await clock.run(90)
  wire.events?.data(new Uint8Array(1))
  await clock.run(90)
  wire.events?.drained()
  await clock.run(99)
  assert.equal(wire.isDestroyed, false)
  await clock.run(2)
  assert.equal(wire.isDestroyed, true)
  assert.deepEqual(problems, ['the peer is silent'])
})

test('what is no frame ends a connection', () => {
  const { wire, problems } = newChannel()
  wire.events?.data(new Uint8Array(13).fill(1))
  assert.match(problems.join(), /can't be read: a frame of 16843009 bytes, 100 are allowed/)
})
