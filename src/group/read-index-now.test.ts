import { test } from 'node:test'
import assert from 'node:assert/strict'
import { withCluster } from './testing/group-cluster.ts'
import { request, resultOf } from './testing/group-fixture.ts'

test('a sole voter that leads knows a read index at once: everything that it has acknowledged', () =>
  withCluster(
    async (cluster) => {
      const { group } = await cluster.awaitLeader()
      assert.equal(await resultOf(group.submit(request('CREATE TABLE t (a)'))), 'committed')
      assert.equal(group.readIndexNow(), group.appliedIndex)
      assert.equal(group.readIndexNow(), await group.readIndex())
    },
    { members: 1 },
  ))

test('with other voters somebody else may lead by now: nobody knows a read index at once, neither leader nor follower', () =>
  withCluster(async (cluster) => {
    await cluster.awaitLeader()
    for (const { group } of cluster.members) assert.equal(group.readIndexNow(), null)
  }))
