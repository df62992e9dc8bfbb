/** The cluster as this member sees it, as plain data (`cluster-state.ts`). Asks nobody and wakes nothing. */

import type { DatabaseGroup } from '../group/database-group.ts'
import type { GroupStatus } from '../group/group-status.ts'
import type { MemberRow } from './catalog-reader.ts'
import type { ClusterState, GroupState, MemberState } from './cluster-state.ts'
import type { Membership } from './membership.ts'

export class ClusterView {
  readonly #membership: Membership

  constructor(membership: Membership) {
    this.#membership = membership
  }

  state(): ClusterState {
    const { identity, content, catalogGroup, databases } = this.#membership
    const groups = [catalogGroup, ...databases.all().map(({ group }) => group)]
    return {
      cluster: identity.cluster,
      member: identity.member,
      members: content.members.map((row) => this.#member(row)),
      groups: groups.map((group) => this.#group(group)),
    }
  }

  #member(row: MemberRow): MemberState {
    const { self, identity, peers } = this.#membership
    const { member, name, status, role, peerAddress, httpAddress, postgresAddress } = row
    const own = { connection: 'self', incarnation: identity.incarnation, problem: null } as const
    const none = { connection: 'none', incarnation: null, problem: null } as const
    const { connection, incarnation, problem } = member === self ? own : (peers?.view(member) ?? none)
    return {
      member,
      name: name === '' ? (peerAddress ?? `member ${member}`) : name,
      status,
      role,
      addresses: { http: httpAddress, postgres: postgresAddress, peer: peerAddress },
      connection,
      incarnation,
      problem: status === 'active' ? problem : null,
    }
  }

  #group(group: DatabaseGroup): GroupState {
    const status = group.status()
    const { configuration } = status
    return {
      group: status.group,
      database: status.database,
      leader: status.leader,
      preferredLeader: this.#membership.placementOf(status.group)?.voters[0] ?? null,
      term: status.term,
      role: this.#role(status),
      voters: configuration.voters.map(({ id }) => id),
      learners: configuration.learners.map(({ id }) => id),
      commitIndex: status.commitIndex,
      // A database that sleeps will have applied everything committed when it is woken.
      appliedIndex: group.isAwake ? status.appliedIndex : status.commitIndex,
      isAsleep: status.isAsleep,
      failure: status.failure,
      followers: status.followers.map(({ member, state, matchIndex, isActive }) => ({
        member,
        state,
        matchIndex,
        lagEntries: Math.max(0, status.lastIndex - matchIndex),
        isActive,
      })),
    }
  }

  #role({ role, configuration }: GroupStatus): GroupState['role'] {
    const isLearner = configuration.learners.some(({ id }) => id === this.#membership.self)
    if (role === 'follower' && isLearner) return 'learner'
    return role === 'pre-candidate' ? 'candidate' : role
  }
}
