import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'
import { request, resultOf } from './testing/group-fixture.ts'

const insert = (value: number) => request(`INSERT INTO t VALUES (${value})`)

/** Submits at the leader, and lets time pass until there is an answer. */
async function write(cluster: GroupCluster, sql: string): Promise<string> {
  const leader = await cluster.awaitLeader()
  return settled(cluster, resultOf(leader.group.submit(request(sql))))
}

async function settled<T>(cluster: GroupCluster, promise: Promise<T>): Promise<T> {
  let isSettled = false
  void promise.catch(() => {}).finally(() => (isSettled = true))
  await cluster.until(() => isSettled)
  return promise
}

async function caughtUp(cluster: GroupCluster): Promise<void> {
  await cluster.until(() => {
    const indexes = cluster.members.filter(({ host }) => host !== null).map(({ group }) => group.appliedIndex)
    return new Set(indexes).size === 1
  })
}

test('a write at the leader is in the file of every replica, with the same content', () =>
  withCluster(async (cluster) => {
    assert.equal(await write(cluster, 'CREATE TABLE t (a)'), 'committed')
    assert.equal(await write(cluster, 'INSERT INTO t VALUES (hex(randomblob(8)))'), 'committed')
    await caughtUp(cluster)
    const [first, ...others] = cluster.members.map((member) => member.content())
    for (const other of others) assert.equal(other, first)
    assert.equal(cluster.member(1).read('SELECT a FROM t').length, 1)
  }))

test('the leader is killed: another takes over with everything that was acknowledged', () =>
  withCluster(async (cluster) => {
    await write(cluster, 'CREATE TABLE t (a)')
    for (let value = 1; value <= 5; value++) await write(cluster, `INSERT INTO t VALUES (${value})`)
    const first = await cluster.awaitLeader()
    await cluster.kill(first)
    const second = await cluster.awaitLeader()
    assert.notEqual(second, first)
    assert.equal(await settled(cluster, resultOf(second.group.submit(insert(6)))), 'committed')
    assert.deepEqual(second.read('SELECT a FROM t'), [1, 2, 3, 4, 5, 6])
    await cluster.start(first)
    await caughtUp(cluster)
    assert.deepEqual(first.read('SELECT a FROM t'), [1, 2, 3, 4, 5, 6])
  }))
