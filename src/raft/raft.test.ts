/** The class as a host uses it: settings, priorities, refusals, sleep, and that a seed decides everything. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { checkConfig, DEFAULT_RAFT_CONFIG } from './config.ts'
import { bytes, envelope, firstGeneration, loneReplica, voters } from './testing/build.ts'
import { TestCluster } from './testing/test-cluster.ts'

const TIMEOUT_TICKS = DEFAULT_RAFT_CONFIG.electionTimeoutTicks

function ticksUntilCampaign(electionPriority: number): number {
  const { raft } = loneReplica({ config: { electionPriority } })
  for (let ticks = 1; ticks < 100; ticks += 1) {
    raft.tick()
    if (raft.role !== 'follower') return ticks
  }
  return assert.fail('it never campaigns')
}

test('each step of priority below the best waits one more election timeout', () => {
  for (const [priority, steps] of [
    [3, 0],
    [2, 1],
    [0, 3],
  ] as const) {
    const ticks = ticksUntilCampaign(priority)
    const from = (steps + 1) * TIMEOUT_TICKS
    assert.equal(ticks >= from && ticks < from + TIMEOUT_TICKS, true, `priority ${priority}: ${ticks} ticks`)
  }
})

test('a low priority never blocks an election: alone, it wins', () => {
  const cluster = new TestCluster([1, 2, 3], [], { electionPriority: 0 })
  cluster.tick(2, 4 * TIMEOUT_TICKS)
  cluster.tick(2, TIMEOUT_TICKS)
  cluster.stabilize()
  assert.deepEqual(
    cluster.leaders.map(({ id }) => id.id),
    [2],
  )
})

test('the priority can be changed, for the next election', () => {
  const { raft } = loneReplica()
  raft.step({ ...envelope(2, 1, 1), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  raft.setElectionPriority(0)
  for (let tick = 0; tick < 2 * TIMEOUT_TICKS; tick += 1) raft.tick()
  assert.equal(raft.role, 'pre-candidate', 'the timeout that was drawn stands')
  raft.step({ ...envelope(2, 1, 2), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  for (let tick = 0; tick < 4 * TIMEOUT_TICKS - 1; tick += 1) raft.tick()
  assert.equal(raft.role, 'follower')
  assert.throws(() => raft.setElectionPriority(4), /0 to 3/)
})

test('settings out of range are refused at the start', () => {
  const bad = [
    { heartbeatTicks: 0 },
    { electionTimeoutTicks: 1 },
    { electionPriority: 4 },
    { inflightMessagesMax: 0 },
    { lease: { tickMs: 0, driftPercentMax: 10 } },
    { lease: { tickMs: 10, driftPercentMax: 51 } },
  ]
  for (const setting of bad) assert.throws(() => checkConfig({ ...DEFAULT_RAFT_CONFIG, ...setting }))
})

test('a proposal at a follower is refused and names the leader', () => {
  const cluster = new TestCluster([1, 2, 3])
  cluster.elect(1)
  const result = cluster.replica(2).raft.propose([bytes('x')])
  assert.deepEqual(result, { accepted: false, reason: 'not-leader', leader: firstGeneration(1) })
})

test('a proposal over the limit is taken when nothing else is uncommitted', () => {
  const cluster = new TestCluster([1], [], { uncommittedBytesMax: 10 })
  cluster.elect(1)
  const { raft } = cluster.replica(1)
  assert.equal(raft.propose([bytes('a long proposal')]).accepted, true)
  const second = raft.propose([bytes('x')])
  assert.equal(!second.accepted && second.reason, 'uncommitted-limit')
  cluster.stabilize()
  assert.equal(raft.propose([bytes('x')]).accepted, true)
})

test('reads beyond the limit are refused', () => {
  const cluster = new TestCluster([1, 2, 3], [], { pendingReadsMax: 2 })
  cluster.elect(1)
  for (const id of [1, 2]) {
    const { raft } = cluster.replica(id)
    assert.deepEqual([raft.requestRead(1), raft.requestRead(2)], [{ accepted: true }, { accepted: true }])
    assert.deepEqual(raft.requestRead(3), { accepted: false, reason: 'too-many-reads' })
  }
})

test('a leader with nothing to do falls asleep by itself, and a read wakes it', () => {
  const cluster = new TestCluster([1, 2, 3], [], { quiesceAfterTicks: 5 })
  cluster.elect(1)
  for (let tick = 0; tick < 7; tick += 1) {
    cluster.tick(1, 1)
    cluster.stabilize()
  }
  for (const { raft } of cluster.replicas) assert.equal(raft.status().quiesced, true)
  cluster.replica(2).raft.requestRead(7)
  cluster.takeLog()
  cluster.stabilize()
  assert.match(cluster.takeLog().join('\n'), /2> read 7 at 1/)
  assert.equal(cluster.replica(1).raft.status().quiesced, false)
})

test('an isolated follower that comes back finds a sleeping group', () => {
  const cluster = new TestCluster([1, 2, 3])
  cluster.elect(1)
  cluster.isolate(3)
  assert.equal(cluster.replica(1).raft.quiesce(), true)
  cluster.stabilize()
  cluster.heal()
  // It did not hear that the group fell asleep, so it campaigns, and the leader shows that it lives.
  cluster.tick(3, 2 * TIMEOUT_TICKS)
  cluster.stabilize()
  assert.deepEqual(
    cluster.leaders.map(({ id }) => id.id),
    [1],
  )
  assert.equal(cluster.replica(3).raft.role, 'follower')
})

/** Everything that a cluster says and does in a busy life, as text. */
function transcript(): string {
  const cluster = new TestCluster([1, 2, 3])
  for (let tick = 0; tick < 200; tick += 1) {
    for (const id of [1, 2, 3]) cluster.tick(id, 1)
    cluster.stabilize()
    const [leader] = cluster.leaders
    leader?.raft.propose([bytes(`proposal ${tick}`)])
    if (tick % 50 === 49) leader?.raft.transferLeadership((leader.id.id % 3) + 1)
  }
  return cluster.takeLog().join('\n')
}

test('the same inputs give the same outputs', () => {
  const first = transcript()
  assert.equal(first.includes('timeout-now'), true)
  assert.equal(transcript(), first)
})

test('storage may be busy: what it does not have at hand is asked for again', () => {
  const cluster = new TestCluster([1, 2, 3], [], { memoryTailBytesMax: 1 })
  cluster.elect(1)
  cluster.isolate(3)
  for (const text of ['a', 'b', 'c']) {
    cluster.replica(1).raft.propose([bytes(text)])
    cluster.stabilize()
  }
  const { storage, raft } = cluster.replica(1)
  const entries = storage.entries.bind(storage)
  let isBusy = true
  storage.entries = (from, to, sizeBytesMax) => (isBusy ? [] : entries(from, to, sizeBytesMax))
  cluster.heal()
  for (const state of [true, true, false, false]) {
    isBusy = state
    cluster.tick(1, 1)
    cluster.stabilize()
  }
  assert.equal(cluster.replica(3).appliedIndex, raft.commit)
})

test('a leader whose write is late commits with the majority of the others', () => {
  const cluster = new TestCluster([1, 2, 3])
  cluster.elect(1)
  cluster.replica(1).holdsWrites = true
  cluster.replica(1).raft.propose([bytes('x')])
  cluster.stabilize()
  assert.equal(cluster.replica(1).raft.commit, 2)
  assert.deepEqual(
    cluster.replicas.map(({ appliedIndex }) => appliedIndex),
    [1, 2, 2],
  )
})

test('a group of two whose configuration nobody else knows is described for consoles', () => {
  const { raft } = loneReplica({ configuration: voters(2) })
  const { configuration, followers, replica, role } = raft.status()
  assert.deepEqual([configuration, followers, replica, role], [voters(2), [], firstGeneration(1), 'follower'])
})
