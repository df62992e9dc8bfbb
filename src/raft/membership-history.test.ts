import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MembershipHistory } from './membership-history.ts'
import { voters } from './testing/build.ts'

const at = (index: number): ReturnType<typeof voters> => ({ ...voters(3), index })

test('the newest configuration is in force, and the one before it when it is truncated', () => {
  const history = new MembershipHistory(at(0))
  history.append(at(5))
  history.append(at(8))
  assert.equal(history.active.index, 8)
  assert.equal(history.truncate(9), false)
  assert.equal(history.truncate(8), true)
  assert.equal(history.active.index, 5)
})

test('the configuration at an index is the newest at or before it', () => {
  const history = new MembershipHistory(at(0))
  for (const index of [5, 8]) history.append(at(index))
  assert.deepEqual(
    [4, 5, 7, 8, 99].map((index) => history.at(index).index),
    [0, 5, 5, 8, 8],
  )
})

test('compaction keeps the one that is in force at the base', () => {
  const history = new MembershipHistory(at(0))
  for (const index of [5, 8]) history.append(at(index))
  history.compact(7)
  assert.deepEqual([history.at(7).index, history.active.index], [5, 8])
  assert.throws(() => history.truncate(5), /the base was truncated/)
})

test('configurations come in log order', () => {
  const history = new MembershipHistory(at(5))
  assert.throws(() => history.append(at(5)), /log order/)
})
