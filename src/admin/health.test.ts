import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ClusterState, GroupState } from '../cluster/cluster-state.ts'
import { HealthCheck, LEADERLESS_MS_MAX } from './health.ts'
import { groupState, stateOf } from './testing/cluster-states.ts'

class World {
  nowMs = 0
  failure: Error | null = null
  state: ClusterState = stateOf([])
  readonly check = new HealthCheck({
    failure: () => this.failure,
    state: () => this.state,
    now: () => this.nowMs,
  })

  statusWith(...groups: GroupState[]): string {
    this.state = stateOf(groups)
    return this.check.check().status
  }
}

const CATALOG = groupState({ group: 0, database: '_catalog' })
const READY = groupState({ group: 1, database: 'default' })

test('a member that starts is ready when every database has a leader and everything committed is applied', () => {
  const world = new World()
  assert.equal(world.statusWith(), 'waiting')
  assert.equal(world.statusWith({ ...CATALOG, leader: null }), 'waiting')
  assert.equal(world.statusWith(CATALOG, { ...READY, leader: null }), 'waiting')
  assert.equal(world.statusWith(CATALOG, { ...READY, commitIndex: 9, appliedIndex: 8 }), 'waiting')
  const late = { ...READY, commitIndex: 9, appliedIndex: 9 }
  assert.equal(world.statusWith(CATALOG, { ...late, role: 'none' }), 'waiting')
  assert.equal(world.statusWith(CATALOG, late), 'ok')
})

test('a member that starts under load need not catch up with what is committed meanwhile', () => {
  const world = new World()
  assert.equal(world.statusWith(CATALOG, { ...READY, commitIndex: 9, appliedIndex: 7 }), 'waiting')
  assert.equal(world.statusWith(CATALOG, { ...READY, commitIndex: 12, appliedIndex: 8 }), 'waiting')
  assert.equal(world.statusWith(CATALOG, { ...READY, commitIndex: 15, appliedIndex: 9 }), 'ok')
})

test('a failover does not make it unready, and being cut off for long does', () => {
  const world = new World()
  assert.equal(world.statusWith(CATALOG, READY), 'ok')
  assert.equal(world.statusWith({ ...CATALOG, leader: null }, { ...READY, leader: null }), 'ok')
  world.nowMs += LEADERLESS_MS_MAX - 1
  assert.equal(world.statusWith({ ...CATALOG, leader: null }, READY), 'ok')
  world.nowMs += 1
  assert.equal(world.statusWith({ ...CATALOG, leader: null }, READY), 'waiting')
  assert.equal(world.statusWith(CATALOG, READY), 'ok')
})

test('the reason names what is missing', () => {
  const world = new World()
  world.state = stateOf([CATALOG, { ...READY, leader: null }, { ...READY, database: 'shop', leader: null }])
  const health = world.check.check()
  assert.match(
    health.status === 'ok' ? '' : health.reason,
    /^2 databases, default among them, have no leader yet/,
  )
})

test('a member that failed needs a restart, whatever its cluster does', () => {
  const world = new World()
  world.failure = new Error('The disk is full.')
  world.state = stateOf([CATALOG, READY])
  assert.deepEqual(world.check.check(), { status: 'failing', reason: 'The disk is full.' })
})
