/** Raft messages survive the wire; nothing else than what we write is read. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { AssertionError } from '../../base/assert.ts'
import { DecodeError } from '../../base/bytes.ts'
import { SeededRandom } from '../../host/random.ts'
import type { Random } from '../../host/random.ts'
import type { AppendRequest, Message } from '../../raft/message.ts'
import { decodeMessages, FRAME_MESSAGES_MAX, MessagesEncoder } from './message-codec.ts'
import { goldenMessages, heartbeat, MESSAGE_TYPES, randomMessage, ROUTE } from './testing/random-messages.ts'

function encode(...messages: Message[]): Uint8Array<ArrayBuffer> {
  const encoder = new MessagesEncoder(ROUTE)
  for (const message of messages) encoder.add(message)
  return new Uint8Array(Buffer.concat(encoder.finish()))
}

function randomMessages(random: Random): Message[] {
  return Array.from({ length: 1 + random.integer(8) }, () =>
    randomMessage(random, MESSAGE_TYPES[random.integer(MESSAGE_TYPES.length)] ?? 'wake-request'),
  )
}

test('every type of message comes back as it was, alone and with others', () => {
  const random = new SeededRandom(1n)
  for (let round = 0; round < 200; round++) {
    for (const type of MESSAGE_TYPES) {
      const message = randomMessage(random, type)
      assert.deepEqual(decodeMessages(encode(message), ROUTE), [message])
    }
    const messages = randomMessages(random)
    assert.deepEqual(decodeMessages(encode(...messages), ROUTE), messages)
  }
})

/** A change here is a new version of the format: members of two versions talk to each other during an upgrade. */
const GOLDEN: Readonly<Record<string, string>> = {
  'pre-vote-request': '0101eed0eabce2f30603149606f73ce4b461',
  'pre-vote-response': '0102e8c6ebfd0296e49da4c3c1e3018b9a8d0689898ff69eaf0800',
  'vote-request': '010388c690ff05bd82e58f06f8e202bdd7d3e9f405915dd5800701',
  'vote-response': '01042cfbc99d9501ad14e30100',
  'append-request':
    '0105e3f4c803de8986ebc9f703e58c4b83b0e19e89dc1cbd958ccce805c29ac4f5e88d24ebdeb798b9ff030301bd91f9bf98590002d7dff6f4d9016a0100bf0a83892e00000003ebbe815616000004000100000000000000020000000000000002000000000000000700000000000000030000000000000002000000000000000400000000000000040000000000000000000100090000000000000001000000000000000000019cefe08f0200',
  'append-accepted': '0106e6a560ad0685039ed3c1898caf8b048afbb402',
  'append-rejected': '01079cb2bb86920700fbcdeed2019f03743f990e',
  'stale-leader': '01088793029fe7e0add7d312beb5ff01acf39f05',
  'heartbeat-request': '0109c885c5ca13b0fbad9f8901059cc3dccdccaf5b0d83e1bbd31700',
  'heartbeat-response': '010ae8cbe296c001ba64d50ee1b09df93ea019',
  'snapshot-request':
    '010b026bc897f5aeddcb07f6f3b3d69b3291a4cb8b888e9601bc123a0100010000000000000029d2a9878ac8010001000100000000000000030000000000000000000100090000000000000001000000000000000000',
  'timeout-now': '010cd48c02e494e6a5209a0231',
  'read-index-request': '010d93aa81c207f439cab8feb597ad02c001b48f01',
  'read-index-response': '010eafbd8fa7c20a8ae3abaa09baf39cf4b95980c0bcee9203bd16f68f9c50',
  'wake-request': '010fc6a01201a5f1b8c6a1cc0a01',
  'tombstone-notice': '0110f782ee6382c3c66ea507a48cccb98a31',
}

test('the bytes of every type stay what they are', () => {
  const actual = Object.fromEntries(
    goldenMessages().map((message) => [message.type, Buffer.from(encode(message)).toString('hex')]),
  )
  assert.deepEqual(actual, GOLDEN)
})

test('golden bytes are read', () => {
  for (const message of goldenMessages()) {
    const bytes = new Uint8Array(Buffer.from(GOLDEN[message.type] ?? '', 'hex'))
    assert.deepEqual(decodeMessages(bytes, ROUTE), [message])
  }
})

test('mutated bytes are messages again or a DecodeError, nothing else', () => {
  const random = new SeededRandom(2n)
  let errors = 0
  for (let round = 0; round < 5_000; round++) {
    const bytes = encode(...randomMessages(random))
    const mutated = mutate(random, bytes)
    try {
      const messages = decodeMessages(mutated, ROUTE)
      // One value has one encoding: whatever is accepted is what a member writes.
      if (messages.length > 0) assert.deepEqual(encode(...messages), mutated)
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
      errors++
    }
  }
  assert.ok(errors > 1_500, `${errors} of the mutations were noticed`)
})

function mutate(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  const at = random.integer(bytes.length)
  switch (random.integer(4)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return new Uint8Array([
        ...bytes.slice(0, at),
        ...random.bytes(1 + random.integer(9)),
        ...bytes.slice(at),
      ])
    case 2:
      return new Uint8Array([...bytes.slice(0, at), ...bytes.slice(at + 1 + random.integer(4))])
    default:
      for (let count = 0; count <= random.integer(4); count++)
        bytes[random.integer(bytes.length)] = random.integer(256)
      return bytes
  }
}

test('the beginning of a message is none, and neither is one with more after it', () => {
  for (const message of goldenMessages()) {
    const bytes = encode(message)
    for (let end = 2; end < bytes.length; end++) {
      assert.throws(() => decodeMessages(bytes.slice(0, end), ROUTE), DecodeError)
    }
    assert.throws(() => decodeMessages(new Uint8Array([...bytes, 0]), ROUTE), DecodeError)
  }
})

test('unknown versions and kinds are refused', () => {
  const bytes = encode(heartbeat(1))
  assert.throws(() => decodeMessages(Uint8Array.from([2, ...bytes.slice(1)]), ROUTE), /version 2/)
  assert.throws(
    () => decodeMessages(Uint8Array.from([1, 17, ...bytes.slice(2)]), ROUTE),
    /kind of message 17/,
  )
  assert.throws(
    () => decodeMessages(Uint8Array.from([1, 5, 1, 1, 1, 9, 0, 0, 0, 1, 3, 1, 0]), ROUTE),
    /kind of entry 3/,
  )
})

test('a count that is only claimed costs nothing', () => {
  const claims = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07]
  assert.throws(
    () => decodeMessages(Uint8Array.from([1, 5, 1, 1, 1, 9, 0, 0, 0, ...claims]), ROUTE),
    /entries at byte 9/,
  )
  // Within the limit, and still more than there is: it ends with the bytes, not with memory.
  assert.throws(
    () => decodeMessages(Uint8Array.from([1, 5, 1, 1, 1, 9, 0, 0, 0, 0x80, 0x80, 0x10]), ROUTE),
    /are left/,
  )
  const length = Uint8Array.from([1, 5, 1, 1, 1, 9, 0, 0, 0, 1, 0, 9, ...claims])
  assert.throws(() => decodeMessages(length, ROUTE), /are left/)
})

test('entries of a frame are bounded over all of its messages', () => {
  const data = new Uint8Array(0)
  const entries = (count: number): AppendRequest['entries'] =>
    Array.from({ length: count }, (_, at) => ({ index: at + 1, term: 1, kind: 'empty', data }))
  const append = (count: number): AppendRequest => ({
    ...(heartbeat(1) as AppendRequest),
    type: 'append-request',
    previousIndex: 0,
    previousTerm: 0,
    entries: entries(count),
    commit: 0,
  })
  const encoder = new MessagesEncoder(ROUTE)
  encoder.add(append(200_000))
  assert.equal(encoder.isFullFor(append(62_145)), true)
  assert.equal(encoder.isFullFor(append(62_144)), false)
  const half = encode(append(200_000))
  assert.throws(() => decodeMessages(new Uint8Array([...half, ...half.subarray(1)]), ROUTE), /200000 entries/)
})

test('messages of a frame are bounded', () => {
  const one = encode(heartbeat(1)).subarray(1)
  const frame = new Uint8Array(1 + (FRAME_MESSAGES_MAX + 1) * one.length)
  frame[0] = 1
  for (let at = 1; at < frame.length; at += one.length) frame.set(one, at)
  assert.equal(decodeMessages(frame.subarray(0, -one.length), ROUTE).length, FRAME_MESSAGES_MAX)
  assert.throws(() => decodeMessages(frame, ROUTE), /too many messages/)
})

test('large entries are not copied on the way out, nor on the way in if they are most of a frame', () => {
  const data = new Uint8Array(10_000).fill(1)
  const append = (...sizes: number[]): Message => ({
    ...(heartbeat(1) as AppendRequest),
    type: 'append-request',
    previousIndex: 0,
    previousTerm: 0,
    commit: 0,
    entries: sizes.map((size, at) => ({
      index: at + 1,
      term: 1,
      kind: 'command',
      data: data.subarray(0, size),
    })),
  })
  const encoder = new MessagesEncoder(ROUTE)
  encoder.add(append(10_000))
  assert.ok(encoder.finish().some((part) => part.buffer === data.buffer))
  const read = (bytes: Uint8Array): Uint8Array[] =>
    decodeMessages(bytes, ROUTE).flatMap((message) =>
      (message as AppendRequest).entries.map((one) => one.data),
    )
  const large = encode(append(10_000))
  assert.equal(read(large)[0]?.buffer, large.buffer)
  const many = encode(append(3_000, 3_000, 3_000))
  for (const entryData of read(many)) assert.equal(entryData.buffer.byteLength, 3_000)
})

test('a message for another connection is our own bug', () => {
  const encoder = new MessagesEncoder({ from: 2, to: 3 })
  assert.throws(() => encoder.add(heartbeat(1)), AssertionError)
})
