/**
 * Members lose power at random moments, also in the middle of a write of their journals, while clients write at whoever leads. A majority is always up.
 * In the end everything acknowledged is there once, nothing refused is, and all replicas are the same. A seed names the run.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../host/random.ts'
import type { ClusterMember, GroupCluster } from './testing/group-cluster.ts'
import { withCluster } from './testing/group-cluster.ts'
import { request, resultOf } from './testing/group-fixture.ts'

const SEEDS = [1n, 2n, 3n, 4n, 5n, 6n]
/** It goes on until there were so many of both. */
const WRITES = 200
const CRASHES = 6

interface History {
  crashes: number
  readonly committed: Set<number>
  readonly refused: Set<number>
}

/** Nothing of it was done. */
const REFUSALS: ReadonlySet<string> = new Set([
  'NOT_LEADER',
  'SHUTTING_DOWN',
  'OVERLOADED',
  'TRANSACTION_BUSY',
])

async function writeAll(cluster: GroupCluster, random: SeededRandom, history: History): Promise<void> {
  const answers: Promise<unknown>[] = []
  for (let value = 1; value <= WRITES || history.crashes < CRASHES; value++) {
    const believed = cluster.members.filter(({ host, groups }) => {
      return host !== null && groups.get(1)?.leadership.role === 'leader'
    })
    const at = believed[random.integer(Math.max(believed.length, 1))]
    if (at === undefined) await cluster.step(50)
    else answers.push(writeAt(at, value, history))
    if (random.float() < 0.5) await cluster.step(random.integer(60))
  }
  // Those whose member died hear nothing any more.
  await cluster.pass(10_000)
}

async function writeAt(at: ClusterMember, value: number, history: History): Promise<void> {
  const life = at.starts
  const result = await resultOf(at.group.submit(request(`INSERT INTO t VALUES (${value})`)))
  // What a dead process says reaches nobody.
  if (at.host === null || at.starts !== life) return
  if (result === 'committed') history.committed.add(value)
  else if (REFUSALS.has(result)) history.refused.add(value)
}

/** One member at a time is down. It dies between two operations of its disk. */
async function crashAll(
  cluster: GroupCluster,
  random: SeededRandom,
  history: History,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const member = cluster.member(random.integer(3) + 1)
    const operations = random.integer(25)
    await diesAfter(cluster, member, operations, isOver)
    if (isOver()) break
    history.crashes++
    for (let steps = random.integer(40); steps > 0; steps--) await new Promise(setImmediate)
    await cluster.start(member)
  }
}

async function diesAfter(
  cluster: GroupCluster,
  member: ClusterMember,
  operations: number,
  isOver: () => boolean,
): Promise<void> {
  const dead = Promise.withResolvers<void>()
  let left = operations
  member.disk.beforeOperation = () => {
    if (left-- > 0) return
    dead.resolve()
    // The operation never ends: half of a frame may be there.
    return new Promise<void>(() => {})
  }
  const watch = setInterval(() => isOver() && dead.resolve(), 5)
  await dead.promise
  clearInterval(watch)
  if (isOver()) member.disk.beforeOperation = () => {}
  else await cluster.kill(member)
}

for (const seed of SEEDS) {
  test(`members die at any moment: nothing acknowledged is lost, nothing refused appears (seed ${seed})`, () =>
    withCluster(
      async (cluster) => {
        const random = new SeededRandom(seed)
        await cluster.write('CREATE TABLE t (a)')
        const history: History = { crashes: 0, committed: new Set(), refused: new Set() }
        let isOver = false
        const crashing = crashAll(cluster, new SeededRandom(seed + 100n), history, () => isOver)
        await writeAll(cluster, random, history)
        isOver = true
        await crashing
        await cluster.caughtUp()
        assert.equal(new Set(cluster.members.map((member) => member.content())).size, 1)
        const rows = cluster.member(1).read('SELECT a FROM t') as number[]
        assert.equal(new Set(rows).size, rows.length, 'none is there twice')
        const missing = [...history.committed].filter((value) => !rows.includes(value))
        const uninvited = [...history.refused].filter((value) => rows.includes(value))
        assert.deepEqual({ missing, uninvited }, { missing: [], uninvited: [] })
        assert.ok(history.committed.size > WRITES / 10, `${history.committed.size} were acknowledged`)
      },
      { limits: { checkpointEntries: 15 } },
    ))
}
