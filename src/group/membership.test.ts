import { test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { MembershipStep } from '../raft/membership.ts'
import type { ClusterMember, GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'

/** Four members, and a group that begins on the first three. */
const THREE_OF_FOUR = { members: 4, initial: { voters: [1, 2, 3], learners: [] } }

async function change(cluster: GroupCluster, ...steps: readonly MembershipStep[]): Promise<void> {
  const leader = await cluster.awaitLeader()
  await cluster.until(() => {
    const result = leader.group.proposeMembership({ kind: 'change', steps, autoLeave: true })
    return result.accepted
  })
}

function votersOf({ group }: ClusterMember): number[] {
  return group.configuration.voters.map(({ id }) => id)
}

function isSettled({ group }: ClusterMember): boolean {
  return group.configuration.votersOutgoing.length === 0
}

test('a member that was not there at the beginning gets a replica by a message of the leader', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.write('INSERT INTO t VALUES (1)')
    const joiner = cluster.member(4)
    assert.equal(joiner.group.leadership.role, 'none')
    await assert.rejects(joiner.group.wake(), { code: 'NOT_LEADER' })
    await change(cluster, { kind: 'add-learner', id: 4 })
    await cluster.caughtUp()
    assert.deepEqual(joiner.read('SELECT a FROM t'), [1])
    assert.ok(joiner.group.status().generation > 1)
    await change(cluster, { kind: 'promote', id: 4 })
    await cluster.until(() => votersOf(joiner).includes(4) && isSettled(joiner))
  }, THREE_OF_FOUR))

test('a replica that joined goes by the same name after a crash', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const joiner = cluster.member(4)
    await change(cluster, { kind: 'add-voter', id: 4 })
    await cluster.caughtUp()
    const { generation } = joiner.group.status()
    await cluster.kill(joiner)
    await cluster.start(joiner)
    assert.equal(joiner.group.status().generation, generation)
    await cluster.write('INSERT INTO t VALUES (1)')
    await cluster.caughtUp()
    assert.deepEqual(joiner.read('SELECT a FROM t'), [1])
  }, THREE_OF_FOUR))

test('a member that was removed loses replica and file, and may come back as another replica', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.write('INSERT INTO t VALUES (1)')
    await cluster.caughtUp()
    await cluster.awaitLeader()
    const [gone] = cluster.followers().filter(({ number }) => number < 4)
    assert.ok(gone !== undefined)
    await change(cluster, { kind: 'remove', id: gone.number }, { kind: 'add-voter', id: 4 })
    await cluster.until(() => gone.removedGroups.length > 0)
    assert.equal(existsSync(gone.dataFile(1)), false)
    // As a cluster does that still wants a copy there.
    cluster.openGroup(gone, 1)
    assert.equal(gone.group.leadership.role, 'none', 'the one of the beginning never comes back')
    await change(cluster, { kind: 'add-learner', id: gone.number })
    await cluster.write('INSERT INTO t VALUES (2)')
    await cluster.caughtUp()
    assert.deepEqual(gone.read('SELECT a FROM t'), [1, 2])
  }, THREE_OF_FOUR))

test('the leadership goes where it is sent, and nothing is lost', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const first = await cluster.awaitLeader()
    const [next] = cluster.followers()
    assert.ok(next !== undefined)
    assert.equal(first.group.transferLeadership(next.number).accepted, true)
    await cluster.until(() => next.group.isLeading)
    assert.equal(await cluster.write('INSERT INTO t VALUES (1)'), 'committed')
    assert.equal(cluster.leader(), next)
  }))

test('a leader that is closed hands over first: nobody waits for an election', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    const { term } = old.group.leadership
    const before = cluster.clock.nowMs()
    await cluster.settled(cluster.stop(old))
    await cluster.awaitLeader()
    assert.ok(cluster.clock.nowMs() - before < 500, 'less than any election timeout')
    assert.equal((await cluster.awaitLeader()).group.leadership.term, term + 1)
    assert.equal(await cluster.write('INSERT INTO t VALUES (1)'), 'committed')
  }))

test('a leader without followers closes all the same', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const leader = await cluster.awaitLeader()
    for (const follower of cluster.followers()) await cluster.kill(follower)
    await cluster.settled(cluster.stop(leader))
  }))
