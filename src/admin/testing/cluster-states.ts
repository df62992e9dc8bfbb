/** States of clusters for tests: whole and healthy unless they say otherwise. */

import type { ClusterState, GroupState, MemberState } from '../../cluster/cluster-state.ts'

export function groupState(changes: Partial<GroupState>): GroupState {
  return {
    group: 1,
    database: 'default',
    leader: 1,
    preferredLeader: 1,
    term: 2,
    role: 'leader',
    voters: [1, 2, 3],
    learners: [4],
    commitIndex: 7,
    appliedIndex: 7,
    isAsleep: false,
    failure: null,
    followers: [],
    ...changes,
  }
}

export function memberState(changes: Partial<MemberState>): MemberState {
  const { member = 1 } = changes
  return {
    member,
    name: `member-${member}`,
    status: 'active',
    role: 'voter',
    addresses: {
      http: `10.0.0.${member}:8080`,
      postgres: `10.0.0.${member}:5433`,
      peer: `10.0.0.${member}:7400`,
    },
    connection: member === 1 ? 'self' : 'connected',
    incarnation: 1,
    problem: null,
    ...changes,
  }
}

export function stateOf(groups: readonly GroupState[], members: readonly MemberState[] = []): ClusterState {
  return { cluster: 'c0ffee', member: 1, members, groups }
}
