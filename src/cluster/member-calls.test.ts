import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../host/random.ts'
import * as calls from './member-calls.ts'

const ADDRESSES = { peer: '10.0.0.1:7400', http: null, postgres: '10.0.0.1:5433' }

test('what is encoded is what is decoded, and its first byte is the version', () => {
  const announcement = calls.encodeAnnouncement(ADDRESSES)
  assert.equal(announcement[0], 1)
  assert.deepEqual(calls.decodeAnnouncement(announcement), ADDRESSES)
  for (const order of [
    { group: 7, to: 3 },
    { group: 0, to: null },
  ])
    assert.deepEqual(calls.decodeTransfer(calls.encodeTransfer(order)), order)
  for (const answer of [true, false]) assert.equal(calls.decodeYesOrNo(calls.encodeYesOrNo(answer)), answer)
})

test('anything else is refused as a request, whatever it is', () => {
  const random = new SeededRandom(3n)
  const announcement = calls.encodeAnnouncement(ADDRESSES)
  const wrong = [
    Uint8Array.of(2, ...announcement.subarray(1)),
    Uint8Array.of(...announcement, 0),
    new Uint8Array(),
  ]
  for (const bytes of wrong) assert.throws(() => calls.decodeAnnouncement(bytes), { code: 'REQUEST_INVALID' })
  for (let round = 0; round < 1_000; round++) {
    const noise = random.bytes(random.integer(30))
    for (const decode of [calls.decodeAnnouncement, calls.decodeTransfer, calls.decodeYesOrNo]) {
      try {
        decode(noise)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'REQUEST_INVALID', String(error))
      }
    }
  }
})
