import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { HarmonyError } from '../../base/errors.ts'
import type { ClusterMember, GroupCluster } from '../testing/group-cluster.ts'
import { withCluster } from '../testing/group-cluster.ts'

async function withTable(
  work: (cluster: GroupCluster, leader: ClusterMember, victim: ClusterMember) => Promise<void>,
): Promise<void> {
  await withCluster(async (cluster) => {
    await cluster.write('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
    for (let row = 0; row < 5; row++) await cluster.write(`INSERT INTO t (a) VALUES (${row})`)
    await cluster.caughtUp()
    const leader = await cluster.awaitLeader()
    await work(cluster, leader, cluster.followers()[0] as ClusterMember)
  })
}

/** Behind the back of its engine. */
function change(member: ClusterMember, sql: string): void {
  const database = new DatabaseSync(member.dataFile(1), { timeout: 5_000 })
  database.exec(sql)
  database.close()
}

async function equal(cluster: GroupCluster): Promise<void> {
  await cluster.caughtUp()
  const [first, ...others] = cluster.members.map((member) => member.content())
  for (const other of others) assert.equal(other, first)
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HarmonyError && error.code === code
}

test('a replica that differs says so, stops serving, gets a copy and serves again; clients of others notice nothing', async () => {
  await withTable(async (cluster, leader, victim) => {
    change(victim, 'UPDATE t SET a = 666 WHERE id = 3')
    // Its file is different and nobody can know, until an entry meets the difference.
    const isHeld = (): boolean => victim.group.damage !== null
    cluster.beforeChunk = () => cluster.cutOff(victim)
    await cluster.write('UPDATE t SET a = a + 1 WHERE id = 3')
    await cluster.until(isHeld)
    await assert.rejects(victim.group.readIndex(), hasCode('REPLICA_DIVERGED'))
    await assert.rejects(victim.group.waitApplied(1n, 100), hasCode('REPLICA_DIVERGED'))
    const told = victim.events.find(({ event }) => event.includes('damaged'))
    assert.equal(told?.['code'], 'REPLICA_DIVERGED')
    assert.match(String(told?.['reason']), /shop-1 differs from the log at index \d+: the changes of t are/)
    await cluster.write('INSERT INTO t (a) VALUES (7)')
    assert.equal(leader.group.damage, null)
    cluster.beforeChunk = () => {}
    cluster.heal()
    await cluster.until(() => victim.group.damage === null)
    await equal(cluster)
    const { damaged, healed, installed } = victim.group.stats().snapshots
    assert.deepEqual([damaged, healed > 0 || installed > 0], [1, true])
    assert.deepEqual(victim.read('SELECT a FROM t WHERE id = 3'), [3])
  })
})

test('the log of a replica that was healed goes on where it was', async () => {
  await withTable(async (cluster, _leader, victim) => {
    change(victim, 'DELETE FROM t WHERE id = 2')
    await cluster.write('UPDATE t SET a = 9 WHERE id = 2')
    await cluster.until(() => victim.group.stats().snapshots.healed === 1)
    const { baseIndex } = victim.group.stats()
    assert.equal(baseIndex, 0, 'a healed replica keeps its log')
    for (let row = 0; row < 3; row++) await cluster.write(`INSERT INTO t (a) VALUES (${row})`)
    await equal(cluster)
  })
})

test('a replica whose file is no database any more after a restart gets a copy', async () => {
  await withTable(async (cluster, _leader, victim) => {
    await cluster.stop(victim)
    writeFileSync(victim.dataFile(1), 'this is no database'.repeat(1_000))
    await cluster.start(victim)
    await cluster.write('INSERT INTO t (a) VALUES (1)')
    await cluster.until(() => victim.group.stats().snapshots.healed === 1)
    await equal(cluster)
  })
})

test('a replica whose file has lost its end gets a copy', async () => {
  await withTable(async (cluster, _leader, victim) => {
    await cluster.stop(victim)
    truncateSync(victim.dataFile(1), 4096)
    await cluster.start(victim)
    await cluster.write('INSERT INTO t (a) VALUES (1)')
    await cluster.until(() => victim.group.stats().snapshots.healed === 1)
    await equal(cluster)
  })
})

test('a replica whose file was deleted gets a copy, or everything from the log', async () => {
  await withTable(async (cluster, _leader, victim) => {
    await cluster.stop(victim)
    writeFileSync(victim.dataFile(1), '')
    await cluster.start(victim)
    await cluster.write('INSERT INTO t (a) VALUES (1)')
    await equal(cluster)
  })
})

test('a leader whose file is damaged hands over, and is healed by the next one', async () => {
  await withTable(async (cluster, leader) => {
    const others = cluster.followers()
    // Without its engine, whose open file would hide it.
    await cluster.until(() => {
      void leader.group.rest()
      return !leader.group.isAwake
    })
    writeFileSync(leader.dataFile(1), 'this is no database'.repeat(1_000))
    assert.equal(await cluster.write('INSERT INTO t (a) VALUES (1)'), 'DATA_CORRUPT')
    await cluster.until(() => others.some(({ group }) => group.isLeading))
    await cluster.until(() => leader.group.stats().snapshots.healed === 1)
    await cluster.write('INSERT INTO t (a) VALUES (2)')
    await equal(cluster)
  })
})

test('a page that a statement of the leader meets and can not read is enough', async () => {
  await withTable(async (cluster, leader) => {
    await cluster.write(
      `WITH RECURSIVE n(x) AS (SELECT 100 UNION ALL SELECT x + 1 FROM n WHERE x < 400)
       INSERT INTO t SELECT x, printf('row-%d-%s', x, hex(zeroblob(200))) FROM n`,
    )
    await cluster.caughtUp()
    const others = cluster.followers()
    await cluster.until(() => {
      void leader.group.rest()
      return !leader.group.isAwake
    })
    const bytes = readFileSync(leader.dataFile(1))
    const page = Math.floor(bytes.indexOf('row-250-') / 4096)
    assert.ok(page > 1)
    writeFileSync(leader.dataFile(1), bytes.fill(0x77, page * 4096, (page + 1) * 4096))
    assert.equal(await cluster.write('INSERT INTO t (a) VALUES (1)'), 'committed', 'nobody has met the page')
    assert.equal(await cluster.write('UPDATE t SET a = 1 WHERE id = 250'), 'DATA_CORRUPT')
    await cluster.until(() => others.some(({ group }) => group.isLeading))
    await cluster.until(() => leader.group.stats().snapshots.healed === 1)
    assert.equal(await cluster.write('UPDATE t SET a = 1 WHERE id = 250'), 'committed')
    await equal(cluster)
  })
})

test('a member that is alone and whose file is damaged says so, and changes nothing', async () => {
  await withCluster(
    async (cluster) => {
      await cluster.write('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
      const [only] = cluster.members as [ClusterMember]
      await cluster.stop(only)
      writeFileSync(only.dataFile(1), 'this is no database'.repeat(1_000))
      await cluster.start(only)
      await assert.rejects(cluster.settled(only.group.wake()), hasCode('DATA_CORRUPT'))
      await cluster.pass(5_000)
      await assert.rejects(only.group.readIndex(), hasCode('DATA_CORRUPT'))
      assert.equal(only.group.stats().snapshots.healed, 0)
    },
    { members: 1 },
  )
})
