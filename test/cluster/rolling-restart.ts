/** `node test/cluster/rolling-restart.ts`: stops and starts each member under load, and tells what the clients of the others noticed. */

import { Cluster, until } from './cluster.ts'
import { Load } from './load.ts'

export interface RestartReport {
  readonly restarted: number
  readonly isClean: boolean
  readonly stopMs: number
  readonly startMs: number
  /** The longest time that one client of another member was without an acknowledged write. */
  readonly withoutWritesMs: number
  readonly readFailures: readonly string[]
  readonly writeFailures: readonly string[]
}

const WRITES_BETWEEN = 60

/** One member after the other. Rejects if an acknowledged write is lost. */
export async function restartAll(cluster: Cluster): Promise<readonly RestartReport[]> {
  const load = new Load(
    cluster.indexes.map((index) => cluster.url(index)),
    1,
  )
  await load.start()
  const reports: RestartReport[] = []
  try {
    for (const index of cluster.indexes) reports.push(await restart(cluster, load, index))
  } finally {
    await load.stop()
  }
  for (const index of cluster.indexes) await load.check(cluster.url(index))
  return reports
}

async function restart(cluster: Cluster, load: Load, restarted: number): Promise<RestartReport> {
  const others = cluster.indexes.filter((index) => index !== restarted)
  await writesGoOn(load)
  const readsBefore = load.readFailuresAt(others).length
  const writesBefore = load.writeFailuresAt(others).length
  const beganMs = performance.now()
  const isClean = await cluster.stop(restarted)
  const stoppedMs = performance.now()
  await writesGoOn(load)
  const startedMs = performance.now()
  cluster.start(restarted)
  await cluster.ready(restarted)
  const readyMs = performance.now()
  await writesGoOn(load)
  return {
    restarted,
    isClean,
    stopMs: stoppedMs - beganMs,
    startMs: readyMs - startedMs,
    withoutWritesMs: load.longestWaitMs(others, beganMs, performance.now()),
    readFailures: load
      .readFailuresAt(others)
      .slice(readsBefore)
      .map(({ reason }) => reason),
    writeFailures: load
      .writeFailuresAt(others)
      .slice(writesBefore)
      .map(({ reason }) => reason),
  }
}

async function writesGoOn(load: Load): Promise<void> {
  const target = load.acknowledgedCount + WRITES_BETWEEN
  await until('the writers write', async () => load.acknowledgedCount >= target)
}

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ members: 4 })
  for (const report of await restartAll(cluster)) {
    const { restarted, isClean, stopMs, startMs, withoutWritesMs, readFailures, writeFailures } = report
    console.log(
      `member ${restarted}: ${isClean ? 'stopped' : 'KILLED'} in ${Math.round(stopMs)} ms, ready again in ${Math.round(startMs)} ms; ` +
        `${Math.round(withoutWritesMs)} ms without writes at the others, failed there: ` +
        `${readFailures.length} reads, ${writeFailures.length} writes ${[...readFailures, ...writeFailures].join(' | ')}`,
    )
  }
}

if (import.meta.main) await main()
