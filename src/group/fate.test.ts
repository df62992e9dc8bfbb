/** What a client hears whose transaction was being committed when the leadership was lost: the truth, in each of the three cases. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ClusterMember, GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'
import { BEGIN, RESULT_SIZE_BYTES_MAX, request, resultOf, statement } from './testing/group-fixture.ts'

const INSERT = request('INSERT INTO t VALUES (1)')

/** The leader, cut off right after it proposed `INSERT`; the entry has reached the others if `isSent`. */
async function cutOffWhileCommitting(
  cluster: GroupCluster,
  isSent: boolean,
): Promise<{ old: ClusterMember; answer: Promise<string> }> {
  await cluster.write('CREATE TABLE t (a)')
  await cluster.caughtUp()
  const old = await cluster.awaitLeader()
  let isProposed = false
  cluster.onSend = ({ type, ...message }) => {
    if (type === 'append-request' && 'entries' in message && message.entries.length > 0) isProposed = true
  }
  // Entries pass or don't; what comes back never does.
  cluster.isLost = ({ from, to }) => to === old.number || (from === old.number && !isSent)
  const answer = resultOf(old.group.submit(INSERT))
  await cluster.until(() => isProposed)
  for (let turn = 0; turn < 5; turn++) await cluster.step(0)
  cluster.cutOff(old)
  await cluster.until(() => cluster.leader() !== null && cluster.leader() !== old)
  return { old, answer }
}

async function sameContent(cluster: GroupCluster): Promise<void> {
  await cluster.caughtUp()
  const contents = new Set(cluster.members.map((member) => member.content()))
  assert.equal(contents.size, 1)
}

test('applied: the next leader has the entry and commits it, and the client gets its results', () =>
  withCluster(async (cluster) => {
    const { old, answer } = await cutOffWhileCommitting(cluster, true)
    cluster.heal()
    assert.equal(await cluster.settled(answer), 'committed')
    assert.notEqual(cluster.leader(), old)
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [1])
  }))

test('not applied: another entry is committed in its place, and the client may send it again', () =>
  withCluster(async (cluster) => {
    const { old, answer } = await cutOffWhileCommitting(cluster, false)
    cluster.heal()
    assert.equal(await cluster.settled(answer), 'NOT_LEADER')
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [])
  }))

for (const isSent of [true, false]) {
  test(`unknown: nobody can tell in time, and the file is right in the end (${isSent ? 'applied' : 'not applied'})`, () =>
    withCluster(async (cluster) => {
      const { old, answer } = await cutOffWhileCommitting(cluster, isSent)
      assert.equal(await cluster.settled(answer), 'OUTCOME_UNKNOWN')
      assert.deepEqual(old.read('SELECT a FROM t'), [], 'the engine still waits')
      cluster.heal()
      await sameContent(cluster)
      assert.deepEqual(old.read('SELECT a FROM t'), isSent ? [1] : [])
    }))
}

test('what was executed in one term is not proposed in another, although the same member leads again', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    const { term } = old.group.leadership
    const held = Promise.withResolvers<void>()
    old.faults.before = (method) => (method === 'executeBatch' ? held.promise : undefined)
    const answer = resultOf(old.group.submit(request('INSERT INTO t SELECT count(*) FROM t')))
    cluster.cutOff(old)
    await cluster.until(() => cluster.leader() !== null && cluster.leader() !== old)
    const next = await cluster.awaitLeader()
    await cluster.write('INSERT INTO t VALUES (100)')
    cluster.heal()
    await cluster.until(() => next.group.transferLeadership(old.number).accepted)
    await cluster.until(() => old.group.isLeading && old.group.leadership.term > term)
    held.resolve()
    old.faults.before = () => {}
    assert.equal(await cluster.settled(answer), 'NOT_LEADER')
    await cluster.write('INSERT INTO t SELECT count(*) FROM t')
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [100, 1])
  }))

test('COMMIT of an interactive transaction while another member takes over: nothing was done, begin it again', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const old = await cluster.awaitLeader()
    const transaction = await cluster.settled(old.group.begin(BEGIN))
    await cluster.settled(transaction.execute(statement('INSERT INTO t VALUES (1)'), RESULT_SIZE_BYTES_MAX))
    const held = Promise.withResolvers<void>()
    old.faults.before = (method) => (method === 'prepareCommit' ? held.promise : undefined)
    const commit = transaction.commit()
    commit.catch(() => {})
    const [next] = cluster.followers()
    assert.ok(next !== undefined)
    await cluster.until(() => old.group.transferLeadership(next.number).accepted)
    await cluster.until(() => !old.group.isLeading)
    held.resolve()
    await assert.rejects(cluster.settled(commit), { code: 'TRANSACTION_CONFLICT' })
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [])
  }))

test('an idempotency key makes a repeated write safe over a change of the leader', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const keyed = { ...INSERT, idempotencyKey: 'order-7' }
    const first = await cluster.awaitLeader()
    assert.equal(await cluster.settled(resultOf(first.group.submit(keyed))), 'committed')
    await cluster.kill(first)
    const second = await cluster.awaitLeader()
    assert.equal(await cluster.settled(resultOf(second.group.submit(keyed))), 'committed')
    assert.deepEqual(second.read('SELECT a FROM t'), [1])
  }))

test('an interactive transaction that is open when the leadership is lost is rolled back and says so', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    const old = await cluster.awaitLeader()
    const options = { ...BEGIN, idleTimeoutMs: 60_000, totalTimeoutMs: 60_000 }
    const transaction = await cluster.settled(old.group.begin(options))
    await transaction.execute(statement('INSERT INTO t VALUES (1)'), RESULT_SIZE_BYTES_MAX)
    cluster.cutOff(old)
    await cluster.until(() => transaction.ended !== null)
    assert.equal((transaction.ended as { code?: string } | null)?.code, 'TRANSACTION_CONFLICT')
    await assert.rejects(transaction.commit(), { code: 'TRANSACTION_CONFLICT' })
    assert.equal(await cluster.write('INSERT INTO t VALUES (2)'), 'committed')
    cluster.heal()
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [2])
  }))

test('an interactive transaction whose commit is under way hears its fate like any other', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    const transaction = await cluster.settled(old.group.begin(BEGIN))
    await transaction.execute(statement('INSERT INTO t VALUES (1)'), RESULT_SIZE_BYTES_MAX)
    cluster.cutOff(old)
    const commit = transaction.commit()
    await assert.rejects(cluster.settled(commit), { code: 'OUTCOME_UNKNOWN' })
    await assert.rejects(transaction.rollback(), { code: 'NO_TRANSACTION' })
    cluster.heal()
    await cluster.write('INSERT INTO t VALUES (2)')
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [2])
  }))

test('requests that wait for their turn when the leadership is lost are refused at once, and nothing of them is done', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    cluster.cutOff(old)
    const first = resultOf(old.group.submit(INSERT))
    await cluster.step(0)
    // The first one has the writer until its fate is known.
    const second = resultOf(old.group.submit(INSERT))
    await cluster.until(() => old.group.leadership.role !== 'leader')
    await cluster.step(0)
    let isAnswered = false
    void second.then(() => (isAnswered = true))
    await cluster.step(0)
    assert.equal(isAnswered, true, 'it need not wait for the fate of the first')
    assert.equal(await second, 'NOT_LEADER')
    assert.equal(await cluster.settled(first), 'OUTCOME_UNKNOWN')
    await cluster.awaitLeader()
    cluster.heal()
    await sameContent(cluster)
    assert.deepEqual(old.read('SELECT a FROM t'), [])
  }))
