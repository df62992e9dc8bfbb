import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Inflights } from './inflights.ts'
import { Progress } from './progress.ts'
import { firstGeneration } from './testing/build.ts'

const WINDOW = { inflightMessagesMax: 2, inflightBytesMax: 1000 }

function replicating(match: number): Progress {
  const progress = new Progress(firstGeneration(2), match + 1, WINDOW)
  progress.accept(match)
  progress.becomeReplicate()
  return progress
}

test('a probe waits for the answer to its one request', () => {
  const progress = new Progress(firstGeneration(2), 10, WINDOW)
  assert.equal(progress.isPaused(), false)
  progress.sent(12, 50)
  assert.deepEqual([progress.isPaused(), progress.next], [true, 10])
  assert.equal(progress.reject(9, 4), true)
  assert.deepEqual([progress.isPaused(), progress.next], [false, 5])
})

test('an answer to an earlier probe is out of date', () => {
  const progress = new Progress(firstGeneration(2), 10, WINDOW)
  assert.equal(progress.reject(7, 3), false)
  assert.equal(progress.next, 10)
})

test('a pipeline goes on until its window is full, in messages or in bytes', () => {
  const progress = replicating(5)
  progress.sent(6, 10)
  assert.deepEqual([progress.isPaused(), progress.next], [false, 7])
  progress.sent(7, 10)
  assert.equal(progress.isPaused(), true)
  progress.inflights.freeTo(6)
  assert.equal(progress.isPaused(), false)
  progress.sent(8, 1000)
  progress.inflights.freeTo(7)
  assert.deepEqual([progress.inflights.count, progress.isPaused()], [1, true])
})

test('a refused pipeline goes back to what is known to match', () => {
  const progress = replicating(5)
  progress.sent(9, 10)
  assert.equal(progress.reject(9, 7), true)
  assert.deepEqual([progress.state, progress.next, progress.inflights.count], ['probe', 6, 0])
})

test('match never goes back, and next never falls to it', () => {
  const progress = replicating(5)
  assert.equal(progress.accept(4), false)
  assert.equal(progress.reject(5, 0), false)
  progress.becomeProbe()
  assert.equal(progress.reject(5, 0), true)
  assert.deepEqual([progress.match, progress.next], [5, 6])
})

test('after a snapshot the log goes on behind it, whether or not anyone said that it arrived', () => {
  const progress = new Progress(firstGeneration(2), 3, WINDOW)
  progress.becomeSnapshot(20)
  assert.deepEqual([progress.isPaused(), progress.pendingSnapshot], [true, 20])
  progress.becomeProbe()
  assert.deepEqual([progress.next, progress.pendingSnapshot], [21, 0])
  // Out of order: the follower had more already.
  progress.becomeSnapshot(20)
  progress.accept(25)
  progress.becomeProbe()
  assert.equal(progress.next, 26)
})

test('a window forgets what is acknowledged, and nothing else, over many rounds', () => {
  const inflights = new Inflights(1000, Infinity)
  for (let index = 1; index <= 500; index += 1) {
    inflights.add(index, index)
    if (index % 3 === 0) inflights.freeTo(index - 2)
  }
  assert.deepEqual([inflights.count, inflights.bytes], [4, 497 + 498 + 499 + 500])
  inflights.freeTo(500)
  assert.deepEqual([inflights.count, inflights.bytes], [0, 0])
})
