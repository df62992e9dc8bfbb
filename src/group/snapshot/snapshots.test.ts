import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { ClusterMember, GroupCluster } from '../testing/group-cluster.ts'
import { withCluster } from '../testing/group-cluster.ts'
import { request } from '../testing/group-fixture.ts'

/** Copies are needed soon: the log keeps nothing for those who are away. */
const LIMITS = { checkpointEntries: 5, tailEntries: 2, restingTailEntries: 0 } as const

async function fill(cluster: GroupCluster, rows: number): Promise<void> {
  await cluster.write('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a)')
  await addRows(cluster, rows)
}

async function addRows(cluster: GroupCluster, rows: number): Promise<void> {
  for (let row = 0; row < rows; row++) await cluster.write('INSERT INTO t (a) VALUES (randomblob(2000))')
}

function filesOf(member: ClusterMember): string[] {
  return readdirSync(member.folder).filter((name) => !/-(wal|shm|writer)$/.test(name))
}

/** Nothing is left of copies: only the database. */
function isTidy(member: ClusterMember): boolean {
  return filesOf(member).join() === 'db-1.sqlite'
}

function eventsOf(member: ClusterMember): string[] {
  return member.events.map(({ event }) => event)
}

async function equal(cluster: GroupCluster): Promise<void> {
  await cluster.caughtUp()
  const [first, ...others] = cluster.members
    .filter(({ host }) => host !== null)
    .map((member) => member.content())
  for (const other of others) assert.equal(other, first)
}

/** A follower that was away for longer than the log goes back. */
async function withLaggard(
  work: (cluster: GroupCluster, laggard: ClusterMember, leader: ClusterMember) => Promise<void>,
): Promise<void> {
  await withCluster(
    async (cluster) => {
      await fill(cluster, 3)
      await cluster.caughtUp()
      const leader = await cluster.awaitLeader()
      const laggard = cluster.followers()[0] as ClusterMember
      await cluster.kill(laggard)
      await addRows(cluster, 40)
      await cluster.until(() => leader.group.stats().baseIndex > 10)
      await work(cluster, laggard, leader)
    },
    { limits: LIMITS },
  )
}

test('a follower that was away for longer than the log goes back gets a copy and follows on', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    await cluster.start(laggard)
    await equal(cluster)
    assert.ok(eventsOf(laggard).includes('A copy of a database was installed'))
    assert.ok(eventsOf(leader).includes('A copy of a database was sent'))
    await cluster.until(() => isTidy(laggard))
    await addRows(cluster, 3)
    await equal(cluster)
    const { snapshots } = leader.group.stats()
    assert.deepEqual([snapshots.copies, snapshots.sent, snapshots.failed], [1, 1, 0])
  })
})

test('a transaction that waits for the follower which needs a copy does not keep the copy from being made', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    const [other] = cluster.followers().filter((member) => member !== laggard)
    assert.ok(other !== undefined)
    await cluster.kill(other)
    // It holds the writer until a majority has it, and without the laggard there is none.
    const waiting = leader.group.submit(request('INSERT INTO t (a) VALUES (1)'))
    await cluster.start(laggard)
    assert.equal((await cluster.settled(waiting)).kind, 'committed')
    assert.ok(eventsOf(laggard).includes('A copy of a database was installed'))
    await cluster.start(other)
    await equal(cluster)
  })
})

test('a copy is made although the engine has lost its process, and nobody writes who would notice', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    await leader.faults.endEngines()
    await cluster.start(laggard)
    await equal(cluster)
    assert.ok(eventsOf(leader).includes('A copy of a database could not be made'))
    assert.ok(eventsOf(leader).includes('A copy of a database was sent'))
  })
})

test('what was received before an interruption is not sent again', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    let cuts = 0
    cluster.beforeChunk = (_to, offset) => {
      if (cuts < 3 && offset > cuts * 30_000 + 20_000) {
        cuts++
        cluster.cutOff(laggard)
      }
    }
    await cluster.start(laggard)
    for (let cut = 1; cut <= 3; cut++) {
      await cluster.until(() => cuts === cut)
      await cluster.pass(1_000)
      cluster.heal()
    }
    await equal(cluster)
    const sizeBytes = Number(
      leader.events.find(({ event }) => event === 'A copy of a database was sent')?.['sizeBytes'],
    )
    assert.equal(laggard.group.stats().snapshots.receivedBytes, sizeBytes)
    assert.equal(leader.group.stats().snapshots.copies, 1)
  })
})

test('what was durable before the receiver lost its power is not sent again', async () => {
  await withLaggard(async (cluster, laggard) => {
    // Larger than the step between two records.
    for (let at = 0; at < 24; at++) await cluster.write('INSERT INTO t (a) VALUES (zeroblob(1000000))')
    cluster.chunkSizeBytes = 256 * 1024
    const dying: Promise<void>[] = []
    cluster.beforeChunk = (_to, offset) => {
      if (offset > 21_000_000 && dying.length === 0) dying.push(cluster.kill(laggard))
    }
    await cluster.start(laggard)
    await cluster.until(() => dying.length > 0)
    await Promise.all(dying)
    const sentBefore = cluster.streamedBytes
    await cluster.start(laggard)
    await equal(cluster)
    assert.ok(
      cluster.streamedBytes - sentBefore < 12_000_000,
      `${cluster.streamedBytes - sentBefore} bytes were sent again`,
    )
  })
})

test('receivers share one copy', async () => {
  await withCluster(
    async (cluster) => {
      await fill(cluster, 3)
      await cluster.caughtUp()
      const leader = await cluster.awaitLeader()
      const voter = cluster.followers().find(({ number }) => number !== 4) as ClusterMember
      const learner = cluster.member(4)
      await cluster.kill(voter)
      await cluster.kill(learner)
      await addRows(cluster, 40)
      await cluster.until(() => leader.group.stats().baseIndex > 10)
      await cluster.start(voter)
      await cluster.start(learner)
      await equal(cluster)
      const { copies, sent } = leader.group.stats().snapshots
      assert.deepEqual([copies, sent], [1, 2])
    },
    { limits: LIMITS, members: 4 },
  )
})

test('the leader keeps what comes after a copy until its receiver has it', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    let written = 0
    let isWriting = false
    cluster.beforeChunk = () => {
      if (isWriting || written >= 30) return
      isWriting = true
      void cluster.write('INSERT INTO t (a) VALUES (randomblob(500))').then(() => {
        isWriting = false
        written++
      })
    }
    cluster.chunkSizeBytes = 2 * 1024
    await cluster.start(laggard)
    await cluster.until(() => laggard.group.stats().snapshots.installed > 0)
    await equal(cluster)
    assert.ok(written > 5, 'nothing was written while the copy was on its way')
    assert.equal(leader.group.stats().snapshots.copies, 1)
  })
})

test('a receiver whose disk stands still is given up, costs the writers nothing, and gets the rest later', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    const stall = Promise.withResolvers<void>()
    let chunks = 0
    cluster.beforeChunk = () => {
      if (++chunks === 2)
        laggard.beforeFile = (path) => (path.endsWith('-incoming') ? stall.promise : undefined)
    }
    await cluster.start(laggard)
    await cluster.until(() => chunks === 2)
    for (let row = 0; row < 10; row++)
      assert.equal(await cluster.write('INSERT INTO t (a) VALUES (1)'), 'committed')
    await cluster.until(() => leader.group.stats().snapshots.failed > 0)
    laggard.beforeFile = () => {}
    stall.resolve()
    await equal(cluster)
  })
})

test('copies for others are deleted after a while', async () => {
  await withLaggard(async (cluster, laggard, leader) => {
    await cluster.start(laggard)
    await equal(cluster)
    assert.equal(leader.group.stats().snapshots.copies, 1)
    await cluster.pass(70_000)
    await cluster.until(() => isTidy(leader))
  })
})

test('a connection that reads goes on with the old file, and new ones see the new file', async () => {
  await withLaggard(async (cluster, laggard) => {
    const before = new DatabaseSync(laggard.dataFile(1), { readOnly: true })
    const rows = before.prepare('SELECT id FROM t').iterate()
    rows.next()
    let replaced = 0
    await cluster.start(laggard)
    laggard.group.onFileReplaced(() => replaced++)
    await equal(cluster)
    assert.equal([...rows].length, 2, 'the query ends with the content that it began with')
    before.close()
    assert.equal(replaced, 1)
    assert.deepEqual(laggard.read('SELECT count(*) FROM t'), [43])
    await addRows(cluster, 1)
    await equal(cluster)
    assert.deepEqual(laggard.read('SELECT count(*) FROM t'), [44])
  })
})
