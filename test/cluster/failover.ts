/** Kills the leader under load, again and again, and measures what the clients of the other members notice. */

import assert from 'node:assert/strict'
import { until, type Cluster } from './cluster.ts'
import { Load } from './load.ts'

export interface Failover {
  /** Index of the leader that was killed. */
  readonly killed: number
  /** The longest time that one client of another member was without an acknowledged write. */
  readonly withoutWritesMs: number
  readonly readFailures: readonly string[]
}

export interface FailoverReport {
  readonly failovers: readonly Failover[]
  readonly acknowledged: number
  readonly reads: number
  readonly writeFailures: Readonly<Record<string, number>>
}

/** Acknowledged writes between a restart and the next kill. */
const WRITES_BETWEEN = 100

export interface FailoverOptions {
  readonly kills: number
  readonly clientsPerMember: number
  /** Default: kill. A leader that is paused still believes that it leads when it goes on. */
  readonly how?: 'kill' | 'pause'
  readonly onFailover?: (failover: Failover, at: number) => void
}

/** Rejects if an acknowledged write is lost, wherever it is looked for. */
export async function measureFailovers(cluster: Cluster, options: FailoverOptions): Promise<FailoverReport> {
  const load = new Load(
    cluster.indexes.map((index) => cluster.url(index)),
    options.clientsPerMember,
  )
  await load.start()
  const failovers: Failover[] = []
  try {
    for (let kill = 1; kill <= options.kills; kill++) {
      const failover = await loseLeader(cluster, load, options.how ?? 'kill')
      failovers.push(failover)
      options.onFailover?.(failover, kill)
    }
  } finally {
    await load.stop()
  }
  for (const index of cluster.indexes) await load.check(cluster.url(index))
  return {
    failovers,
    acknowledged: load.acknowledgedCount,
    reads: load.readCount,
    writeFailures: load.writeFailures,
  }
}

async function loseLeader(cluster: Cluster, load: Load, how: 'kill' | 'pause'): Promise<Failover> {
  const target = load.acknowledgedCount + WRITES_BETWEEN
  await until('the writers write', async () => load.acknowledgedCount >= target)
  const killed = await cluster.leader()
  const others = cluster.indexes.filter((index) => index !== killed)
  const failuresBefore = load.readFailuresAt(others).length
  const killedAtMs = performance.now()
  if (how === 'kill') await cluster.kill(killed)
  else cluster.signal(killed, 'SIGSTOP')
  await until(
    'every client of the other members writes again',
    async () => load.hasProgress(others, killedAtMs),
    () => others.map((index) => cluster.log(index).slice(-1000)).join('\n'),
  )
  const recovered = load.acknowledgedCount + WRITES_BETWEEN
  await until('the writers go on', async () => load.acknowledgedCount >= recovered)
  const withoutWritesMs = load.longestWaitMs(others, killedAtMs, performance.now())
  if (how === 'kill') cluster.start(killed)
  else cluster.signal(killed, 'SIGCONT')
  await cluster.ready(killed)
  const readFailures = load
    .readFailuresAt(others)
    .slice(failuresBefore)
    .map(({ reason }) => reason)
  return { killed, withoutWritesMs, readFailures }
}

export function median(values: readonly number[]): number {
  assert.ok(values.length > 0)
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
