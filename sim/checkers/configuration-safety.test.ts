import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EMPTY_CONFIGURATION } from '../../src/raft/membership.ts'
import type { Configuration } from '../../src/raft/membership.ts'
import { quorumsOverlap } from './configuration-safety.ts'

function replicas(ids: readonly number[]): Configuration['voters'] {
  return ids.map((id) => ({ id, generation: 1 }))
}

function configuration(voters: readonly number[], votersOutgoing: readonly number[] = []): Configuration {
  return {
    ...EMPTY_CONFIGURATION,
    index: 1,
    voters: replicas(voters),
    votersOutgoing: replicas(votersOutgoing),
  }
}

test('one voter more or less leaves no two majorities apart', () => {
  assert.equal(quorumsOverlap(configuration([1, 2, 3]), configuration([1, 2, 3, 4])), true)
  assert.equal(quorumsOverlap(configuration([1, 2, 3, 4]), configuration([2, 3, 4])), true)
  assert.equal(quorumsOverlap(configuration([1]), configuration([1, 2])), true)
})

test('two changes of one voter each from the same configuration can part (the bug of single-server changes)', () => {
  // From {1, 2, 3, 4}: one leader adds 5, the other removes 1; one removes 4, the other 1; they add 5 and 6.
  assert.equal(quorumsOverlap(configuration([1, 2, 3, 4, 5]), configuration([2, 3, 4])), false)
  assert.equal(quorumsOverlap(configuration([1, 2, 3]), configuration([2, 3, 4])), false)
  assert.equal(quorumsOverlap(configuration([1, 2, 3, 4, 5]), configuration([1, 2, 3, 4, 6])), false)
})

test('a joint configuration overlaps with both of its halves, whatever they are', () => {
  const joint = configuration([4, 5, 6], [1, 2, 3])
  assert.equal(quorumsOverlap(configuration([1, 2, 3]), joint), true)
  assert.equal(quorumsOverlap(joint, configuration([4, 5, 6])), true)
  assert.equal(quorumsOverlap(configuration([1, 2, 3]), configuration([4, 5, 6])), false)
})

test('a replica of another generation is another replica', () => {
  const old = configuration([1])
  const reborn = { ...old, voters: [{ id: 1, generation: 9 }] }
  assert.equal(quorumsOverlap(old, reborn), false)
})
