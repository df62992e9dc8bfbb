/** Metrics of a member's place in its cluster: Raft's view of each database, and the connections to the other members. */

import type { ClusterState, GroupState, MemberState } from '../cluster/cluster-state.ts'
import { gauge } from './process-metrics.ts'
import type { MetricFamily } from './prometheus.ts'

export function clusterMetrics(state: ClusterState): readonly MetricFamily[] {
  return [
    gauge('harmonydb_member_info', 'Always 1; the labels tell which member of which cluster this is.', 1, {
      cluster: state.cluster,
      member: String(state.member),
    }),
    connectionMetric(state),
    ...groupMetrics(state.groups),
    followerLag(state.groups),
  ]
}

/** A removed member that is gone is no reason for an alarm. */
function isPeer({ status, connection }: MemberState): boolean {
  return status === 'active' && connection !== 'self'
}

function connectionMetric({ members }: ClusterState): MetricFamily {
  return {
    type: 'gauge',
    name: 'harmonydb_peer_connected',
    help: '1 if there is a connection to the other member.',
    samples: members.filter(isPeer).map(({ member, connection }) => ({
      labels: { member: String(member) },
      value: connection === 'connected' ? 1 : 0,
    })),
  }
}

function groupMetrics(groups: readonly GroupState[]): readonly MetricFamily[] {
  const perGroup = (name: string, help: string, read: (group: GroupState) => number): MetricFamily => ({
    type: 'gauge',
    name,
    help,
    samples: groups.map((group) => ({ labels: { database: group.database }, value: read(group) })),
  })
  return [
    perGroup('harmonydb_raft_term', "Raft's term; it grows with each election.", ({ term }) => term),
    perGroup('harmonydb_raft_is_leader', '1 if this member leads the database.', ({ role }) =>
      role === 'leader' ? 1 : 0,
    ),
    perGroup('harmonydb_raft_has_leader', '1 if this member knows who leads the database.', ({ leader }) =>
      leader === null ? 0 : 1,
    ),
    perGroup('harmonydb_raft_is_voter', '1 if the vote of this member counts in the database.', isVoter),
    perGroup(
      'harmonydb_raft_asleep',
      '1 if nothing happens in the database and members exchange nothing.',
      (one) => (one.isAsleep ? 1 : 0),
    ),
    perGroup(
      'harmonydb_raft_unapplied_entries',
      'Entries that are committed and not applied on this member.',
      ({ commitIndex, appliedIndex }) => Math.max(0, commitIndex - appliedIndex),
    ),
  ]
}

function isVoter({ role }: GroupState): number {
  return role === 'learner' || role === 'none' ? 0 : 1
}

/** Only the leader knows it, so each follower is counted once in the cluster. */
function followerLag(groups: readonly GroupState[]): MetricFamily {
  return {
    type: 'gauge',
    name: 'harmonydb_raft_follower_lag_entries',
    help: 'Entries that another replica has not got yet, of databases that this member leads.',
    samples: groups.flatMap(({ database, followers }) =>
      followers.map(({ member, lagEntries }) => ({
        labels: { database, member: String(member) },
        value: lagEntries,
      })),
    ),
  }
}
