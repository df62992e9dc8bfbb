import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Message } from './message.ts'
import { Outbox } from './outbox.ts'
import { envelope } from './testing/build.ts'

function accepted(index: number, to = 2): Message {
  return { ...envelope(1, to, 1), type: 'append-accepted', index }
}

function vote(to: number): Message {
  return { ...envelope(1, to, 1), type: 'vote-response', granted: true }
}

function indexes(messages: readonly Message[]): unknown[] {
  return messages.map((message) => (message.type === 'append-accepted' ? message.index : message.type))
}

test('a promise waits for the write that backs it, and for all before it', () => {
  const outbox = new Outbox(1)
  outbox.sendAfter(3, 1, vote(2))
  outbox.release(2)
  assert.deepEqual(outbox.takeMessages(), [])
  outbox.release(3)
  assert.deepEqual(outbox.takeMessages(), [vote(2)])
})

test('what is durable already goes at once', () => {
  const outbox = new Outbox(1)
  outbox.sendAfter(3, 3, vote(2))
  assert.deepEqual(outbox.takeMessages(), [vote(2)])
})

test('acknowledgements that wait for one write are told as the highest of them', () => {
  const outbox = new Outbox(1)
  for (const index of [4, 6, 5]) outbox.sendAfter(1, 0, accepted(index))
  outbox.sendAfter(1, 0, accepted(3, 9))
  outbox.sendAfter(2, 0, accepted(7))
  outbox.release(2)
  assert.deepEqual(indexes(outbox.takeMessages()), [6, 3, 7])
})

test('a promise to itself never goes out', () => {
  const outbox = new Outbox(1)
  outbox.sendAfter(1, 0, vote(1))
  assert.equal(outbox.hasToSelf, false)
  outbox.release(1)
  assert.deepEqual([outbox.takeMessages(), outbox.takeToSelf()], [[], [vote(1)]])
})

test('what waits for an earlier term is not sent in a later one', () => {
  const outbox = new Outbox(1)
  outbox.sendAfter(1, 0, accepted(4))
  outbox.sendAfter(1, 0, { ...vote(2), term: 2 })
  outbox.forgetBefore(2)
  outbox.release(1)
  assert.deepEqual(indexes(outbox.takeMessages()), ['vote-response'])
})
