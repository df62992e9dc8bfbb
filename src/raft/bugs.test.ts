/**
 * Bugs that other implementations of Raft had, one test for each: what went wrong there must not happen here.
 * B1 to B31 follow a survey of their issue trackers; the name says what the bug was.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import { DEFAULT_RAFT_CONFIG } from './config.ts'
import type { RaftConfig } from './config.ts'
import { encodeConfiguration } from './configuration-codec.ts'
import type { Entry, SnapshotMetadata } from './entry.ts'
import { applyChange, EMPTY_CONFIGURATION, initialConfiguration, isJoint } from './membership.ts'
import type { Message } from './message.ts'
import { majority, quorumValue } from './quorum.ts'
import type { Raft } from './raft.ts'
import { bytes, entry, envelope, firstGeneration, logOf, loneReplica, voters } from './testing/build.ts'
import { TestCluster } from './testing/test-cluster.ts'
import { admit } from './tombstone.ts'

function electedCluster(count = 3, config = {}): TestCluster {
  const cluster = new TestCluster(
    Array.from({ length: count }, (_, at) => at + 1),
    [],
    config,
  )
  cluster.elect(1)
  return cluster
}

function propose(cluster: TestCluster, id: number, ...texts: string[]): void {
  assert.equal(cluster.replica(id).raft.propose(texts.map(bytes)).accepted, true)
}

/** Delivers to and works at some members only, as if the others did not exist. */
function takeOver(cluster: TestCluster, id: number, helper: number): void {
  cluster.tick(helper, DEFAULT_RAFT_CONFIG.electionTimeoutTicks)
  cluster.replica(id).raft.campaign()
  cluster.stabilize([id, helper])
  assert.equal(cluster.replica(id).raft.role, 'leader')
}

function types(messages: readonly Message[]): string[] {
  return messages.map(({ type }) => type)
}

function append(
  from: number,
  to: number,
  term: number,
  previous: [number, number],
  entries: Entry[],
  commit = 0,
): Message {
  const [previousTerm, previousIndex] = previous
  return { ...envelope(from, to, term), type: 'append-request', previousIndex, previousTerm, entries, commit }
}

/** Performs and reports a `Ready`'s write; what it allowed to be sent. */
function persist(raft: Raft, storage: ReturnType<typeof loneReplica>['storage']): readonly Message[] {
  const { write, messages } = raft.ready()
  if (write === null) return messages
  storage.perform(write)
  raft.appended(write.number)
  return [...messages, ...raft.ready().messages]
}

test('B1: a leader changes the membership before it committed anything in its term', () => {
  const cluster = electedCluster()
  cluster.replica(2).holdsWrites = true
  takeOverByTransfer(cluster)
  const change = { kind: 'change', steps: [{ kind: 'add-voter', id: 4 }], autoLeave: true } as const
  const early = cluster.replica(2).raft.proposeMembership(change)
  assert.equal(!early.accepted && early.reason, 'term-not-committed')
  cluster.replica(2).holdsWrites = false
  cluster.stabilize()
  assert.equal(cluster.replica(2).raft.proposeMembership(change).accepted, true)
})

/** Replica 2 leads, but its own empty entry is neither durable nor acknowledged. */
function takeOverByTransfer(cluster: TestCluster): void {
  cluster.replica(1).raft.transferLeadership(2)
  for (let round = 0; round < 20 && cluster.replica(2).raft.role !== 'leader'; round += 1) {
    for (const { id } of cluster.replicas) cluster.processReady(id.id)
    for (const replica of cluster.replicas) replica.completeWrites(replica.writes.length)
    for (const { id } of cluster.replicas) cluster.deliverTo(id.id)
  }
  assert.equal(cluster.replica(2).raft.role, 'leader')
}

test('B2: a replica campaigns with a configuration that it has, committed, and has not applied', () => {
  const cluster = electedCluster()
  for (const id of [1, 2, 3]) cluster.replica(id).holdsApplies = true
  const change = { kind: 'change', steps: [{ kind: 'remove', id: 3 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(change)
  cluster.stabilize()
  const { raft } = cluster.replica(2)
  assert.equal(raft.status().applied < raft.configuration.index, true)
  assert.deepEqual(
    raft.configuration.voters.map(({ id }) => id),
    [1, 2],
  )
  // So replica 3 is asked for no vote, and counts in no majority.
  raft.campaign()
  const asked = cluster.processReady(2).messages.filter(({ type }) => type === 'pre-vote-request')
  assert.deepEqual(
    asked.map(({ to }) => to),
    [1],
  )
})

test('B3: a removed voter vanishes before the others have applied its removal, and the group is stuck', () => {
  const cluster = electedCluster(2)
  cluster.replica(1).holdsApplies = true
  cluster.replica(2).holdsApplies = true
  const change = { kind: 'change', steps: [{ kind: 'remove', id: 2 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(change)
  cluster.stabilize()
  cluster.replica(2).crash()
  propose(cluster, 1, 'x')
  cluster.stabilize([1])
  const { commit, lastIndex } = cluster.replica(1).raft.status()
  assert.equal(commit, lastIndex)
})

/** Replica 1 leads voters 1 and 2; C_new without replica 3 is appended, C_old,new is committed. */
function leavingLeader(): ReturnType<typeof loneReplica> {
  const lone = leaderBeforeCommit({})
  const { raft, storage } = lone
  const acknowledge = (index: number): void => {
    for (const from of [2, 3]) raft.step({ ...envelope(from, 1, raft.term), type: 'append-accepted', index })
    persist(raft, storage)
  }
  acknowledge(1)
  const steps = [{ kind: 'remove', id: 3 }] as const
  assert.equal(raft.proposeMembership({ kind: 'change', steps, autoLeave: true }).accepted, true)
  raft.propose([bytes('x')])
  raft.propose([bytes('y')])
  persist(raft, storage)
  acknowledge(2)
  assert.deepEqual([raft.commit, raft.configuration.index, isJoint(raft.configuration)], [2, 5, false])
  return lone
}

test('B3: a voter is told that it was removed, or believes it, before that is committed', () => {
  const { raft } = leavingLeader()
  raft.step({ ...envelope(3, 1, raft.term + 1), type: 'pre-vote-request', lastIndex: 2, lastTerm: 1 })
  assert.equal(types(raft.ready().messages).includes('tombstone-notice'), false)
  const configuration = initialConfiguration([1, 2].map(firstGeneration))
  const data = encodeConfiguration({ ...configuration, index: 2, generation: 2 ** 20 })
  const left = loneReplica({ id: 3, log: [entry(1, 1), { index: 2, term: 1, kind: 'membership', data }] })
  left.raft.step(append(1, 3, 1, [1, 2], [], 1))
  assert.deepEqual([left.raft.commit, left.raft.status().removed], [1, false])
  left.raft.step(append(1, 3, 1, [1, 2], [], 2))
  assert.equal(left.raft.status().removed, true)
})

test('B4: a new leader answers a read before it knows what is committed', () => {
  const cluster = electedCluster()
  propose(cluster, 1, 'x')
  cluster.stabilize()
  takeOverByTransfer(cluster)
  const { raft } = cluster.replica(2)
  raft.requestRead(7)
  const held = cluster.processReady(2)
  assert.deepEqual(held.readStates, [])
  assert.equal(
    held.messages.some(({ type }) => type === 'heartbeat-request'),
    false,
  )
  cluster.stabilize()
  assert.match(cluster.takeLog().join('\n'), /2> read 7 at 3/)
})

test('B4: the round of an ordinary heartbeat takes a read along that has to wait', () => {
  const { raft } = leaderBeforeCommit(LEASE)
  raft.requestRead(7)
  raft.tick()
  const { messages } = raft.ready(5000)
  const heartbeat = messages.find(({ type }) => type === 'heartbeat-request')
  assert.ok(heartbeat?.type === 'heartbeat-request')
  const { round } = heartbeat
  raft.step({ ...envelope(2, 1, raft.term), type: 'heartbeat-response', round })
  assert.deepEqual(raft.ready(5000).readStates, [])
})

test('B5: the answer to an earlier round of heartbeats confirms a repeated read', () => {
  const cluster = electedCluster()
  const { raft } = cluster.replica(1)
  raft.requestRead(7)
  cluster.stabilize()
  assert.match(cluster.takeLog().join('\n'), /1> read 7 at 1/)
  raft.requestRead(7)
  cluster.processReady(1)
  // The old answers come again, from both followers.
  for (const from of [2, 3])
    raft.step({ ...envelope(from, 1, raft.term), type: 'heartbeat-response', round: 1 })
  assert.deepEqual(raft.ready().readStates, [])
  cluster.stabilize()
  assert.match(cluster.takeLog().join('\n'), /1> read 7 at 1/)
})

test('B5: a follower takes the answer to a request of its life before a restart for one of this life', () => {
  const cluster = electedCluster()
  const request = (): number => {
    cluster.replica(2).raft.requestRead(7)
    const asked = cluster.processReady(2).messages.find(({ type }) => type === 'read-index-request')
    assert.ok(asked?.type === 'read-index-request')
    return asked.request
  }
  const before = request()
  cluster.replica(2).crash()
  cluster.replica(2).restart()
  cluster.tick(1, 1)
  cluster.stabilize()
  assert.notEqual(request(), before)
})

const LEASE = { lease: { tickMs: 100, driftPercentMax: 10 } }
// (10 ticks - 1) * 100 ms, less 10 %.
const LEASE_MS = 810

/** A leader of three whose empty entry nobody has acknowledged. */
function leaderBeforeCommit(config: Partial<RaftConfig>): ReturnType<typeof loneReplica> {
  const { raft, storage } = loneReplica({ config })
  raft.step({ ...envelope(2, 1, 0), type: 'timeout-now' })
  persist(raft, storage)
  raft.step({ ...envelope(2, 1, 1), type: 'vote-response', granted: true })
  persist(raft, storage)
  assert.equal(raft.role, 'leader')
  return { raft, storage }
}

/** A leader of three, with leases, whose round of heartbeats went out at `sentAtMs` and was answered. */
function leaseholder(sentAtMs: number): { raft: Raft; cluster: TestCluster } {
  const cluster = new TestCluster([1, 2, 3], [], LEASE)
  for (const id of [1, 2, 3]) cluster.tick(id, DEFAULT_RAFT_CONFIG.electionTimeoutTicks)
  cluster.replica(1).raft.campaign()
  cluster.stabilize()
  const { raft } = cluster.replica(1)
  assert.equal(raft.role, 'leader')
  raft.tick()
  for (const message of raft.ready(sentAtMs).messages) cluster.deliver(message)
  cluster.stabilize([2, 3])
  cluster.deliverTo(1)
  return { raft, cluster }
}

/** Whether a read at `nowMs` is answered without asking anybody. */
function readsByLease(raft: Raft, nowMs: number): boolean {
  raft.requestRead(7, nowMs)
  return raft.ready(nowMs).readStates.length > 0
}

test('B6: a lease outlives a leader that was paused, or begins when the answer came', () => {
  assert.equal(readsByLease(leaseholder(5000).raft, 5000 + LEASE_MS - 1), true)
  assert.equal(readsByLease(leaseholder(5000).raft, 5000 + LEASE_MS), false)
})

test('B6: a replica that restarts votes while the lease that it supported still runs', () => {
  const { cluster } = leaseholder(5000)
  cluster.replica(2).crash()
  cluster.replica(2).restart()
  const { raft } = cluster.replica(2)
  raft.step({ ...envelope(3, 2, 9), type: 'vote-request', lastIndex: 9, lastTerm: 8, forced: false })
  assert.deepEqual(raft.status().dropped, { 'leader-alive': 1 })
})

test('B6: a replica that supports a lease learns of a higher term, and votes at once', () => {
  const { cluster } = leaseholder(5000)
  const { raft } = cluster.replica(2)
  const { term } = raft
  // A late message of a candidate that got ahead before the lease began.
  raft.step({ ...envelope(3, 2, term + 1), type: 'pre-vote-response', granted: false })
  assert.deepEqual([raft.term, raft.leader], [term + 1, null])
  raft.step({ ...envelope(3, 2, term + 2), type: 'vote-request', lastIndex: 9, lastTerm: 1, forced: false })
  assert.deepEqual([raft.term, raft.status().dropped['leader-alive']], [term + 1, 1])
  for (let tick = 0; tick < DEFAULT_RAFT_CONFIG.electionTimeoutTicks; tick += 1) raft.tick()
  raft.step({ ...envelope(3, 2, term + 2), type: 'vote-request', lastIndex: 9, lastTerm: 1, forced: false })
  assert.equal(raft.term, term + 2)
})

test('B6: a replica that supports a lease is told by its operator to campaign, and votes for itself', () => {
  const { cluster } = leaseholder(5000)
  const { raft } = cluster.replica(2)
  raft.campaign()
  assert.equal(raft.role, 'follower')
})

test('B7: a lease serves reads while, or after, another replica was told to take over', () => {
  const { raft } = leaseholder(5000)
  raft.transferLeadership(2)
  assert.equal(readsByLease(raft, 5001), false)
  for (let tick = 0; tick < DEFAULT_RAFT_CONFIG.electionTimeoutTicks; tick += 1) raft.tick()
  assert.equal(raft.status().transferee, null)
  // The order to campaign may still be on its way.
  assert.equal(readsByLease(raft, 5002), false)
})

test('B8: a vote or an entry is acknowledged before it is on disk', () => {
  const { raft, storage } = loneReplica({ id: 2 })
  raft.step({ ...envelope(1, 2, 1), type: 'vote-request', lastIndex: 0, lastTerm: 0, forced: false })
  const vote = raft.ready()
  assert.deepEqual(types(vote.messages), [])
  raft.step(append(1, 2, 1, [0, 0], logOf(1)))
  const entries = raft.ready()
  assert.deepEqual(types(entries.messages), [])
  storage.perform(vote.write!)
  raft.appended(vote.write!.number)
  assert.deepEqual(types(raft.ready().messages), ['vote-response'])
  storage.perform(entries.write!)
  raft.appended(entries.write!.number)
  assert.deepEqual(types(raft.ready().messages), ['append-accepted'])
})

test('B8: a candidate forgets its vote for itself in a crash, after others voted for its longer log', () => {
  const { raft } = loneReplica({ log: logOf(1) })
  raft.step({ ...envelope(2, 1, 1), type: 'timeout-now' })
  const { messages, write } = raft.ready()
  assert.deepEqual(messages, [])
  raft.appended(write!.number)
  assert.deepEqual(types(raft.ready().messages), ['vote-request', 'vote-request'])
})

test('B9: the commit index on disk is ahead of the entries, and the replica cannot start', () => {
  const { raft } = loneReplica({ log: logOf(1, 1), hardState: { term: 1, votedFor: null, commit: 9 } })
  assert.equal(raft.commit, 2)
})

test('B9: a write carries a commit index beyond the entries that it and earlier writes carry', () => {
  const { raft } = loneReplica({ id: 2 })
  raft.step(append(1, 2, 1, [0, 0], logOf(1, 1), 9))
  const { write } = raft.ready()
  assert.equal(write!.hardState!.commit <= write!.entries.at(-1)!.index, true)
})

test('B10: a group of one tells its client before its own disk has the entry', () => {
  const cluster = electedCluster(1)
  cluster.replica(1).holdsWrites = true
  propose(cluster, 1, 'x')
  cluster.stabilize()
  assert.equal(cluster.replica(1).raft.commit, 1)
  cluster.replica(1).holdsWrites = false
  cluster.stabilize()
  assert.equal(cluster.replica(1).appliedIndex, 2)
})

test('B11: a new leader counts its empty entry before its own disk has it', () => {
  const cluster = electedCluster(2)
  takeOverByTransfer(cluster)
  cluster.replica(2).holdsWrites = true
  cluster.stabilize()
  const { followers, commit, lastIndex } = cluster.replica(2).raft.status()
  assert.equal(followers[0]!.match, lastIndex)
  assert.equal(commit, lastIndex - 1)
})

test('B12: a late request makes a follower delete entries that match, and a crash loses them', () => {
  const { raft } = loneReplica({ id: 2, log: logOf(1, 1, 1, 1, 1) })
  raft.step(append(1, 2, 1, [1, 1], [entry(2, 1), entry(3, 1)]))
  assert.equal(raft.status().lastIndex, 5)
  const { write } = raft.ready()
  assert.deepEqual(write?.entries ?? [], [])
})

test('B13: entries are applied in portions, and the commit index goes back or an entry is left out', () => {
  const cluster = electedCluster(3, { applyBytesMax: 60 })
  const texts = Array.from({ length: 20 }, (_, at) => `proposal ${at}`)
  propose(cluster, 1, ...texts)
  let commit = 0
  for (let round = 0; round < 100; round += 1) {
    for (const { id } of cluster.replicas) cluster.processReady(id.id)
    for (const replica of cluster.replicas) replica.completeWrites(replica.writes.length)
    for (const { id } of cluster.replicas) cluster.deliverTo(id.id)
    cluster.replica(3).apply()
    assert.equal(cluster.replica(3).raft.commit >= commit, true)
    commit = cluster.replica(3).raft.commit
  }
  assert.deepEqual(
    cluster.replica(3).applied.map(({ index }) => index),
    Array.from({ length: 21 }, (_, at) => at + 1),
  )
})

test('B14: the size of what is uncommitted is counted wrongly, and proposals are refused for ever', () => {
  const cluster = electedCluster(3, { uncommittedBytesMax: 200, inflightBytesMax: 200 })
  for (let round = 0; round < 50; round += 1) {
    propose(cluster, 1, '', 'some text', 'x'.repeat(100))
    cluster.stabilize()
  }
  const { uncommittedBytes, followers } = cluster.replica(1).raft.status()
  assert.equal(uncommittedBytes, 0)
  assert.deepEqual(
    followers.map(({ inflightBytes, inflightMessages }) => [inflightBytes, inflightMessages]),
    [
      [0, 0],
      [0, 0],
    ],
  )
})

test('B15: after compaction a leader sends a request with term 0 that makes the follower fail', () => {
  const cluster = electedCluster()
  cluster.isolate(3)
  propose(cluster, 1, 'a', 'b')
  cluster.stabilize()
  cluster.replica(1).offerSnapshot()
  cluster.replica(1).compact(3)
  cluster.heal()
  cluster.replica(1).raft.reportUnreachable(3)
  cluster.tick(1, 1)
  cluster.takeLog()
  cluster.stabilize()
  const log = cluster.takeLog().join('\n')
  assert.match(log, /snapshot-request/)
  assert.doesNotMatch(log, /after 0\//)
  assert.equal(cluster.replica(3).appliedIndex, 3)
})

test('B15: the window is full, and what would have been sent next is compacted away', () => {
  const cluster = electedCluster(3, { inflightMessagesMax: 1 })
  cluster.isolate(3)
  for (const text of ['a', 'b', 'c']) {
    propose(cluster, 1, text)
    cluster.stabilize()
  }
  cluster.replica(1).offerSnapshot()
  cluster.replica(1).compact(4)
  const [, third] = cluster.replica(1).raft.status().followers
  assert.equal(third!.next <= 4, true)
  cluster.heal()
  cluster.tick(1, 1)
  cluster.takeLog()
  cluster.stabilize()
  const log = cluster.takeLog().join('\n')
  assert.match(log, /send 1→3 snapshot-request/)
  assert.doesNotMatch(log, /after 0\//)
  assert.equal(cluster.replica(3).appliedIndex, 4)
})

test('B16: a follower stays stuck after a snapshot, or a leader whose log is empty replicates nothing', () => {
  const cluster = electedCluster()
  cluster.isolate(3)
  propose(cluster, 1, 'a', 'b')
  cluster.stabilize()
  cluster.replica(1).offerSnapshot()
  cluster.replica(1).compact(3)
  cluster.heal()
  cluster.tick(1, 1)
  cluster.stabilize()
  propose(cluster, 1, 'c')
  cluster.stabilize()
  assert.deepEqual(
    cluster.replicas.map(({ appliedIndex }) => appliedIndex),
    [4, 4, 4],
  )
  for (const replica of cluster.replicas) replica.compact(4)
  takeOver(cluster, 2, 3)
  propose(cluster, 2, 'd')
  cluster.stabilize()
  assert.deepEqual(
    cluster.replicas.map(({ appliedIndex }) => appliedIndex),
    [6, 6, 6],
  )
})

test('B17: a late completion vouches for an entry that was replaced, and put back, meanwhile (ABA)', () => {
  const { raft } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], [entry(1, 1), entry(2, 1)]))
  const first = raft.ready().write!
  raft.step(append(2, 3, 2, [1, 1], [entry(2, 2)]))
  const second = raft.ready().write!
  // The leader of term 3 has the entry of term 1 after all.
  raft.step(append(1, 3, 3, [1, 1], [entry(2, 1)]))
  const third = raft.ready().write!
  assert.deepEqual(
    [first, second, third].map(({ entries }) => entries.at(-1)),
    [entry(2, 1), entry(2, 2), entry(2, 1)],
  )
  raft.appended(first.number)
  assert.equal(raft.status().durableIndex, 1)
  raft.appended(second.number)
  assert.equal(raft.status().durableIndex, 1)
  raft.appended(third.number)
  assert.equal(raft.status().durableIndex, 2)
})

test('B17: completions come in another order than the writes, and the newest counts before the oldest', () => {
  const { raft } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], [entry(1, 1)]))
  const first = raft.ready().write!
  raft.step(append(1, 3, 1, [1, 1], [entry(2, 1)]))
  const second = raft.ready().write!
  raft.appended(second.number)
  assert.deepEqual([raft.status().durableIndex, types(raft.ready().messages)], [0, []])
  raft.appended(first.number)
  assert.equal(raft.status().durableIndex, 2)
  assert.deepEqual(types(raft.ready().messages), ['append-accepted', 'append-accepted'])
})

test('B17: a snapshot replaces a log whose writes are under way; their completion counts for nothing', () => {
  const { raft } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], logOf(1, 1, 1)))
  const entries = raft.ready().write!
  const snapshot: SnapshotMetadata = { index: 9, term: 2, configuration: voters(3) }
  raft.step({ ...envelope(2, 3, 2), type: 'snapshot-request', snapshot })
  const install = raft.ready().write!
  raft.appended(entries.number)
  assert.deepEqual([raft.status().durableIndex, raft.status().applied], [0, 0])
  assert.equal(
    raft.ready().messages.some((message) => message.type === 'append-accepted' && message.index === 9),
    false,
  )
  raft.appended(install.number)
  assert.deepEqual([raft.status().durableIndex, raft.status().applied], [9, 9])
})

test('B17: entries are acknowledged that were replaced before the write that held them was durable', () => {
  const { raft } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], logOf(1, 1)))
  const first = raft.ready().write!
  raft.step(append(2, 3, 2, [0, 0], [entry(1, 2)]))
  const second = raft.ready().write!
  raft.appended(first.number)
  assert.deepEqual(types(raft.ready().messages), [])
  raft.appended(second.number)
  assert.deepEqual(
    raft
      .ready()
      .messages.map((message) => message.type === 'append-accepted' && [message.term, message.index]),
    [[2, 1]],
  )
})

test('B18: a leader appends the end of a joint configuration several times', () => {
  const cluster = electedCluster()
  const change = { kind: 'change', steps: [{ kind: 'add-voter', id: 4 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(change)
  for (let round = 0; round < 10; round += 1) {
    cluster.tick(1, 1)
    cluster.stabilize()
  }
  const memberships = cluster
    .replica(1)
    .raft.entries(1, 100)
    .filter(({ kind }) => kind === 'membership')
  assert.equal(memberships.length, 2)
})

test('B18: more is committed while the end of a joint configuration is on its way, and it is appended again', () => {
  const { raft } = leavingLeader()
  for (const index of [3, 4]) raft.step({ ...envelope(2, 1, raft.term), type: 'append-accepted', index })
  assert.deepEqual([raft.commit, raft.status().lastIndex], [4, 5])
})

test('B18: a new leader finds a committed joint configuration, and nobody ends it', () => {
  const cluster = electedCluster()
  const change = { kind: 'change', steps: [{ kind: 'remove', id: 3 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(change)
  cluster.processReady(1)
  for (const id of [2, 3]) cluster.deliverTo(id)
  cluster.replica(1).crash()
  cluster.stabilize([2, 3])
  assert.equal(isJoint(cluster.replica(2).raft.configuration), true)
  // C_old,new needs replica 1, which lost what it had not written.
  cluster.replica(1).restart()
  cluster.tick(3, DEFAULT_RAFT_CONFIG.electionTimeoutTicks)
  takeOver(cluster, 2, 1)
  cluster.stabilize()
  assert.deepEqual(
    cluster.replica(2).raft.configuration.voters.map(({ id }) => id),
    [1, 2],
  )
  assert.equal(isJoint(cluster.replica(2).raft.configuration), false)
})

test('B19: a joint configuration gets lost over a snapshot', () => {
  const joint = {
    ...initialConfiguration([1, 2, 4].map(firstGeneration)),
    index: 5,
    votersOutgoing: [1, 2, 3].map(firstGeneration),
    autoLeave: true,
  }
  const { raft, storage } = loneReplica({ id: 3 })
  const snapshot: SnapshotMetadata = { index: 9, term: 1, configuration: joint }
  raft.step({ ...envelope(1, 3, 1), type: 'snapshot-request', snapshot })
  persist(raft, storage)
  assert.deepEqual(raft.configuration, joint)
  assert.deepEqual(storage.base(), snapshot)
})

test('B19: a snapshot carries a configuration that came after it, and is not even committed', () => {
  const { raft, storage } = leaderBeforeCommit({})
  raft.step({ ...envelope(2, 1, raft.term), type: 'append-accepted', index: 1 })
  const { committed } = raft.ready()
  raft.applied(committed.at(-1)!.index)
  const steps = [{ kind: 'add-learner', id: 4 }] as const
  assert.equal(raft.proposeMembership({ kind: 'change', steps, autoLeave: true }).accepted, true)
  persist(raft, storage)
  assert.deepEqual(raft.snapshotMetadata(1), { index: 1, term: 1, configuration: voters(3) })
})

test('B19: an uncommitted configuration is kept over a snapshot that is without it', () => {
  const { raft, storage } = loneReplica({ id: 3 })
  const configuration = { ...voters(4), index: 2 }
  const data = encodeConfiguration(configuration)
  raft.step(append(1, 3, 1, [0, 0], [entry(1, 1), { index: 2, term: 1, kind: 'membership', data }]))
  persist(raft, storage)
  assert.deepEqual(raft.configuration, configuration)
  const snapshot: SnapshotMetadata = { index: 9, term: 2, configuration: voters(3) }
  raft.step({ ...envelope(2, 3, 2), type: 'snapshot-request', snapshot })
  assert.deepEqual(raft.configuration, voters(3))
})

test('B20: a pre-candidate that is behind in its term never learns it', () => {
  const behind = loneReplica({ log: logOf(1, 1), hardState: { term: 1, votedFor: null, commit: 0 } })
  const ahead = loneReplica({ id: 2, log: logOf(1), hardState: { term: 7, votedFor: null, commit: 0 } })
  behind.raft.campaign()
  const [question] = behind.raft.ready().messages
  ahead.raft.step(question!)
  const [answer] = ahead.raft.ready().messages
  behind.raft.step(answer!)
  assert.deepEqual([behind.raft.term, behind.raft.role], [7, 'follower'])
})

test('B20: a leader of a lower term is ignored by a replica that got ahead, which then never joins', () => {
  const { raft, storage } = loneReplica({ id: 3, hardState: { term: 5, votedFor: null, commit: 0 } })
  raft.step({ ...envelope(1, 3, 4), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  assert.deepEqual(
    persist(raft, storage).map(({ type, term }) => [type, term]),
    [['stale-leader', 5]],
  )
})

test('B20: a pre-candidate ignores the vote request of a higher term', () => {
  const { raft, storage } = loneReplica({ id: 3 })
  raft.campaign()
  raft.ready()
  raft.step({ ...envelope(1, 3, 1), type: 'vote-request', lastIndex: 0, lastTerm: 0, forced: false })
  const [vote] = persist(raft, storage)
  assert.equal(vote?.type === 'vote-response' && vote.granted, true)
})

test('B21: a replica that believes itself a learner refuses its vote, and a needed vote is missing', () => {
  const configuration = initialConfiguration([1, 2].map(firstGeneration), [firstGeneration(3)])
  const { raft, storage } = loneReplica({ id: 3, configuration })
  raft.step({ ...envelope(1, 3, 1), type: 'vote-request', lastIndex: 0, lastTerm: 0, forced: false })
  const [vote] = persist(raft, storage)
  assert.equal(vote?.type === 'vote-response' && vote.granted, true)
})

test('B21: a learner becomes leader when it is told to campaign', () => {
  const configuration = initialConfiguration([1, 2].map(firstGeneration), [firstGeneration(3)])
  const { raft } = loneReplica({ id: 3, configuration })
  raft.step({ ...envelope(1, 3, 1), type: 'timeout-now' })
  assert.deepEqual([raft.role, raft.term, raft.status().dropped], ['follower', 1, { 'not-voter': 1 }])
})

test('B22: an entry is applied again after a restart, or the log ends before what was applied', () => {
  const { raft } = loneReplica({
    log: logOf(1, 1, 1),
    hardState: { term: 1, votedFor: null, commit: 3 },
    appliedIndex: 2,
  })
  assert.deepEqual(
    raft.ready().committed.map(({ index }) => index),
    [3],
  )
  assert.throws(
    () => loneReplica({ log: logOf(1, 1), appliedIndex: 3 }),
    (error) => error instanceof HarmonyError && error.code === 'DATA_CORRUPT',
  )
})

test('B22: an entry is applied that this replica itself could still forget', () => {
  const { raft } = loneReplica({ id: 2 })
  raft.step(append(1, 2, 1, [0, 0], logOf(1, 1), 2))
  const { write, committed } = raft.ready()
  assert.deepEqual(committed, [])
  raft.appended(write!.number)
  assert.equal(raft.hasReady(), true)
})

test('B23: half of an even number counts as a majority, or values are counted unsorted', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(majority), [1, 2, 2, 3, 3, 4])
  const values = [3, 9, 1, 7]
  const replicas = values.map((_, at) => firstGeneration(at + 1))
  assert.equal(
    quorumValue(replicas, ({ id }) => values[id - 1]!),
    3,
  )
})

/** Whether a replica with the log 1, 2, 2, 2 votes for a candidate whose log ends so. */
function votesFor(lastTerm: number, lastIndex: number): boolean {
  const { raft, storage } = loneReplica({ id: 2, log: logOf(1, 2, 2, 2) })
  raft.step({ ...envelope(1, 2, 9), type: 'vote-request', lastIndex, lastTerm, forced: false })
  const [vote] = persist(raft, storage)
  assert.ok(vote?.type === 'vote-response')
  return vote.granted
}

test('B24: logs are compared by both term and index at once, instead of by term first', () => {
  assert.equal(votesFor(3, 1), true, 'a higher last term wins with a shorter log')
  assert.equal(votesFor(1, 99), false, 'a lower last term loses with a longer log')
  assert.equal(votesFor(2, 4), true)
  assert.equal(votesFor(2, 3), false)
})

test('B25: a follower lost its log, and its old acknowledgements still make a majority', () => {
  const cluster = electedCluster()
  propose(cluster, 1, 'a', 'b')
  cluster.stabilize()
  const { raft } = cluster.replica(1)
  // As if the disk of replica 2 were empty under the same generation.
  raft.step({ ...envelope(2, 1, 1), type: 'append-rejected', previousIndex: 3, hintIndex: 0, hintTerm: 0 })
  const follower = raft.status().followers[0]!
  assert.deepEqual([follower.match, follower.next], [3, 4])
  // And an acknowledgement of what the leader does not have is not believed.
  raft.step({ ...envelope(2, 1, 1), type: 'append-accepted', index: 99 })
  assert.equal(raft.status().followers[0]!.match, 3)
  assert.equal(raft.status().dropped['beyond-log'], 1)
})

test('B25: an acknowledgement of an earlier term is counted for this one', () => {
  const cluster = electedCluster()
  const late: Message = { ...envelope(3, 2, 1), type: 'append-accepted', index: 2 }
  takeOver(cluster, 2, 3)
  const { raft } = cluster.replica(2)
  raft.propose([bytes('x')])
  raft.step(late)
  assert.equal(raft.status().dropped['stale-term'], 1)
})

test('B26: a snapshot is installed while entries before it are being applied', () => {
  const { raft, storage } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], logOf(1, 1), 2))
  persist(raft, storage)
  const snapshot: SnapshotMetadata = { index: 9, term: 1, configuration: voters(3) }
  raft.step({ ...envelope(1, 3, 1), type: 'snapshot-request', snapshot })
  assert.equal(raft.ready().write, null)
  raft.applied(2)
  const { write } = raft.ready()
  assert.ok(write !== null)
  assert.deepEqual(write.snapshot, snapshot)
  raft.appended(write.number)
  assert.equal(raft.status().applied, 9)
})

test('B26: reads wait for ever when the leader is lost', () => {
  const cluster = electedCluster()
  cluster.replica(1).raft.requestRead(7)
  cluster.replica(2).raft.requestRead(8)
  cluster.processReady(1)
  cluster.processReady(2)
  for (const id of [1, 2]) {
    const { raft } = cluster.replica(id)
    raft.step({ ...envelope(3, id, 9), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  }
  assert.deepEqual(cluster.replica(1).raft.ready().readFailures, [{ context: 7, reason: 'leader-lost' }])
  assert.deepEqual(cluster.replica(2).raft.ready().readFailures, [{ context: 8, reason: 'leader-lost' }])
})

test('B27: a destroyed replica comes back when a stale vote request arrives', () => {
  const vote: Message = {
    ...envelope(1, 2, 3),
    type: 'vote-request',
    lastIndex: 1,
    lastTerm: 1,
    forced: false,
  }
  const heartbeat: Message = {
    ...envelope(1, 2, 3),
    type: 'heartbeat-request',
    commit: 0,
    round: 0,
    quiesce: false,
  }
  const returned: Message = { ...heartbeat, toGeneration: 8 }
  assert.equal(admit(vote, { generation: 0, tombstone: 1 }), 'ignore')
  assert.equal(admit(heartbeat, { generation: 0, tombstone: 1 }), 'ignore')
  assert.equal(
    admit(vote, { generation: 0, tombstone: 0 }),
    'create',
    'it never ran here: it is new, and empty',
  )
  assert.equal(admit({ ...heartbeat, type: 'heartbeat-response' }, { generation: 0, tombstone: 0 }), 'ignore')
  assert.equal(admit(heartbeat, { generation: 0, tombstone: 0 }), 'create')
  assert.equal(admit(returned, { generation: 0, tombstone: 1 }), 'create')
  assert.equal(admit(returned, { generation: 1, tombstone: 0 }), 'replace')
  assert.equal(admit(returned, { generation: 8, tombstone: 1 }), 'deliver')
  assert.equal(admit(heartbeat, { generation: 8, tombstone: 1 }), 'ignore')
})

test('B27: a member that comes back votes, or is counted, as its old self', () => {
  const cluster = electedCluster()
  const leave = { kind: 'change', steps: [{ kind: 'remove', id: 3 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(leave)
  cluster.stabilize()
  cluster.destroy(3)
  const join = { kind: 'change', steps: [{ kind: 'add-voter', id: 3 }], autoLeave: true } as const
  cluster.replica(1).raft.proposeMembership(join)
  cluster.stabilize()
  const { raft } = cluster.replica(1)
  const [, third] = raft.status().followers
  assert.equal(third!.generation, cluster.replica(3).id.generation)
  raft.step({ ...envelope(3, 1, 1), type: 'append-accepted', index: 1 })
  assert.equal(raft.status().dropped['old-generation'], 1)
})

test('B28: a leader whose disk is stuck keeps its leadership by sending heartbeats', () => {
  const cluster = electedCluster()
  cluster.replica(1).holdsWrites = true
  cluster.replica(1).raft.reportDiskStalled()
  cluster.stabilize()
  assert.deepEqual(
    cluster.leaders.map(({ id }) => id.id),
    [2],
  )
  cluster.tick(1, 100)
  assert.equal(cluster.replica(1).raft.role, 'follower')
})

test('B29: proposals are accepted during a transfer, and keep the target from catching up', () => {
  const cluster = electedCluster()
  cluster.replica(1).raft.transferLeadership(2)
  const result = cluster.replica(1).raft.propose([bytes('x')])
  assert.equal(!result.accepted && result.reason, 'transferring')
})

test('B30: an entry of an earlier term is committed because a majority has it', () => {
  const { raft, storage } = loneReplica({
    log: logOf(1, 2),
    hardState: { term: 2, votedFor: null, commit: 1 },
  })
  raft.step({ ...envelope(2, 1, 2), type: 'timeout-now' })
  persist(raft, storage)
  raft.step({ ...envelope(2, 1, 3), type: 'vote-response', granted: true })
  persist(raft, storage)
  assert.equal(raft.role, 'leader')
  raft.step({ ...envelope(2, 1, 3), type: 'append-accepted', index: 2 })
  assert.equal(raft.commit, 1)
  raft.step({ ...envelope(2, 1, 3), type: 'append-accepted', index: 3 })
  assert.equal(raft.commit, 3)
})

test('B31: a snapshot that conflicts at a committed index is installed', () => {
  const { raft, storage } = loneReplica({
    id: 2,
    log: logOf(1, 1, 1),
    hardState: { term: 1, votedFor: null, commit: 3 },
  })
  const snapshot: SnapshotMetadata = { index: 2, term: 2, configuration: voters(5) }
  raft.step({ ...envelope(1, 2, 2), type: 'snapshot-request', snapshot })
  const { write } = raft.ready()
  assert.equal(write?.snapshot, null)
  storage.perform(write)
  raft.appended(write.number)
  const [answer] = raft.ready().messages
  assert.equal(answer?.type === 'append-accepted' && answer.index, 3)
  assert.deepEqual(raft.configuration, voters(3))
})

test('a replica that knows no configuration yet tells a live voter that it was removed', () => {
  const { raft } = loneReplica({ id: 4, configuration: EMPTY_CONFIGURATION })
  raft.step(append(1, 4, 1, [0, 0], logOf(1, 1, 1), 3))
  raft.step({ ...envelope(2, 4, 2), type: 'pre-vote-request', lastIndex: 9, lastTerm: 1 })
  assert.equal(
    raft.ready().messages.some(({ type }) => type === 'tombstone-notice'),
    false,
  )
  assert.equal(raft.status().removed, false)
})

test('a voter that no leader has reached is never created, and its vote is needed', () => {
  const cluster = electedCluster(1)
  const { raft } = cluster.replica(1)
  cluster.isolate(2)
  const steps = [
    { kind: 'add-voter', id: 2 },
    { kind: 'demote', id: 1 },
  ] as const
  raft.proposeMembership({ kind: 'change', steps, autoLeave: true })
  cluster.stabilize()
  cluster.replica(1).crash()
  cluster.replica(1).restart()
  cluster.heal()
  cluster.tick(1, 2 * DEFAULT_RAFT_CONFIG.electionTimeoutTicks)
  cluster.stabilize()
  assert.equal(cluster.leaders.length, 1)
  assert.deepEqual(
    cluster.replica(2).raft.configuration.voters.map(({ id }) => id),
    [2],
  )
})

test('only a replica that its newest configuration leaves out has the log to win, and does not campaign', () => {
  // Voters 2 and 3, joint on the way to 3 alone. Leader 3 sent C_new to 2, and lost it in a crash.
  const joint = {
    ...initialConfiguration([firstGeneration(3)]),
    index: 2,
    votersOutgoing: [2, 3].map(firstGeneration),
    learnersNext: [firstGeneration(2)],
    autoLeave: true,
  }
  const left = { ...initialConfiguration([firstGeneration(3)], [firstGeneration(2)]), index: 3 }
  const log: Entry[] = [joint, left].map((configuration) => ({
    index: configuration.index,
    term: 1,
    kind: 'membership',
    data: encodeConfiguration(configuration),
  }))
  const configuration = initialConfiguration([2, 3].map(firstGeneration))
  const hardState = { term: 1, votedFor: null, commit: 2 }
  const second = loneReplica({ id: 2, configuration, log: [entry(1, 1), ...log], hardState })
  second.raft.campaign()
  assert.deepEqual(
    second.raft.ready().messages.map(({ type, to }) => [type, to]),
    [['pre-vote-request', 3]],
  )
  // Its own vote does not count: 3 decides alone.
  assert.equal(second.raft.role, 'pre-candidate')
  second.raft.step({ ...envelope(3, 2, 2), type: 'pre-vote-response', granted: true })
  persist(second.raft, second.storage)
  assert.equal(second.raft.role, 'candidate')
  second.raft.step({ ...envelope(3, 2, 2), type: 'vote-response', granted: true })
  assert.equal(second.raft.role, 'leader')
  persist(second.raft, second.storage)
  second.raft.step({ ...envelope(3, 2, 2), type: 'append-accepted', index: 4 })
  assert.deepEqual([second.raft.commit, second.raft.role], [4, 'follower'])
})

test('a replica that was stopped after its removal, before its destruction, starts as if nothing had happened', () => {
  const configuration = initialConfiguration([1, 2].map(firstGeneration))
  const { raft } = loneReplica({
    id: 3,
    configuration,
    log: logOf(1),
    hardState: { term: 1, votedFor: null, commit: 1 },
  })
  assert.equal(raft.ready().leadership?.removed, true)
})

test('a read waits for the answer of a voter that was removed meanwhile, and keeps others out for ever', () => {
  const { raft, storage } = loneReplica({ configuration: voters(2), config: { pendingReadsMax: 1 } })
  raft.step({ ...envelope(2, 1, 0), type: 'timeout-now' })
  persist(raft, storage)
  raft.step({ ...envelope(2, 1, 1), type: 'vote-response', granted: true })
  persist(raft, storage)
  raft.step({ ...envelope(2, 1, 1), type: 'append-accepted', index: 1 })
  raft.requestRead(7)
  assert.deepEqual(raft.ready().readStates, [])
  const steps = [{ kind: 'remove', id: 2 }] as const
  assert.equal(raft.proposeMembership({ kind: 'change', steps, autoLeave: true }).accepted, true)
  persist(raft, storage)
  raft.step({ ...envelope(2, 1, 1), type: 'append-accepted', index: 2 })
  assert.deepEqual(raft.ready().readStates, [{ context: 7, index: 1 }])
})

/** The generation that a leader of `term` gives to member 3 by an entry at `index`. */
function attempt(term: number, index: number): number {
  const change = { kind: 'change', steps: [{ kind: 'add-voter', id: 3 }], autoLeave: true } as const
  const outcome = applyChange(voters(2), change, { index, term })
  assert.ok(outcome.ok)
  return outcome.configuration.generation
}

test('a later leader adds a member that an attempt which was lost had reached, and it is taken for the older one', () => {
  const [lost, later] = [attempt(9, 79), attempt(10, 76)]
  const vote: Message = {
    ...envelope(1, 3, 11),
    toGeneration: later,
    type: 'pre-vote-request',
    lastIndex: 76,
    lastTerm: 10,
  }
  assert.equal(admit(vote, { generation: lost, tombstone: 0 }), 'replace')
})

test('the term of a candidate whose disk is stuck deposes a healthy leader', () => {
  const { raft } = loneReplica({ id: 3 })
  raft.step({ ...envelope(1, 3, 1), type: 'timeout-now' })
  assert.deepEqual([raft.role, raft.term], ['candidate', 2])
  raft.reportDiskStalled()
  raft.ready()
  raft.step({ ...envelope(2, 3, 1), type: 'pre-vote-request', lastIndex: 0, lastTerm: 0 })
  raft.step({ ...envelope(2, 3, 1), type: 'heartbeat-request', commit: 0, round: 0, quiesce: false })
  assert.deepEqual(raft.ready().messages, [])
})

test('a host takes a snapshot while another one is being installed, and can not know better', () => {
  const { raft, storage } = loneReplica({ id: 3 })
  raft.step(append(1, 3, 1, [0, 0], logOf(1, 1), 2))
  persist(raft, storage)
  raft.applied(2)
  assert.deepEqual(raft.snapshotMetadata(2), { index: 2, term: 1, configuration: voters(3) })
  const snapshot: SnapshotMetadata = { index: 9, term: 1, configuration: voters(3) }
  raft.step({ ...envelope(1, 3, 1), type: 'snapshot-request', snapshot })
  assert.deepEqual([raft.snapshotMetadata(2), raft.compact(2)], [null, null])
  persist(raft, storage)
  assert.deepEqual([raft.snapshotMetadata(2), raft.snapshotMetadata(9)], [null, snapshot])
})

/** A cluster that sleeps, with an ordinary heartbeat for each follower that comes late. */
function sleepingCluster(learners: readonly number[] = []): { cluster: TestCluster; late: Message[] } {
  const cluster = new TestCluster([1, 2], learners)
  cluster.elect(1)
  cluster.tick(1, 1)
  cluster.processReady(1)
  const late = cluster.take(({ type }) => type === 'heartbeat-request')
  assert.equal(late.length, 1 + learners.length)
  assert.equal(cluster.replica(1).raft.quiesce(), true)
  cluster.stabilize()
  return { cluster, late }
}

test('a late heartbeat wakes a sleeping follower alone, which then campaigns', () => {
  const { cluster, late } = sleepingCluster([3])
  for (const message of late) cluster.deliver(message)
  cluster.stabilize()
  for (const id of [1, 2, 3]) assert.equal(cluster.replica(id).raft.status().quiesced, true)
  // The next heartbeat of a leader that woke up is no late one.
  cluster.replica(1).raft.wake()
  cluster.stabilize()
  for (const id of [1, 2, 3]) assert.equal(cluster.replica(id).raft.status().quiesced, false)
})

test('a learner that is awake alone loses its sleeping leader for ever', () => {
  const { cluster } = sleepingCluster([3])
  cluster.isolate(1)
  cluster.replica(3).raft.wake()
  cluster.stabilize() // The question to the leader is lost.
  cluster.heal()
  cluster.tick(3, 4 * DEFAULT_RAFT_CONFIG.electionTimeoutTicks)
  cluster.stabilize()
  assert.equal(cluster.replica(1).raft.status().quiesced, false)
  assert.deepEqual(cluster.replica(3).raft.leader, firstGeneration(1))
})
