import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ClusterMember, GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'
import { BEGIN, RESULT_SIZE_BYTES_MAX, request, statement } from './testing/group-fixture.ts'

/** What a linearizable read at `member` sees: read index, wait, read. */
async function readAt(cluster: GroupCluster, member: ClusterMember, sql: string): Promise<unknown[]> {
  await cluster.settled(member.group.wake())
  const index = await cluster.settled(member.group.readIndex())
  await cluster.settled(member.group.waitApplied(index, 10_000))
  return member.read(sql)
}

test('a linearizable read on every member sees each write that was acknowledged before it', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      for (let value = 1; value <= 4; value++) {
        await cluster.write(`INSERT INTO t VALUES (${value})`)
        for (const member of cluster.members) {
          assert.equal((await readAt(cluster, member, 'SELECT count(*) FROM t'))[0], value)
        }
      }
    },
    { members: 4 },
  ))

test('a leader that does not know of the next one gives no read index', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const old = await cluster.awaitLeader()
    cluster.cutOff(old)
    assert.equal(old.group.isLeading, true)
    const read = old.group.readIndex(3_000)
    await assert.rejects(cluster.settled(read), { code: 'NOT_LEADER' })
  }))

test('a leader that does not know of the next one answers nothing that only read: neither a transaction nor a batch', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const old = await cluster.awaitLeader()
    const transaction = await cluster.settled(old.group.begin(BEGIN))
    await cluster.settled(transaction.execute(statement('SELECT count(*) FROM t'), RESULT_SIZE_BYTES_MAX))
    cluster.cutOff(old)
    assert.equal(old.group.isLeading, true)
    await assert.rejects(cluster.settled(transaction.commit()), { code: 'TRANSACTION_CONFLICT' })
  }).then(() =>
    withCluster(async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      const old = await cluster.awaitLeader()
      cluster.cutOff(old)
      const batch = old.group.submit(request('SELECT count(*) FROM t'))
      await assert.rejects(cluster.settled(batch), { code: 'NOT_LEADER' })
    }),
  ))

test('reads that come in while there is no leader wait for one', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.write('INSERT INTO t VALUES (1)')
    const leader = await cluster.awaitLeader()
    const [follower] = cluster.followers()
    assert.ok(follower !== undefined)
    await cluster.kill(leader)
    assert.deepEqual(await readAt(cluster, follower, 'SELECT a FROM t'), [1])
  }))

test('reads that come in together share a round of messages', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const [follower] = cluster.followers()
    assert.ok(follower !== undefined)
    let requests = 0
    cluster.onSend = ({ type }) => {
      if (type === 'read-index-request') requests++
    }
    const reads = Promise.all(Array.from({ length: 100 }, () => follower.group.readIndex()))
    assert.equal(new Set(await cluster.settled(reads)).size, 1)
    assert.equal(requests, 1)
  }))

test('a leader that was just elected serves no read below what the one before acknowledged', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const first = await cluster.awaitLeader()
    const acknowledged = await cluster.settled(first.group.submit(insertOne()))
    assert.equal(acknowledged.kind, 'committed')
    await cluster.kill(first)
    await cluster.until(() => cluster.members.some(isLeader))
    const second = cluster.members.find(isLeader)
    assert.ok(second !== undefined)
    const index = await cluster.settled(second.group.readIndex())
    assert.ok(acknowledged.kind === 'committed' && index >= acknowledged.index)
  }))

function isLeader({ host, groups }: ClusterMember): boolean {
  return host !== null && groups.get(1)?.leadership.role === 'leader'
}

function insertOne(): Parameters<ClusterMember['group']['submit']>[0] {
  return request('INSERT INTO t VALUES (1)')
}
