/** Stories of a cluster: members that come, go, are replaced and removed, and databases that are the same on all of them. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Member } from './member.ts'
import { column, run } from './testing/member-fixture.ts'
import { TestCluster } from './testing/cluster-fixture.ts'

const namesOf = async (member: Member): Promise<string[]> => (await member.list()).map(({ name }) => name)

function groupOf(member: Member, database: string) {
  const group = member.clusterState().groups.find((one) => one.database === database)
  assert.ok(group, `no group of ${database}`)
  return group
}

/** What the member's own file has, without asking the leader. */
async function localRows(member: Member, database: string, sql: string): Promise<unknown[]> {
  const { DatabaseSync } = await import('node:sqlite')
  const { dataFile } = await member.get(database)
  const db = new DatabaseSync(dataFile, { readOnly: true })
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row)[0])
  } finally {
    db.close()
  }
}

test('three members found a cluster, and a database that is made on one is on all, with all it holds', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  assert.deepEqual(
    members.map(({ number }) => number).toSorted((left, right) => left - right),
    [1, 2, 3],
  )
  const [first, , last] = members as [Member, Member, Member]
  await first.create('shop')
  for (const member of members)
    await cluster.until(async () => (await namesOf(member)).includes('shop'), 'shop everywhere')
  await run(await last.get('shop'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (7)')
  for (const member of members) {
    assert.deepEqual(await column(await member.get('shop'), 'SELECT a FROM t'), [7n])
    await cluster.until(
      async () =>
        (await localRows(member, 'shop', `SELECT count(*) FROM sqlite_schema WHERE name = 't'`))[0] === 1,
      'the table in every file',
    )
  }
  await cluster.until(
    () => ['_catalog', 'default', 'shop'].every((name) => groupOf(first, name).voters.length === 3),
    'three voters everywhere',
  )
})
