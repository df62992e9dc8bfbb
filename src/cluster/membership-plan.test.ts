/** Each step is allowed by the Raft core, keeps a majority, and the steps end where placement says. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../host/random.ts'
import { applyChange, initialConfiguration, isJoint, members as replicasOf } from '../raft/membership.ts'
import type { Configuration, MembershipChange } from '../raft/membership.ts'
import { bestSuccessor, isInPlace, nextChange, successor } from './membership-plan.ts'
import type { ChangeInput, GroupView } from './membership-plan.ts'
import { placementOf } from './placement.ts'
import type { Placement } from './placement.ts'

const founders = (...ids: number[]) => ids.map((id) => ({ id, generation: 1 }))
const idsOf = (replicas: readonly { readonly id: number }[]): number[] => replicas.map(({ id }) => id)

function viewOf(configuration: Configuration, behind: readonly number[] = []): GroupView {
  const followers = replicasOf(configuration).map(({ id }) => ({
    member: id,
    state: 'replicate' as const,
    matchIndex: behind.includes(id) ? 0 : 5_000,
    isActive: true,
  }))
  return { configuration, followers, lastIndex: 5_000 }
}

function inputOf(
  configuration: Configuration,
  placement: Placement,
  options: {
    self?: number
    down?: readonly number[]
    behind?: readonly number[]
    unknown?: readonly number[]
  } = {},
): ChangeInput {
  const { self = 1, down = [], behind = [], unknown = [] } = options
  return {
    view: viewOf(configuration, behind),
    self,
    placement,
    isKnown: (member) => !unknown.includes(member),
    isConnected: (member) => !down.includes(member),
  }
}

function stepsOf(change: MembershipChange | null): string[] {
  if (change === null || change.kind !== 'change') return []
  return change.steps.map(({ kind, id }) => `${kind} ${id}`)
}

const THREE = initialConfiguration(founders(1, 2, 3))

test('a member that joined becomes a learner, and a voter once it has caught up', () => {
  const one = initialConfiguration(founders(1))
  const wanted = { voters: [2, 1], learners: [] }
  assert.deepEqual(stepsOf(nextChange(inputOf(one, wanted))), ['add-learner 2'])
  const learning = initialConfiguration(founders(1), founders(2))
  assert.deepEqual(stepsOf(nextChange(inputOf(learning, wanted, { behind: [2] }))), [])
  assert.deepEqual(stepsOf(nextChange(inputOf(learning, wanted, { down: [2] }))), [])
  assert.deepEqual(stepsOf(nextChange(inputOf(learning, wanted))), ['promote 2'])
})

test('who was removed goes at once, and its successor votes in the same change if it can', () => {
  const four = initialConfiguration(founders(1, 2, 3), founders(4))
  const wanted = { voters: [1, 2, 4], learners: [] }
  assert.deepEqual(stepsOf(nextChange(inputOf(four, wanted, { down: [3] }))), ['promote 4', 'remove 3'])
  assert.deepEqual(stepsOf(nextChange(inputOf(four, wanted, { down: [3], behind: [4] }))), ['remove 3'])
})

test('a leader whose catalog is older than a replica of its group changes nothing: not what the newcomer has, and not who it replaced', () => {
  const old = { voters: [1, 2, 3], learners: [] }
  const replaced = initialConfiguration(founders(1, 2, 4))
  assert.deepEqual(stepsOf(nextChange(inputOf(replaced, old, { unknown: [4] }))), [])
  const learning = initialConfiguration(founders(1, 2), founders(4))
  assert.deepEqual(stepsOf(nextChange(inputOf(learning, old, { unknown: [4] }))), [])
  const later = { voters: [1, 2, 4], learners: [] }
  assert.deepEqual(stepsOf(nextChange(inputOf(learning, later))), ['promote 4'])
})

test('a voter that only lost its place stays until its successor is ready', () => {
  const four = initialConfiguration(founders(1, 2, 3), founders(4))
  const wanted = { voters: [1, 2, 4], learners: [3] }
  assert.deepEqual(stepsOf(nextChange(inputOf(four, wanted, { behind: [4] }))), [])
  assert.deepEqual(stepsOf(nextChange(inputOf(four, wanted))), ['promote 4', 'demote 3'])
})

test('nothing about voters is begun without a majority, of the old and of the new ones', () => {
  const wanted = { voters: [1, 4, 5], learners: [2, 3] }
  const five = initialConfiguration(founders(1, 2, 3), founders(4, 5))
  assert.deepEqual(stepsOf(nextChange(inputOf(five, wanted, { down: [2, 3] }))), [])
  const gone = { voters: [1, 2], learners: [4] }
  assert.deepEqual(stepsOf(nextChange(inputOf(THREE, gone, { down: [2, 3] }))), ['add-learner 4'])
})

test('a leader keeps its own vote, hands over, and its successor takes the vote away', () => {
  const wanted = { voters: [2, 3], learners: [] }
  assert.deepEqual(stepsOf(nextChange(inputOf(THREE, wanted))), [])
  assert.equal(
    successor(inputOf(THREE, wanted), () => true),
    2,
  )
  assert.deepEqual(stepsOf(nextChange(inputOf(THREE, wanted, { self: 2 }))), ['remove 1'])
})

test('the first choice leads when it is a voter, caught up and steadily connected; a later choice does not push out an earlier', () => {
  const wanted = { voters: [2, 1, 3], learners: [] }
  assert.equal(
    successor(inputOf(THREE, wanted), () => true),
    2,
  )
  assert.equal(
    successor(inputOf(THREE, wanted), () => false),
    null,
  )
  assert.equal(
    successor(inputOf(THREE, wanted, { behind: [2] }), () => true),
    null,
  )
  assert.equal(
    successor(inputOf(THREE, wanted, { self: 2 }), () => true),
    null,
  )
  assert.equal(
    successor(inputOf(THREE, { voters: [9, 3], learners: [] }), () => true),
    3,
  )
})

test('a leader that goes hands over to the connected voter with the longest log', () => {
  const wanted = { voters: [1, 2, 3], learners: [] }
  assert.equal(bestSuccessor(inputOf(THREE, wanted)), 2)
  assert.equal(bestSuccessor(inputOf(THREE, wanted, { behind: [2] })), 3)
  assert.equal(bestSuccessor(inputOf(THREE, wanted, { down: [2, 3] })), null)
})

/** What a leader of a real group would do with the change. */
function applied(configuration: Configuration, change: MembershipChange, index: number): Configuration {
  const outcome = applyChange(configuration, change, { index, term: index })
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.detail)
  if (!isJoint(outcome.configuration)) return outcome.configuration
  const left = applyChange(outcome.configuration, { kind: 'leave-joint' }, { index: index + 1, term: index })
  assert.ok(left.ok)
  return left.configuration
}

test('any cluster, any history: the steps are valid, never lose the majority, and end in place', () => {
  const random = new SeededRandom(7n)
  for (let round = 0; round < 300; round++) {
    let next = 4
    let alive = [1, 2, 3]
    let configuration = THREE
    let self = 1
    for (let index = 10; index < 300; index += 10) {
      const isEvent = index < 150 && random.float() < 0.5
      if (isEvent && alive.length < 7 && random.float() < 0.6) alive = [...alive, next++]
      else if (isEvent && alive.length > 2) alive = alive.toSpliced(random.integer(alive.length), 1)
      const placement = placementOf(
        alive.map((member) => ({ member, seat: member, isVoter: true })),
        round,
      )
      const voters = idsOf(configuration.voters)
      // A removed member is down; one leader or another is elected of those that vote and live.
      const electable = voters.filter((id) => alive.includes(id))
      if (electable.length <= voters.length / 2) break
      if (!electable.includes(self)) self = electable[random.integer(electable.length)] ?? 0
      const down = [...Array(next).keys()].filter((id) => !alive.includes(id))
      const behind = random.float() < 0.3 ? [alive.at(-1) ?? 0] : []
      const input = inputOf(configuration, placement, { self, down, behind: index < 200 ? behind : [] })
      self = successor(input, (id) => alive.includes(id)) ?? self
      const change = nextChange({ ...input, self })
      if (change !== null) configuration = applied(configuration, change, index)
      assert.ok(idsOf(configuration.voters).includes(self))
      if (index === 290) assert.ok(isInPlace(viewOf(configuration), placement), `round ${round}`)
    }
  }
})
