import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ClusterMember, GroupCluster } from '../testing/group-cluster.ts'
import { withCluster } from '../testing/group-cluster.ts'

const LIMITS = { checkpointEntries: 5, tailEntries: 2, restingTailEntries: 0, snapshotLingerMs: 300 } as const

async function addRows(cluster: GroupCluster, rows: number): Promise<void> {
  for (let row = 0; row < rows; row++) await cluster.write('INSERT INTO t (a) VALUES (randomblob(2000))')
}

/** What never goes on keeps its open file: Node.js takes one that is collected for a mistake, and ends the test. */
const standing: (() => void)[] = []

/**
 * The member loses its power before the change of a file, its journal's included, that comes as number `at` after `arm` was called; what was to
 * happen after that never does. Resolves with false if so many did not come before `isOver`.
 */
async function crashAt(
  cluster: GroupCluster,
  member: ClusterMember,
  at: number,
  isOver: () => boolean,
): Promise<boolean> {
  let left = at
  let isArmed = false
  const crashed: Promise<void>[] = []
  const before = (): Promise<void> | void => {
    if (!isArmed || left-- > 0) return
    if (crashed.length === 0) crashed.push(cluster.kill(member))
    return new Promise<void>((resolve) => void standing.push(resolve))
  }
  member.beforeFile = before
  member.disk.beforeOperation = ({ kind }) => (kind === 'read' ? undefined : before())
  cluster.beforeChunk = () => (isArmed = true)
  await cluster.start(member)
  await cluster.until(() => crashed.length > 0 || isOver())
  member.beforeFile = () => {}
  member.disk.beforeOperation = () => {}
  cluster.beforeChunk = () => {}
  await Promise.all(crashed)
  return crashed.length > 0
}

async function check(
  cluster: GroupCluster,
  victim: ClusterMember,
  leader: ClusterMember,
  at: number,
): Promise<void> {
  if (victim.host === null) await cluster.start(victim)
  await addRows(cluster, 1)
  await cluster.caughtUp()
  assert.equal(victim.content(), leader.content(), `after a crash at ${at}`)
}

test(
  'a receiver that loses its power at any moment of a copy ends with what the others have',
  { timeout: 300_000 },
  async (context) => {
    await withCluster(
      async (cluster) => {
        cluster.chunkSizeBytes = 64 * 1024
        await cluster.write('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
        await cluster.caughtUp()
        const leader = await cluster.awaitLeader()
        const victim = cluster.followers()[0] as ClusterMember
        let crashes = 0
        for (let at = 0; ; at++) {
          await cluster.kill(victim)
          await addRows(cluster, 6)
          // Until nobody needs the copy of the last time any more, and the log is not kept for it.
          await cluster.pass(400)
          await addRows(cluster, 6)
          await cluster.until(() => leader.group.stats().baseIndex >= leader.group.commitIndex - 8)
          const isOver = (): boolean =>
            victim.groups.size > 0 && Number(victim.group.appliedIndex) === leader.group.commitIndex
          const hasCrashed = await crashAt(cluster, victim, at, isOver)
          await check(cluster, victim, leader, at)
          assert.equal(
            victim.group.stats().snapshots.damaged,
            0,
            `file and log did not fit after a crash at ${at}`,
          )
          if (!hasCrashed) break
          crashes++
        }
        context.diagnostic(`${crashes} moments`)
        assert.ok(crashes >= 15, `there are more moments than ${crashes}`)
      },
      { limits: LIMITS },
    )
  },
)

test(
  'a replica that loses its power at any moment of its healing ends with what the others have',
  { timeout: 300_000 },
  async (context) => {
    await withCluster(async (cluster) => {
      cluster.chunkSizeBytes = 64 * 1024
      await cluster.write('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
      await addRows(cluster, 3)
      await cluster.caughtUp()
      const leader = await cluster.awaitLeader()
      const victim = cluster.followers()[0] as ClusterMember
      let crashes = 0
      // Every second moment: the exchange of the files is the same as above.
      for (let at = 0; ; at += 2) {
        await cluster.stop(victim)
        writeFileSync(victim.dataFile(1), 'this is no database'.repeat(1_000))
        const written = addRows(cluster, 1)
        const isOver = (): boolean => victim.groups.size > 0 && victim.group.stats().snapshots.healed > 0
        const hasCrashed = await crashAt(cluster, victim, at, isOver)
        await written
        await check(cluster, victim, leader, at)
        if (!hasCrashed) break
        crashes++
      }
      context.diagnostic(`${crashes} moments`)
      assert.ok(crashes >= 8, `there are more moments than ${crashes}`)
    })
  },
)
