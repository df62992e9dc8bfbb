/** What groups cost that nobody uses: counted, not timed. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { withCluster } from './testing/group-cluster.ts'

const SLEEP_MS = 10_000

test('an idle group falls asleep: no messages, no ticks, and a write wakes it', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    await cluster.pass(SLEEP_MS)
    const sent = cluster.members.map(({ sentCount }) => sentCount)
    const ticks = cluster.members.map(({ running }) => running.activity.ticks)
    assert.ok(cluster.members.every(({ group }) => group.status().isAsleep))
    await cluster.pass(SLEEP_MS)
    assert.deepEqual(
      cluster.members.map(({ sentCount }) => sentCount),
      sent,
    )
    assert.deepEqual(
      cluster.members.map(({ running }) => running.activity.ticks),
      ticks,
    )
    assert.equal(await cluster.write('INSERT INTO t VALUES (1)'), 'committed')
    await cluster.caughtUp()
  }))

test('a sleeping group whose leader dies wakes up and elects another', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    await cluster.pass(SLEEP_MS)
    const old = await cluster.awaitLeader()
    await cluster.kill(old)
    await cluster.awaitLeader()
    assert.equal(await cluster.write('INSERT INTO t VALUES (1)'), 'committed')
  }))

test('a linearizable read at a follower wakes the group, and it falls asleep again', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    await cluster.pass(SLEEP_MS)
    const [follower] = cluster.followers()
    assert.ok(follower !== undefined)
    await cluster.settled(follower.group.readIndex())
    await cluster.pass(SLEEP_MS)
    assert.ok(cluster.members.every(({ group }) => group.status().isAsleep))
  }))

test('1,000 groups elect leaders without opening an engine, and then cost nothing', async () => {
  const groups = Array.from({ length: 1000 }, (_, at) => at + 1)
  await withCluster(
    async (cluster) => {
      for (const member of cluster.members) for (const group of groups) cluster.openGroup(member, group)
      await cluster.until(() => groups.every((group) => cluster.leader(group) !== null))
      await cluster.pass(SLEEP_MS)
      for (const { running, faults } of cluster.members) {
        assert.equal(running.activity.awakeGroups, 0)
        assert.deepEqual(faults.calls, [])
      }
      const alarms = cluster.clock.alarmCount
      const sent = cluster.members.map(({ sentCount }) => sentCount)
      await cluster.pass(1_000)
      assert.equal(cluster.clock.alarmCount, alarms)
      assert.deepEqual(
        cluster.members.map(({ sentCount }) => sentCount),
        sent,
      )
    },
    { groups: [] },
  )
})

test('a member with no others has no clock to watch', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      await cluster.pass(100)
      assert.equal(cluster.member(1).running.activity.awakeGroups, 0)
      assert.equal(cluster.clock.alarmCount, 0)
    },
    { members: 1 },
  ))

test('a member that starts while the group sleeps is told who leads, a learner too, and the group falls asleep again', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      await cluster.caughtUp()
      const learner = cluster.member(4)
      const leader = await cluster.awaitLeader()
      await cluster.until(() => leader.group.status().isAsleep)
      await cluster.kill(learner)
      await cluster.start(learner)
      await cluster.pass(10_000)
      assert.ok(leader.group.status().isAsleep)
      assert.equal(learner.group.leader, null)
      for (const { host, number } of cluster.members) if (number !== 4) host?.peerConnected(4)
      await cluster.until(() => learner.group.leader === leader.number)
      await cluster.until(() => cluster.members.every(({ group }) => group.status().isAsleep))
    },
    { members: 4 },
  ))

test('a database that follows is not idle, though nobody uses it on this member', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.pass(60_000)
    const [follower] = cluster.followers()
    assert.ok(follower !== undefined && follower.group.idleMs >= 60_000)
    await cluster.write('INSERT INTO t VALUES (1)')
    await cluster.caughtUp()
    assert.ok(follower.group.idleMs < 60_000)
  }))
