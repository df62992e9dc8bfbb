import { test } from 'node:test'
import assert from 'node:assert/strict'
import { groupState, memberState, stateOf } from '../../admin/testing/cluster-states.ts'
import type { ClusterState, FollowerState } from '../../cluster/cluster-state.ts'
import { reportOn } from './cluster-report.ts'
import { statusText } from './status-text.ts'

const MEMBERS = [memberState({ member: 1 }), memberState({ member: 2 }), memberState({ member: 3 })]

function follower(member: number, changes: Partial<FollowerState> = {}): FollowerState {
  return { member, state: 'replicate', matchIndex: 7, lagEntries: 0, isActive: true, ...changes }
}

/** The same cluster as member 2 sees it. */
function seenBySecond(groups: ClusterState['groups']): ClusterState {
  return { ...stateOf(groups, MEMBERS), member: 2 }
}

test('a healthy cluster has no problems', () => {
  const report = reportOn(stateOf([groupState({ followers: [follower(2), follower(3)] })], MEMBERS), [])
  assert.deepEqual(report.problems, [])
  assert.equal(report.groups[0]?.lagEntries, 0)
})

test('the lag is what the leader knows, wherever it is', () => {
  const here = groupState({ leader: 2, role: 'follower' })
  const there = groupState({ leader: 2, role: 'leader', followers: [follower(3, { lagEntries: 5 })] })
  const alone = reportOn(stateOf([here], MEMBERS), [])
  assert.equal(alone.groups[0]?.lagEntries, null)
  const both = reportOn(stateOf([here], MEMBERS), [seenBySecond([there])])
  assert.equal(both.groups[0]?.lagEntries, 5)
  assert.deepEqual(both.problems, [])
})

test('everything that is wrong is told, databases first', () => {
  const members = [
    memberState({ member: 1 }),
    memberState({ member: 2, connection: 'unreachable', problem: 'connection refused' }),
    memberState({ member: 3, status: 'expected', connection: 'none' }),
    memberState({ member: 4, status: 'removed', connection: 'none' }),
  ]
  const groups = [
    groupState({ followers: [follower(2, { lagEntries: 5000 }), follower(3, { state: 'snapshot' })] }),
    groupState({ group: 2, database: 'shop', leader: null, role: 'candidate', failure: 'it differs' }),
  ]
  assert.deepEqual(reportOn(stateOf(groups, members), []).problems, [
    'database default: member 2 lags by 5000 entries',
    'database default: member 3 is sent a snapshot',
    'database shop: the replica on member 1 failed: it differs',
    'database shop: it has no leader',
    'member 2 (member-2) is unreachable: connection refused',
    'member 3 (member-3) is expected and has not joined yet',
  ])
})

test('what people see', () => {
  const state = stateOf(
    [groupState({ followers: [follower(2)] }), groupState({ group: 2, database: 'shop', leader: null })],
    [MEMBERS[0] ?? memberState({}), memberState({ member: 2, connection: 'connecting' })],
  )
  assert.equal(
    statusText(reportOn(state, [])),
    `cluster c0ffee, seen by member 1

member  name      status  role   connection  leads  http           peer
     1  member-1  active  voter  this one        1  10.0.0.1:8080  10.0.0.1:7400
     2  member-2  active  voter  connecting      0  10.0.0.2:8080  10.0.0.2:7400

database  leader  term  voters  learners  applied  lag
shop        none     2  1 2 3   4               7    0
default        1     2  1 2 3   4               7    0

Problems:
  database shop: it has no leader
  member 2 (member-2) is connecting`,
  )
})

test('many databases do not hide the members: those with problems come first, the rest is counted', () => {
  const groups = Array.from({ length: 100 }, (_, at) =>
    groupState({ group: at + 1, database: `db${at}`, leader: at === 99 ? null : 1 }),
  )
  const lines = statusText(reportOn(stateOf(groups, MEMBERS), [])).split('\n')
  const head = lines.findIndex((line) => line.startsWith('database'))
  assert.match(lines[head + 1] ?? '', /^db99 +none/)
  assert.equal(lines[head + 21], '… and 80 more; --json shows all')
})
