/** One picture of the cluster from the views of its members, and what is wrong in it. */

import type { ClusterState, GroupState, MemberState } from '../../cluster/cluster-state.ts'

export interface ClusterReport {
  readonly state: ClusterState
  readonly groups: readonly GroupReport[]
  /** Sentences, the worst first; empty if all is well. */
  readonly problems: readonly string[]
}

export interface GroupReport {
  /** As its leader sees it, where that one answered; else as the member that was asked. */
  readonly group: GroupState
  /** Of the replica that is furthest behind; null where no view of the leader is at hand. */
  readonly lagEntries: number | null
  readonly problems: readonly string[]
}

/** Behind by fewer entries than this is what a busy replica always is. */
const LAG_ENTRIES_NOTABLE = 1000

/** `others`: views of other members, as many as answered. */
export function reportOn(state: ClusterState, others: readonly ClusterState[]): ClusterReport {
  const views = [state, ...others]
  const groups = state.groups.map((own) => groupReport(own, views))
  const problems = [
    ...groups.flatMap((one) => one.problems.map((problem) => `database ${one.group.database}: ${problem}`)),
    ...state.members.flatMap(memberProblems),
  ]
  return { state, groups, problems }
}

function groupReport(own: GroupState, views: readonly ClusterState[]): GroupReport {
  const sightings = views.flatMap(({ member, groups }) =>
    groups.filter(({ group }) => group === own.group).map((group) => ({ member, group })),
  )
  const leading = sightings
    .filter(({ group }) => group.role === 'leader')
    .toSorted((a, b) => b.group.term - a.group.term)[0]?.group
  const failures = sightings.flatMap(({ member, group: { failure } }) =>
    failure === null ? [] : [`the replica on member ${member} failed: ${failure}`],
  )
  const group = leading ?? own
  const leaderless = group.leader === null ? ['it has no leader'] : []
  return {
    group,
    lagEntries: leading === undefined ? null : Math.max(0, ...leading.followers.map((one) => one.lagEntries)),
    problems: [...failures, ...leaderless, ...followerProblems(group)],
  }
}

function followerProblems({ followers }: GroupState): string[] {
  return followers.flatMap(({ member, state, lagEntries }) => {
    if (state === 'snapshot') return [`member ${member} is sent a snapshot`]
    return lagEntries >= LAG_ENTRIES_NOTABLE ? [`member ${member} lags by ${lagEntries} entries`] : []
  })
}

function memberProblems({ member, name, status, connection, problem }: MemberState): string[] {
  if (status === 'expected') return [`member ${member} (${name}) is expected and has not joined yet`]
  if (status === 'removed' || connection === 'self' || connection === 'connected') return []
  return [`member ${member} (${name}) is ${connection}${problem === null ? '' : `: ${problem}`}`]
}
