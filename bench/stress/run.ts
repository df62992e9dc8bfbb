/** One run: the cluster, its users, the member's end, and what is checked afterwards. */

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { harmonyVersion } from '../../src/serve/version.ts'
import { ClusterUnderTest, valueAt } from './cluster-under-test.ts'
import { Latencies } from './latencies.ts'
import type { LoadReport } from './load-protocol.ts'
import { LoadProcesses } from './load-processes.ts'
import { MomentRecorder } from './moments.ts'
import type { StressOptions } from './options.ts'
import { usageOf } from './processes.ts'
import type { LatencyRow, PhaseTotals, StressResult } from './result.ts'

/** How long users may take to connect at the most, and to have their last answers. */
const CONNECT_PATIENCE_SECONDS = 600
const REST_PATIENCE_SECONDS = 60
/** Recovered: so much of the intended rate, at this latency. */
const RECOVERED_RATE = 0.95
const RECOVERED_P99_MS = 1_000

/** `tell` is given a line at a time of what is going on; one that ends in `\r` is written over. */
export async function runStress(options: StressOptions, tell: (line: string) => void): Promise<StressResult> {
  const startedAt = new Date().toISOString()
  tell(`starting ${options.members} members, each with ${options.gateways} gateway processes\n`)
  await using cluster = await ClusterUnderTest.start(options.members, options.gateways)
  await cluster.makeForum(options.threads)
  const before = usageOf(cluster.processes())
  const load = new LoadProcesses({ ...options, targets: cluster.targets, protocol: null })
  try {
    const recorder = new MomentRecorder(load, () => cluster.processes(), tell)
    const rate = options.users / options.pauseSeconds
    const connectSeconds = await connectAll(options, load, recorder)
    const idle = usageOf([...cluster.processes(), ...load.processes])
    const phases: PhaseTotals[] = []
    const phase = async (name: string, seconds: number): Promise<void> => {
      phases.push(await recorder.phase(name, seconds, rate))
    }
    load.act(rate)
    await phase('warm-up', options.warmUpSeconds)
    const steadyStart = usageOf([...cluster.processes(), ...load.processes])
    await phase('steady', options.steadySeconds)
    const steadyEnd = usageOf([...cluster.processes(), ...load.processes])
    const killed = await cluster.leader()
    const connectionsBefore = load.progress()
    const killedAtSeconds = recorder.nowSeconds
    tell(`\nkill -9 of member ${killed + 1}, which leads\n`)
    await cluster.kill(killed)
    await phase('failure', options.failureSeconds)
    await comeToRest(load, recorder)
    const reports = await load.reports()
    const connectionsLost = load.progress().dropped - connectionsBefore.dropped
    const result = {
      options,
      startedAt,
      machine: machineOf(),
      version: harmonyVersion(),
      loadProcesses: load.processes.length,
      connectSeconds,
      phases,
      latencies: latencyRows(reports),
      moments: recorder.moments,
      usage: { before, idle, steadyStart, steadyEnd },
      failure: {
        killed: `member ${killed + 1}, the leader`,
        connectionsLost,
        ...recoveryOf(recorder, killedAtSeconds, options.users, rate),
      },
      writes: await checkWrites(cluster, reports),
      errors: errorsOf(reports),
    }
    return { ...result, problems: problemsOf(result) }
  } finally {
    await load.end()
  }
}

async function connectAll(
  { users }: StressOptions,
  load: LoadProcesses,
  recorder: MomentRecorder,
): Promise<number> {
  for (const startMs = performance.now(); ;) {
    await recorder.record('connecting')
    const seconds = (performance.now() - startMs) / 1000
    if (load.progress().connected === users) return seconds
    if (seconds > CONNECT_PATIENCE_SECONDS)
      throw new Error(`${load.progress().connected} of ${users} users are connected after ${seconds} s`)
  }
}

async function comeToRest(load: LoadProcesses, recorder: MomentRecorder): Promise<void> {
  load.rest()
  const deadlineMs = performance.now() + REST_PATIENCE_SECONDS * 1000
  while (load.progress().waiting > 0 && performance.now() < deadlineMs) await recorder.record('rest')
  // The last progress may be half a second old.
  await pause(1_000)
}

function recoveryOf(
  recorder: MomentRecorder,
  killedAtSeconds: number,
  users: number,
  rate: number,
): { reconnectedSeconds: number | null; recoveredSeconds: number | null } {
  const after = recorder.moments.filter(
    ({ atSeconds, phase }) => phase === 'failure' && atSeconds > killedAtSeconds,
  )
  // Whoever looks too early sees all of them still connected.
  const firstLoss = after.findIndex(({ connected }) => connected < users)
  const since = after.slice(firstLoss < 0 ? after.length : firstLoss)
  const at = (found: { readonly atSeconds: number } | undefined): number | null =>
    found === undefined ? null : found.atSeconds - killedAtSeconds
  return {
    reconnectedSeconds: at(since.find(({ connected }) => connected === users)),
    recoveredSeconds: at(
      since.find(
        ({ connected, donePerSecond, p99Ms }) =>
          connected === users && donePerSecond >= rate * RECOVERED_RATE && p99Ms < RECOVERED_P99_MS,
      ),
    ),
  }
}

async function checkWrites(
  cluster: ClusterUnderTest,
  reports: readonly LoadReport[],
): Promise<StressResult['writes']> {
  const acknowledged = new Set(reports.flatMap((report) => report.acknowledged))
  const unknown = new Set(reports.flatMap((report) => report.unknown))
  const running = cluster.running()
  const found = await cluster.tokens(running[0] as number)
  const there = new Set(found)
  const count = async (index: number, sql: string): Promise<number> =>
    Number(valueAt((await cluster.query(index, sql))[0] as readonly unknown[], 0, 'n'))
  const postsByMember: number[] = []
  for (const index of running) postsByMember.push(await count(index, 'SELECT count(*) AS n FROM posts'))
  return {
    acknowledged: acknowledged.size,
    unknown: unknown.size,
    unknownApplied: [...unknown].filter((token) => there.has(token)).length,
    lost: [...acknowledged].filter((token) => !there.has(token)).length,
    duplicates: found.length - there.size,
    invented: [...there].filter((token) => !acknowledged.has(token) && !unknown.has(token)).length,
    postsByMember,
    wrongCounters: await count(
      running[0] as number,
      `SELECT count(*) AS n FROM threads t
       WHERE posts <> (SELECT count(*) FROM posts p WHERE p.thread = t.id)`,
    ),
  }
}

function latencyRows(reports: readonly LoadReport[]): LatencyRow[] {
  const sums = new Map<string, Latencies>()
  const add = (name: string, counts: readonly number[]): void => {
    const sum = sums.get(name) ?? new Latencies()
    sum.add(counts)
    sums.set(name, sum)
  }
  for (const { latencies } of reports)
    for (const [name, counts] of Object.entries(latencies)) {
      const [phase = '', protocol = '', operation = ''] = name.split('/')
      add(name, counts)
      add(`${phase}/all/${operation === 'reply' ? 'writes' : 'reads'}`, counts)
      add(`${phase}/${protocol}/all`, counts)
    }
  return [...sums]
    .map(([name, sum]) => {
      const [phase = '', protocol = '', operation = ''] = name.split('/')
      return {
        phase,
        protocol,
        operation,
        count: sum.count,
        p50Ms: sum.percentile(50),
        p90Ms: sum.percentile(90),
        p99Ms: sum.percentile(99),
        p999Ms: sum.percentile(99.9),
      }
    })
    .toSorted((left, right) => keyOf(left).localeCompare(keyOf(right)))
}

function keyOf({ phase, protocol, operation }: LatencyRow): string {
  return `${phase}/${protocol}/${operation}`
}

function errorsOf(reports: readonly LoadReport[]): StressResult['errors'] {
  const sums = new Map<string, { phase: string; message: string; count: number }>()
  for (const { phase, message, count } of reports.flatMap(({ errors }) => errors)) {
    const known = sums.get(`${phase} ${message}`)
    if (known === undefined) sums.set(`${phase} ${message}`, { phase, message, count })
    else known.count += count
  }
  return [...sums.values()].toSorted((left, right) => right.count - left.count)
}

/** Why the run does not show what it should. */
function problemsOf(result: Omit<StressResult, 'problems'>): string[] {
  const { writes, phases, failure, errors, options } = result
  const calm = phases.filter(({ phase }) => phase !== 'failure')
  const dropped = calm.reduce((sum, one) => sum + one.dropped, 0)
  const found: (string | null)[] = [
    dropped > 0 ? `${dropped} connections were dropped while all members ran` : null,
    failure.reconnectedSeconds === null ? `not all ${options.users} users came back after the failure` : null,
    writes.lost > 0 ? `${writes.lost} acknowledged writes are lost` : null,
    writes.duplicates > 0 ? `${writes.duplicates} writes are there more than once` : null,
    writes.invented > 0 ? `${writes.invented} writes are there that nobody made` : null,
    writes.wrongCounters > 0 ? `${writes.wrongCounters} counters are wrong` : null,
    new Set(writes.postsByMember).size > 1
      ? `members differ: ${writes.postsByMember.join(', ')} posts`
      : null,
    ...errors.map(({ phase, message, count }) => `${count} errors (${phase}): ${message}`),
  ]
  return found.filter((problem) => problem !== null)
}

function machineOf(): StressResult['machine'] {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openFilesMax:
      /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '?',
  }
}
