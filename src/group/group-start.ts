/** How a group begins: who takes part in it before its log has an entry. The same on every member, for ever. */

import type { ReplicaId } from '../raft/entry.ts'
import { INITIAL_GENERATION } from '../raft/entry.ts'
import type { Configuration } from '../raft/membership.ts'
import { initialConfiguration } from '../raft/membership.ts'

export interface InitialMembers {
  /** Numbers of members. */
  readonly voters: readonly number[]
  readonly learners: readonly number[]
}

/** Null if `member` has no replica from the beginning: then it waits until a leader sends it something. */
export function initialConfigurationFor(
  member: number,
  { voters, learners }: InitialMembers,
): Configuration | null {
  if (!voters.includes(member) && !learners.includes(member)) return null
  return initialConfiguration(voters.map(founder), learners.map(founder))
}

function founder(id: number): ReplicaId {
  return { id, generation: INITIAL_GENERATION }
}
