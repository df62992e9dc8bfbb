/** What `status` and `member list` print for people. */

import type { ClusterState, MemberState } from '../../cluster/cluster-state.ts'
import type { ClusterReport, GroupReport } from './cluster-report.ts'
import { columnsText, left, right } from './columns.ts'

/** More than a screen of databases hides the members above it. */
const DATABASES_SHOWN_MAX = 20
const PROBLEMS_SHOWN_MAX = 20

export function statusText(report: ClusterReport): string {
  const { state, groups } = report
  const parts = [
    `cluster ${state.cluster}, seen by member ${state.member}`,
    membersText(state),
    databasesText(groups),
    problemsText(report.problems),
  ]
  return parts.join('\n\n')
}

export function membersText(state: ClusterState): string {
  const columns = [
    right('member'),
    left('name'),
    left('status'),
    left('role'),
    left('connection'),
    right('leads'),
    left('http'),
    left('peer'),
  ]
  const rows = state.members
    .filter(({ status }) => status !== 'removed')
    .map((member) => [
      String(member.member),
      member.name,
      member.status,
      member.role,
      connectionText(member),
      String(state.groups.filter(({ leader }) => leader === member.member).length),
      member.addresses.http ?? '-',
      member.addresses.peer ?? '-',
    ])
  return columnsText(columns, rows)
}

function connectionText({ connection }: MemberState): string {
  return connection === 'self' ? 'this one' : connection
}

function databasesText(groups: readonly GroupReport[]): string {
  const columns = [
    left('database'),
    right('leader'),
    right('term'),
    left('voters'),
    left('learners'),
    right('applied'),
    right('lag'),
  ]
  const troubled = groups.filter(({ problems }) => problems.length > 0)
  const shown = [...troubled, ...groups.filter(({ problems }) => problems.length === 0)].slice(
    0,
    DATABASES_SHOWN_MAX,
  )
  const rows = shown.map(({ group, lagEntries }) => [
    group.database,
    group.leader === null ? 'none' : String(group.leader),
    String(group.term),
    group.voters.join(' '),
    group.learners.join(' '),
    String(group.appliedIndex),
    lagEntries === null ? '-' : String(lagEntries),
  ])
  const rest = groups.length - shown.length
  return columnsText(columns, rows) + (rest > 0 ? `\n… and ${rest} more; --json shows all` : '')
}

function problemsText(problems: readonly string[]): string {
  if (problems.length === 0) return 'All is well.'
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX).map((problem) => `  ${problem}`)
  const rest = problems.length - shown.length
  return ['Problems:', ...shown, ...(rest > 0 ? [`  … and ${rest} more`] : [])].join('\n')
}
