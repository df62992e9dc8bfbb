import { test } from 'node:test'
import assert from 'node:assert/strict'
import { FollowerReads } from './follower-reads.ts'
import { LeaderReads } from './leader-reads.ts'
import type { LeaderRead } from './leader-reads.ts'
import { LeaseTracker } from './lease.ts'
import { seededRandom } from './testing/seeded-random.ts'

const read = (context: number): LeaderRead => ({ kind: 'local', context })

test('a round confirms the reads that came before it began, and earlier rounds with it', () => {
  const reads = new LeaderReads()
  reads.arrive(read(1))
  assert.equal(reads.startRound(10, true), 1)
  reads.arrive(read(2))
  reads.startRound(12, true)
  reads.arrive(read(3))
  assert.deepEqual(reads.confirm(0), [])
  assert.deepEqual(
    reads.confirm(2).map(({ index, reads: answered }) => [index, answered]),
    [
      [10, [read(1)]],
      [12, [read(2)]],
    ],
  )
  assert.equal(reads.count, 1)
  assert.deepEqual(reads.takeAll(), [read(3)])
})

test('a request that a follower repeats is one read, until it is answered', () => {
  const reads = new LeaderReads()
  const request: LeaderRead = { kind: 'remote', replica: { id: 2, generation: 1 }, request: 5 }
  reads.arrive(request)
  reads.startRound(10, true)
  reads.arrive(request)
  assert.deepEqual([reads.count, reads.hasArrived], [1, false])
  assert.equal(reads.confirm(1).length, 1)
  reads.arrive(request)
  assert.equal(reads.count, 1, 'the answer may have been lost')
})

test('a round before the commit is known takes no reads along', () => {
  const reads = new LeaderReads()
  reads.arrive(read(1))
  reads.startRound(10, false)
  assert.deepEqual(reads.confirm(1), [])
  reads.startRound(11, true)
  assert.deepEqual(
    reads.confirm(2).map(({ index }) => index),
    [11],
  )
})

test("a follower's reads of one turn share a request, which is answered once", () => {
  const reads = new FollowerReads(seededRandom(1))
  reads.arrive(7)
  reads.arrive(8)
  const request = reads.startRequest()
  assert.deepEqual(reads.answer(request + 1, 5), [])
  assert.deepEqual(reads.answer(request, 5), [
    { context: 7, index: 5 },
    { context: 8, index: 5 },
  ])
  assert.deepEqual(reads.answer(request, 6), [])
  assert.equal(reads.count, 0)
})

test('a request is sent again, under its number, until it expires', () => {
  const reads = new FollowerReads(seededRandom(1))
  reads.arrive(7)
  const request = reads.startRequest()
  const sent: number[] = []
  for (let tick = 1; tick <= 9; tick += 1) sent.push(...reads.tick(2, 10).resend)
  assert.deepEqual(sent, [request, request, request, request])
  assert.deepEqual(reads.tick(2, 10), { resend: [], expired: [7] })
  assert.equal(reads.count, 0)
})

test('request numbers of two starts do not meet', () => {
  const starts = new Set(
    Array.from({ length: 1000 }, (_, seed) => new FollowerReads(seededRandom(seed)).startRequest()),
  )
  assert.equal(starts.size, 1000)
  for (const start of starts) assert.equal(Number.isSafeInteger(start + 2 ** 51), true)
})

const CONFIG = { tickMs: 100, driftPercentMax: 20 }
// (10 - 1) * 100 ms * 80 %.
const LENGTH_MS = 720

test('a lease counts from the sending of the newest round that a quorum answered', () => {
  const lease = new LeaseTracker(CONFIG, 10)
  lease.sent(1, 1000)
  lease.sent(2, 1100)
  assert.equal(lease.isValid(1000), false)
  lease.confirm(1)
  assert.deepEqual([lease.isValid(1000 + LENGTH_MS - 1), lease.isValid(1000 + LENGTH_MS)], [true, false])
  lease.confirm(2)
  assert.equal(lease.isValid(1100 + LENGTH_MS - 1), true)
})

test('a new configuration needs a round of its own', () => {
  const lease = new LeaseTracker(CONFIG, 10)
  lease.sent(1, 1000)
  lease.confirm(1)
  lease.sent(2, 1100)
  lease.restart()
  lease.confirm(2)
  assert.equal(lease.isValid(1101), false)
  lease.sent(3, 1200)
  lease.confirm(3)
  assert.equal(lease.isValid(1201), true)
})

test('a forfeited lease stays so; without a configuration there is none', () => {
  const lease = new LeaseTracker(CONFIG, 10)
  lease.forfeit()
  lease.sent(1, 1000)
  lease.confirm(1)
  assert.equal(lease.isValid(1001), false)
  const none = new LeaseTracker(null, 10)
  none.sent(1, 1000)
  none.confirm(1)
  assert.equal(none.isValid(1001), false)
})
