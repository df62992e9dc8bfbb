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
  /** Elections that the restart does not explain: on a busy machine a leader that nobody has touched may lose its followers, and clients hear of it. */
  readonly otherElections: number
}

const WRITES_BETWEEN = 60
/** Of restarting a member without other elections. */
const ATTEMPTS_MAX = 10

/** One member after the other, each until nothing else has disturbed it. Rejects if an acknowledged write is lost. */
export async function restartAll(cluster: Cluster): Promise<readonly RestartReport[]> {
  const load = new Load(
    cluster.indexes.map((index) => cluster.url(index)),
    1,
  )
  await load.start()
  const reports: RestartReport[] = []
  try {
    for (const index of cluster.indexes)
      for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        const report = await restart(cluster, load, index)
        reports.push(report)
        if (report.otherElections === 0) break
      }
  } finally {
    await load.stop()
  }
  for (const index of cluster.indexes) await load.check(cluster.url(index))
  return reports
}

async function restart(cluster: Cluster, load: Load, restarted: number): Promise<RestartReport> {
  const others = cluster.indexes.filter((index) => index !== restarted)
  await writesGoOn(load)
  const before = await steady(cluster)
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
  const after = await steady(cluster)
  // A leader hands over, and gets it back.
  const ownElections = before.leader === restarted ? 2 : 0
  return {
    restarted,
    otherElections: after.term - before.term - ownElections,
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

/** When the member that should lead does. */
async function steady(cluster: Cluster): Promise<{ readonly leader: number; readonly term: number }> {
  let found = { leader: -1, term: -1 }
  await until('the preferred member leads', async () => {
    const leader = await cluster.leader()
    const group = await cluster.group(leader).catch(() => null)
    if (group === null || group.role !== 'leader' || group.leader !== group.preferredLeader) return false
    found = { leader, term: group.term }
    return true
  })
  return found
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
