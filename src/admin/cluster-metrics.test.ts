import { test } from 'node:test'
import assert from 'node:assert/strict'
import { clusterMetrics } from './cluster-metrics.ts'
import { renderMetrics } from './prometheus.ts'
import { groupState, memberState, stateOf } from './testing/cluster-states.ts'

function lines(...parameters: Parameters<typeof stateOf>): string[] {
  return renderMetrics(clusterMetrics(stateOf(...parameters)))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}

test('where the member leads, it tells how far the others are', () => {
  const follower = { member: 2, state: 'replicate', matchIndex: 5, lagEntries: 2, isActive: true } as const
  const text = lines([groupState({ term: 4, followers: [follower] })])
  assert.ok(text.includes('harmonydb_raft_is_leader{database="default"} 1'))
  assert.ok(text.includes('harmonydb_raft_term{database="default"} 4'))
  assert.ok(text.includes('harmonydb_raft_follower_lag_entries{database="default",member="2"} 2'))
})

test('where it follows, it tells what it has not applied', () => {
  const text = lines([groupState({ role: 'learner', leader: null, commitIndex: 9, appliedIndex: 4 })])
  assert.ok(text.includes('harmonydb_raft_unapplied_entries{database="default"} 5'))
  assert.ok(text.includes('harmonydb_raft_has_leader{database="default"} 0'))
  assert.ok(text.includes('harmonydb_raft_is_voter{database="default"} 0'))
})

test('connections to active members only, and none to itself', () => {
  const members = [
    memberState({ member: 1 }),
    memberState({ member: 2 }),
    memberState({ member: 3, connection: 'unreachable' }),
    memberState({ member: 4, status: 'removed', connection: 'none' }),
  ]
  assert.deepEqual(
    lines([], members).filter((line) => line.startsWith('harmonydb_peer')),
    ['harmonydb_peer_connected{member="2"} 1', 'harmonydb_peer_connected{member="3"} 0'],
  )
})
