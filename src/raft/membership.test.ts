import { test } from 'node:test'
import assert from 'node:assert/strict'
import { decodeConfiguration, encodeConfiguration } from './configuration-codec.ts'
import { sameReplica } from './entry.ts'
import type { ReplicaId } from './entry.ts'
import {
  applyChange,
  configurationProblem,
  EMPTY_CONFIGURATION,
  initialConfiguration,
  isJoint,
  isMember,
  isVoter,
  members,
  nextGeneration,
} from './membership.ts'
import type { Configuration, MembershipStep } from './membership.ts'
import { jointVoteOutcome } from './quorum.ts'
import { firstGeneration, voters } from './testing/build.ts'
import { RandomValues } from './testing/random-values.ts'

const IDS = [1, 2, 3, 4, 5, 6, 7]
const KINDS = ['add-voter', 'add-learner', 'promote', 'demote', 'remove'] as const

const TERM = 3
/** The first generation of term 3. */
const FIRST = 3 * 2 ** 20

function change(current: Configuration, index: number, ...steps: MembershipStep[]): Configuration {
  const outcome = applyChange(current, { kind: 'change', steps, autoLeave: true }, { index, term: TERM })
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.detail)
  return outcome.configuration
}

function problem(current: Configuration, ...steps: MembershipStep[]): string {
  const outcome = applyChange(
    current,
    { kind: 'change', steps, autoLeave: true },
    { index: current.index + 9, term: TERM },
  )
  return outcome.ok ? 'accepted' : outcome.detail
}

function leaveJoint(current: Configuration, index: number): Configuration {
  const outcome = applyChange(current, { kind: 'leave-joint' }, { index, term: TERM })
  assert.ok(outcome.ok)
  return outcome.configuration
}

const ids = (list: readonly ReplicaId[]): number[] => list.map(({ id }) => id)

test('voters are added, removed and replaced through a joint configuration', () => {
  const joint = change(voters(3), 7, { kind: 'remove', id: 1 }, { kind: 'add-voter', id: 4 })
  assert.deepEqual(
    [ids(joint.voters), ids(joint.votersOutgoing), joint.autoLeave],
    [[2, 3, 4], [1, 2, 3], true],
  )
  assert.deepEqual(joint.voters.at(-1), { id: 4, generation: FIRST })
  const left = leaveJoint(joint, 8)
  assert.deepEqual([ids(left.voters), left.votersOutgoing, left.index], [[2, 3, 4], [], 8])
})

test('one voter is enough for a joint configuration: there is one way to change voters', () => {
  assert.equal(isJoint(change(voters(3), 7, { kind: 'add-voter', id: 4 })), true)
  assert.equal(isJoint(change(voters(3), 7, { kind: 'remove', id: 3 })), true)
})

test('learners alone change in one step', () => {
  const simple = change(voters(3), 7, { kind: 'add-learner', id: 4 })
  assert.deepEqual([isJoint(simple), ids(simple.learners), simple.autoLeave], [false, [4], false])
})

test('a demoted voter votes in C_old until C_new stands alone, and keeps its generation', () => {
  const joint = change(voters(3), 7, { kind: 'demote', id: 3 })
  assert.deepEqual([ids(joint.learners), ids(joint.learnersNext)], [[], [3]])
  assert.equal(isVoter(joint, firstGeneration(3)), true)
  const left = leaveJoint(joint, 8)
  assert.deepEqual(left.learners, [firstGeneration(3)])
  assert.equal(isVoter(left, firstGeneration(3)), false)
})

test('a promoted learner keeps its generation', () => {
  const current = initialConfiguration([1, 2].map(firstGeneration), [firstGeneration(3)])
  const joint = change(current, 7, { kind: 'promote', id: 3 })
  assert.deepEqual(joint.voters.at(-1), firstGeneration(3))
})

test('a member that comes back is another replica', () => {
  const gone = leaveJoint(change(voters(3), 7, { kind: 'remove', id: 3 }), 8)
  const back = change(gone, 9, { kind: 'add-voter', id: 3 })
  assert.equal(isMember(back, { id: 3, generation: FIRST + 2 }), true)
  assert.equal(isMember(back, firstGeneration(3)), false)
})

test('generations grow from one attempt to the next, whatever became of the earlier ones', () => {
  const early = change(voters(3), 79, { kind: 'add-voter', id: 4 })
  // A later leader does not know of it, and is at a lower index.
  const steps = [{ kind: 'add-voter', id: 4 }] as const
  const late = applyChange(
    voters(3),
    { kind: 'change', steps, autoLeave: true },
    { index: 76, term: TERM + 1 },
  )
  assert.ok(late.ok)
  assert.equal(late.configuration.voters.at(-1)!.generation > early.voters.at(-1)!.generation, true)
  assert.equal(nextGeneration(early, TERM), early.generation + 1)
  assert.equal(nextGeneration({ ...early, generation: FIRST + 2 ** 20 - 1 }, TERM), null)
  assert.equal(nextGeneration(early, 2 ** 33), null)
})

test('what makes no sense is refused, and says why', () => {
  const current = initialConfiguration([1, 2].map(firstGeneration), [firstGeneration(3)])
  assert.equal(problem(current), 'the change has no steps')
  assert.equal(problem(current, { kind: 'add-voter', id: 0 }), "0 is not a member's id")
  assert.equal(problem(current, { kind: 'add-voter', id: 1 }), 'member 1 has a replica already')
  assert.equal(problem(current, { kind: 'add-voter', id: 3 }), 'member 3 has a replica already')
  assert.equal(problem(current, { kind: 'promote', id: 1 }), 'the replica on member 1 is not a learner')
  assert.equal(problem(current, { kind: 'demote', id: 3 }), 'the replica on member 3 is not a voter')
  assert.equal(problem(current, { kind: 'remove', id: 9 }), 'member 9 has no replica')
  assert.equal(
    problem(current, { kind: 'remove', id: 1 }, { kind: 'remove', id: 2 }),
    'no voter would be left',
  )
  const twice: MembershipStep[] = [
    { kind: 'remove', id: 1 },
    { kind: 'add-voter', id: 1 },
  ]
  assert.equal(problem(current, ...twice), 'member 1 is named twice')
  const joint = change(current, 7, { kind: 'remove', id: 1 })
  assert.equal(problem(joint, { kind: 'remove', id: 2 }), 'the configuration is joint: leave it first')
  const early = applyChange(current, { kind: 'leave-joint' }, { index: 7, term: TERM })
  assert.equal(early.ok, false)
})

function randomSteps(random: RandomValues): MembershipStep[] {
  const count = random.between(1, 4)
  return Array.from({ length: count }, () => ({ kind: random.pick(KINDS), id: random.pick(IDS) }))
}

/** Configurations as 3,000 random changes, each followed by its end, make them. */
function* randomWalk(seed: number): Generator<{ before: Configuration; after: Configuration }> {
  const random = new RandomValues(seed)
  let current = voters(3)
  for (let index = 2; index < 6000; index += 2) {
    const outcome = applyChange(
      current,
      { kind: 'change', steps: randomSteps(random), autoLeave: true },
      { index, term: TERM },
    )
    if (!outcome.ok) continue
    yield { before: current, after: outcome.configuration }
    current = outcome.configuration
    if (!isJoint(current)) continue
    const left = leaveJoint(current, index + 1)
    yield { before: current, after: left }
    current = left
  }
}

test('every configuration that changes lead to is valid, and survives its codec', () => {
  for (const { after } of randomWalk(1)) {
    assert.equal(configurationProblem(after), null)
    assert.deepEqual(decodeConfiguration(encodeConfiguration(after)), after)
  }
})

function isQuorum(configuration: Configuration, group: readonly ReplicaId[]): boolean {
  return (
    jointVoteOutcome(configuration, (voter) => group.some((other) => sameReplica(voter, other))) === 'won'
  )
}

test('any quorum before a change meets any quorum after it', () => {
  const random = new RandomValues(2)
  let met = 0
  for (const { before, after } of randomWalk(3)) {
    for (let round = 0; round < 5; round += 1) {
      const left = random.subset(members(before), 70)
      const right = random.subset(members(after), 70)
      if (!isQuorum(before, left) || !isQuorum(after, right)) continue
      met += 1
      assert.equal(
        left.some((one) => right.some((other) => sameReplica(one, other))),
        true,
      )
    }
  }
  assert.equal(met > 1000, true)
})

test('everyone who gets the log is named once', () => {
  for (const { after } of randomWalk(4)) {
    const all = members(after)
    assert.equal(new Set(ids(all)).size, all.length)
    for (const list of [after.voters, after.votersOutgoing, after.learners, after.learnersNext])
      for (const replica of list) assert.equal(isMember(after, replica), true)
  }
})

test('bytes that are no configuration are refused, and nothing throws', () => {
  const good = encodeConfiguration(
    change(voters(5), 7, { kind: 'demote', id: 3 }, { kind: 'add-learner', id: 9 }),
  )
  for (let length = 0; length < good.length; length += 1)
    assert.equal(decodeConfiguration(good.subarray(0, length)), null)
  assert.equal(decodeConfiguration(Uint8Array.from([...good, 0])), null)
  const random = new RandomValues(5)
  for (let round = 0; round < 20_000; round += 1) {
    const data = Uint8Array.from(good)
    data[random.below(data.length)] = random.below(256)
    const decoded = decodeConfiguration(data)
    if (decoded !== null) assert.equal(configurationProblem(decoded), null)
  }
})

test('the encoded form is fixed: other versions read it', () => {
  const configuration = {
    ...EMPTY_CONFIGURATION,
    index: 258,
    generation: 2 ** 40,
    voters: [{ id: 1, generation: 2 ** 40 }],
  }
  const hex = [...encodeConfiguration(configuration)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  assert.equal(hex, '010002010000000000000000000000010000010001000000000000000000000000010000000000000000')
})
