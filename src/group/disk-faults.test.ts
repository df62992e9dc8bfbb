/** Disks that stall, fill up or fail under a replicated group: it goes on elsewhere, and nobody is told what is not so. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { toDiskError } from '../host/disk.ts'
import type { ClusterMember, GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'
import { request, resultOf } from './testing/group-fixture.ts'

async function sameContent(cluster: GroupCluster): Promise<void> {
  await cluster.caughtUp()
  assert.equal(new Set(cluster.members.map((member) => member.content())).size, 1)
}

/** Its disk does not answer any more, until the function that this gives is called. */
function stall({ disk }: ClusterMember): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.beforeOperation = ({ kind }) => (kind === 'write' || kind === 'sync' ? promise : undefined)
  return () => {
    disk.beforeOperation = () => {}
    resolve()
  }
}

function otherLeads(cluster: GroupCluster, old: ClusterMember): boolean {
  const leader = cluster.leader()
  return leader !== null && leader !== old
}

test('a leader whose disk does not answer hands over, and leads again only when it does', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    const release = stall(old)
    const answer = resultOf(old.group.submit(request('INSERT INTO t VALUES (1)')))
    await cluster.until(() => otherLeads(cluster, old))
    assert.equal(await cluster.write('INSERT INTO t VALUES (2)'), 'committed')
    assert.notEqual(old.group.leadership.role, 'leader')
    release()
    assert.ok(['committed', 'NOT_LEADER'].includes(await cluster.settled(answer)))
    await sameContent(cluster)
  }))

test('a single member whose disk stalls keeps at it: nobody else could go on', () =>
  withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (a)')
      const [member] = cluster.members
      assert.ok(member !== undefined)
      const release = stall(member)
      const answer = resultOf(member.group.submit(request('INSERT INTO t VALUES (1)')))
      await cluster.pass(3_000)
      assert.equal(member.group.leadership.role, 'leader')
      release()
      assert.equal(await cluster.settled(answer), 'committed')
    },
    { members: 1 },
  ))

test('a leader whose disk is full hands over; with space it takes part again', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    old.disk.capacityBytes = 0
    const large = request(`INSERT INTO t VALUES ('${'x'.repeat(200_000)}')`)
    // The segment in use may take one.
    const answers = [resultOf(old.group.submit(large))]
    await cluster.step(50)
    answers.push(resultOf(old.group.submit(large)))
    await cluster.until(() => otherLeads(cluster, old))
    assert.equal(await cluster.write('INSERT INTO t VALUES (2)'), 'committed')
    old.disk.capacityBytes = Number.POSITIVE_INFINITY
    const outcomes = await Promise.all(answers.map((answer) => cluster.settled(answer)))
    await sameContent(cluster)
    const rows = old.read("SELECT count(*) FROM t WHERE a LIKE 'x%'")[0] as number
    const committed = outcomes.filter((outcome) => outcome === 'committed').length
    const unknown = outcomes.filter((outcome) => outcome === 'OUTCOME_UNKNOWN').length
    assert.ok(rows >= committed && rows <= committed + unknown, `${rows} rows, ${outcomes.join()}`)
    assert.equal(old.group.status().failure, null)
  }))

test('a leader whose disk fails leaves the group to the others, for good', () =>
  withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (a)')
    await cluster.caughtUp()
    const old = await cluster.awaitLeader()
    old.disk.beforeOperation = ({ kind, path }) => {
      if (kind === 'sync') throw toDiskError({ code: 'EIO' }, 'sync', path)
    }
    const answer = await cluster.settled(resultOf(old.group.submit(request('INSERT INTO t VALUES (1)'))))
    assert.equal(answer, 'OUTCOME_UNKNOWN')
    const sinceMs = cluster.clock.nowMs()
    await cluster.until(() => otherLeads(cluster, old))
    assert.ok(
      cluster.clock.nowMs() - sinceMs < 500,
      'it hands over, and nobody waits for an election timeout',
    )
    assert.equal(await cluster.write('INSERT INTO t VALUES (2)'), 'committed')
    assert.equal(await resultOf(old.group.submit(request('SELECT 1'))), 'DISK_FAILED')
    assert.equal(old.running.failure?.code, 'DISK_FAILED')
    old.disk.beforeOperation = () => {}
    await cluster.kill(old)
    await cluster.start(old)
    await sameContent(cluster)
  }))
