import { test } from 'node:test'
import assert from 'node:assert/strict'
import { request, resultOf } from './testing/group-fixture.ts'
import { withCluster } from './testing/group-cluster.ts'

test('a write at the leader is in the file of every replica, with the same content', () =>
  withCluster(async (cluster) => {
    assert.equal(await cluster.write('CREATE TABLE t (a)'), 'committed')
    assert.equal(await cluster.write('INSERT INTO t VALUES (hex(randomblob(8)))'), 'committed')
    await cluster.caughtUp()
    const [first, ...others] = cluster.members.map((member) => member.content())
    for (const other of others) assert.equal(other, first)
    assert.equal(cluster.member(1).read('SELECT a FROM t').length, 1)
  }))

test('nobody is answered before a majority has the entry on its disk', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const leader = await cluster.awaitLeader()
    const [first, second] = cluster.followers()
    let isAnswered = false
    cluster.isLost = ({ type }) => type === 'append-accepted'
    const answer = leader.group.submit(request('INSERT INTO t VALUES (1)')).then(() => (isAnswered = true))
    await cluster.step(50)
    await cluster.step(50)
    assert.equal(isAnswered, false)
    assert.deepEqual(leader.read('SELECT a FROM t'), [], 'and no reader sees it')
    // One of two followers is enough.
    cluster.isLost = ({ from }) => from === first?.number
    await cluster.settled(answer)
    assert.deepEqual(leader.read('SELECT a FROM t'), [1])
    cluster.heal()
    await cluster.caughtUp()
    assert.deepEqual(second?.read('SELECT a FROM t'), [1])
  }))

test('the leader is killed: another takes over with everything that was acknowledged', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    for (let value = 1; value <= 5; value++) await cluster.write(`INSERT INTO t VALUES (${value})`)
    const first = await cluster.awaitLeader()
    await cluster.kill(first)
    const second = await cluster.awaitLeader()
    assert.notEqual(second, first)
    assert.equal(await cluster.write('INSERT INTO t VALUES (6)'), 'committed')
    assert.deepEqual(second.read('SELECT a FROM t'), [1, 2, 3, 4, 5, 6])
    await cluster.start(first)
    await cluster.caughtUp()
    assert.deepEqual(first.read('SELECT a FROM t'), [1, 2, 3, 4, 5, 6])
    assert.equal(first.content(), second.content())
  }))

test('a follower that was away gets what it missed from the log', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      await cluster.awaitLeader()
      const [away] = cluster.followers()
      assert.ok(away !== undefined)
      await cluster.kill(away)
      // Checkpoints come meanwhile, and the log keeps what it needs all the same.
      for (let value = 1; value <= 40; value++) await cluster.write(`INSERT INTO t VALUES (${value})`)
      assert.ok((await cluster.awaitLeader()).group.stats().checkpoints >= 3)
      await cluster.start(away)
      await cluster.caughtUp()
      assert.equal(away.read('SELECT count(*) FROM t')[0], 40)
    },
    { limits: { checkpointEntries: 10 } },
  ))

test('the log keeps a tail of the size that it is told to, and a single member keeps none', async () => {
  const limits = { checkpointEntries: 10, tailEntries: 15 }
  await withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      for (let value = 1; value <= 60; value++) await cluster.write(`INSERT INTO t VALUES (${value})`)
      await cluster.caughtUp()
      for (const { group } of cluster.members) {
        const { lastIndex, baseIndex } = group.status()
        assert.ok(
          lastIndex - baseIndex >= 15 && lastIndex - baseIndex <= 25 + 2,
          `${baseIndex} to ${lastIndex}`,
        )
      }
    },
    { limits },
  )
  await withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      for (let value = 1; value <= 60; value++) await cluster.write(`INSERT INTO t VALUES (${value})`)
      const { lastIndex, baseIndex } = cluster.member(1).group.status()
      assert.ok(lastIndex - baseIndex <= 11, `${baseIndex} to ${lastIndex}`)
    },
    { members: 1, limits },
  )
})

test('learners follow and do not count', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      await cluster.kill(cluster.member(4))
      await cluster.kill(cluster.member(5))
      assert.equal(await cluster.write('INSERT INTO t VALUES (1)'), 'committed')
      await cluster.start(cluster.member(4))
      await cluster.caughtUp()
      assert.deepEqual(cluster.member(4).read('SELECT a FROM t'), [1])
      const learner = cluster.member(4).group
      assert.equal(await resultOf(learner.submit(request('INSERT INTO t VALUES (2)'))), 'NOT_LEADER')
    },
    { members: 5 },
  ))

test('a write that the leader and all learners have, and no other voter, is not acknowledged', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      await cluster.caughtUp()
      const leader = await cluster.awaitLeader()
      const voters = cluster.followers().filter(({ number }) => number <= 3)
      assert.equal(voters.length, 2)
      for (const voter of voters) await cluster.kill(voter)
      const answer = resultOf(leader.group.submit(request('INSERT INTO t VALUES (1)')))
      assert.equal(await cluster.settled(answer), 'OUTCOME_UNKNOWN')
    },
    { members: 5 },
  ))

test('a follower refuses writes and names the leader', () =>
  withCluster(async (cluster) => {
    const leader = await cluster.awaitLeader()
    const [follower] = cluster.followers()
    const refusal = { code: 'NOT_LEADER', leader: leader.number }
    await cluster.until(() => follower?.group.leader === leader.number)
    await assert.rejects(Promise.resolve(follower?.group.submit(request('SELECT 1'))), refusal)
  }))

test('a follower that is started again goes on where its file is', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    for (let value = 1; value <= 9; value++) await cluster.write(`INSERT INTO t VALUES (${value})`)
    await cluster.caughtUp()
    const [follower] = cluster.followers()
    assert.ok(follower !== undefined)
    await cluster.stop(follower)
    await cluster.start(follower)
    await cluster.write('INSERT INTO t VALUES (10)')
    await cluster.caughtUp()
    assert.equal(follower.read('SELECT count(*) FROM t')[0], 10)
    assert.equal(follower.faults.calls.filter((call) => call === 'replay').length, 1, 'one entry was new')
  }))
