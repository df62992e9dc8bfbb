/**
 * Majorities: of one set of voters, and of a configuration, which while joint needs a majority of the old
 * set and one of the new (§6).
 */

import type { Configuration } from './membership.ts'
import type { ReplicaId } from './entry.ts'

/** The smallest number of voters that is more than half: 2 of 3, 3 of 4. */
export function majority(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1
}

/**
 * The highest value that a majority of `voters` have reached: `valueOf` tells how far each is (a match index
 * for commit, a round for reads). Infinity for no voters, who hold nothing back.
 */
export function quorumValue(voters: readonly ReplicaId[], valueOf: (voter: ReplicaId) => number): number {
  const count = voters.length
  if (count === 0) return Infinity
  const descending: number[] = []
  for (const voter of voters) insertDescending(descending, valueOf(voter))
  return descending[majority(count) - 1]!
}

/** Insertion beats a sort with a comparator for the three or five values that there are. */
function insertDescending(values: number[], value: number): void {
  let at = values.length
  values.push(value)
  while (at > 0 && values[at - 1]! < value) {
    values[at] = values[at - 1]!
    at -= 1
  }
  values[at] = value
}

/** `quorumValue` of a configuration: both halves of a joint one must have reached it. */
export function jointQuorumValue(
  configuration: Configuration,
  valueOf: (voter: ReplicaId) => number,
): number {
  const incoming = quorumValue(configuration.voters, valueOf)
  if (configuration.votersOutgoing.length === 0) return incoming
  return Math.min(incoming, quorumValue(configuration.votersOutgoing, valueOf))
}

export type VoteOutcome = 'won' | 'lost' | 'pending'

/** How an election among `voters` stands. `voteOf` gives undefined for who has not answered yet. */
export function voteOutcome(
  voters: readonly ReplicaId[],
  voteOf: (voter: ReplicaId) => boolean | undefined,
): VoteOutcome {
  if (voters.length === 0) return 'won'
  let granted = 0
  let refused = 0
  for (const voter of voters) {
    const vote = voteOf(voter)
    if (vote === true) granted += 1
    else if (vote === false) refused += 1
  }
  const needed = majority(voters.length)
  if (granted >= needed) return 'won'
  return voters.length - refused < needed ? 'lost' : 'pending'
}

/** `voteOutcome` of a configuration: won only if both halves of a joint one are, lost if either is. */
export function jointVoteOutcome(
  configuration: Configuration,
  voteOf: (voter: ReplicaId) => boolean | undefined,
): VoteOutcome {
  const incoming = voteOutcome(configuration.voters, voteOf)
  const outgoing = voteOutcome(configuration.votersOutgoing, voteOf)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'
}
