/** A lost connection to the leader shortens the wait for its replacement, and does nothing else. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { TestCluster } from './testing/test-cluster.ts'

const CONFIG = { electionTimeoutTicks: 20, heartbeatTicks: 2 }

function tickAll(cluster: TestCluster, ids: readonly number[]): void {
  for (const id of ids) cluster.tick(id, 1)
  cluster.stabilize()
}

function led(config: ConstructorParameters<typeof TestCluster>[2] = CONFIG): TestCluster {
  const cluster = new TestCluster([1, 2, 3], [], config)
  // With leases nobody votes for the first election timeout of its life.
  for (const id of [1, 2, 3]) cluster.tick(id, CONFIG.electionTimeoutTicks - 1)
  for (const id of [1, 2, 3]) cluster.tick(id, 1)
  cluster.messages = []
  cluster.elect(1)
  return cluster
}

/** Ticks until another than 1 leads. */
function ticksWithoutLeader(cluster: TestCluster): number {
  for (let ticks = 1; ticks < 200; ticks++) {
    tickAll(cluster, [2, 3])
    if (cluster.leaders.some(({ id }) => id.id !== 1)) return ticks
  }
  return Infinity
}

test('followers whose connection to the leader is lost elect another long before an election timeout', () => {
  const cluster = led()
  cluster.isolate(1)
  for (const id of [2, 3]) cluster.replica(id).raft.reportUnreachable(1)
  assert.ok(ticksWithoutLeader(cluster) < CONFIG.electionTimeoutTicks / 2)
})

test('without that they wait for it', () => {
  const cluster = led()
  cluster.isolate(1)
  assert.ok(ticksWithoutLeader(cluster) >= CONFIG.electionTimeoutTicks)
})

test('a leader that is heard again stays, though all have suspected it', () => {
  const cluster = led()
  const { term } = cluster.replica(1).raft
  for (const id of [2, 3]) cluster.replica(id).raft.reportUnreachable(1)
  for (let ticks = 0; ticks < 100; ticks++) tickAll(cluster, [1, 2, 3])
  assert.deepEqual([cluster.leaders.map(({ id }) => id.id), cluster.replica(1).raft.term], [[1], term])
})

test('one that alone has lost the leader gets no votes and disturbs nobody', () => {
  const cluster = led()
  const { term } = cluster.replica(1).raft
  for (let ticks = 0; ticks < 100; ticks++) {
    cluster.replica(3).raft.reportUnreachable(1)
    // What the leader sends to 3 is lost, what 3 sends to 2 is not.
    for (const id of [1, 2, 3]) cluster.tick(id, 1)
    for (let round = 0; round < 5; round++) {
      cluster.stabilize([1, 2])
      cluster.take(({ from, to }) => from === 1 && to === 3)
      cluster.stabilize([2, 3])
      cluster.take(({ from, to }) => from === 3 && to === 1)
    }
  }
  assert.deepEqual([cluster.leaders.map(({ id }) => id.id), cluster.replica(1).raft.term], [[1], term])
})

test('the preferred one goes first', () => {
  for (const preferred of [2, 3]) {
    const cluster = led()
    cluster.isolate(1)
    for (const id of [2, 3]) {
      const { raft } = cluster.replica(id)
      raft.setElectionPriority(id === preferred ? 3 : 2)
      raft.reportUnreachable(1)
    }
    ticksWithoutLeader(cluster)
    assert.ok(cluster.replica(preferred).raft.role === 'leader')
  }
})

test('with leases the silence of the leader counts, and nothing else', () => {
  const cluster = led({ ...CONFIG, lease: { tickMs: 10, driftPercentMax: 10 } })
  cluster.isolate(1)
  for (const id of [2, 3]) cluster.replica(id).raft.reportUnreachable(1)
  assert.ok(ticksWithoutLeader(cluster) >= CONFIG.electionTimeoutTicks)
})
