import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ReplicaId } from './entry.ts'
import { EMPTY_CONFIGURATION } from './membership.ts'
import type { Configuration } from './membership.ts'
import { jointQuorumValue, jointVoteOutcome, majority, quorumValue, voteOutcome } from './quorum.ts'
import { firstGeneration } from './testing/build.ts'
import { RandomValues } from './testing/random-values.ts'

/** By definition: the highest value that more than half of the voters have reached. */
function slowQuorumValue(voters: readonly ReplicaId[], values: readonly number[]): number {
  if (voters.length === 0) return Infinity
  const reached = (value: number): number => voters.filter(({ id }) => values[id]! >= value).length
  return Math.max(
    ...voters.map(({ id }) => values[id]!).filter((value) => reached(value) * 2 > voters.length),
  )
}

/** By definition: every way in which the missing voters could still vote is tried. */
function slowVoteOutcome(configuration: Configuration, votes: readonly (boolean | undefined)[]): string {
  const { voters, votersOutgoing } = configuration
  const ids = [...new Set([...voters, ...votersOutgoing].map(({ id }) => id))]
  const missing = ids.filter((id) => votes[id] === undefined)
  const wins = (granted: (id: number) => boolean): boolean =>
    [voters, votersOutgoing].every(
      (list) => list.length === 0 || list.filter(({ id }) => granted(id)).length * 2 > list.length,
    )
  const outcomes = Array.from({ length: 2 ** missing.length }, (_, bits) =>
    wins((id) => votes[id] ?? ((bits >> missing.indexOf(id)) & 1) === 1),
  )
  // Won already: it holds even if all who are missing refuse.
  if (outcomes[0]) return 'won'
  return outcomes.includes(true) ? 'pending' : 'lost'
}

const IDS = [1, 2, 3, 4, 5, 6, 7]

function randomConfiguration(random: RandomValues): Configuration {
  const voters = random.subset(IDS)
  const votersOutgoing = random.chance(50) ? random.subset(IDS) : []
  return {
    ...EMPTY_CONFIGURATION,
    voters: (voters.length > 0 ? voters : [1]).map(firstGeneration),
    votersOutgoing: votersOutgoing.map(firstGeneration),
  }
}

test('a majority is more than half', () => {
  for (let count = 1; count <= 50; count += 1) {
    assert.equal(majority(count) * 2 > count, true)
    assert.equal((majority(count) - 1) * 2 <= count, true)
  }
})

test('the value of a quorum is what the definition says, for 5,000 random configurations', () => {
  const random = new RandomValues(1)
  for (let round = 0; round < 5000; round += 1) {
    const configuration = randomConfiguration(random)
    const values = [0, ...IDS.map(() => random.below(6))]
    const valueOf = ({ id }: ReplicaId): number => values[id]!
    const { voters, votersOutgoing } = configuration
    assert.equal(quorumValue(voters, valueOf), slowQuorumValue(voters, values))
    const joint = Math.min(slowQuorumValue(voters, values), slowQuorumValue(votersOutgoing, values))
    assert.equal(jointQuorumValue(configuration, valueOf), joint)
  }
})

test('an election stands as every completion of its votes says, for 5,000 random configurations', () => {
  const random = new RandomValues(2)
  for (let round = 0; round < 5000; round += 1) {
    const configuration = randomConfiguration(random)
    const votes = [undefined, ...IDS.map(() => random.pick([true, false, undefined]))]
    const voteOf = ({ id }: ReplicaId): boolean | undefined => votes[id]
    assert.equal(jointVoteOutcome(configuration, voteOf), slowVoteOutcome(configuration, votes))
  }
})

test('nobody holds nothing back', () => {
  assert.equal(
    quorumValue([], () => 0),
    Infinity,
  )
  assert.equal(
    voteOutcome([], () => undefined),
    'won',
  )
})

function isQuorum(configuration: Configuration, ids: readonly number[]): boolean {
  return jointVoteOutcome(configuration, ({ id }) => ids.includes(id)) === 'won'
}

test('two quorums of one configuration, joint or not, always meet', () => {
  const random = new RandomValues(3)
  for (let round = 0; round < 5000; round += 1) {
    const configuration = randomConfiguration(random)
    const [left, right] = [random.subset(IDS, 70), random.subset(IDS, 70)]
    if (!isQuorum(configuration, left) || !isQuorum(configuration, right)) continue
    assert.equal(
      left.some((id) => right.includes(id)),
      true,
    )
  }
})
