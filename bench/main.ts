/**
 * `npm run bench`: HarmonyDB beside its peers, in turn, in one run on this machine. Figures of different
 * runs or machines are not comparable; the ratios within one run are what to quote.
 */

import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { medianRound, type RoundResult } from './harness/latency.ts'
import { harmonyTargets } from './targets/harmonydb.ts'
import { betterSqlite3Target, nodeSqliteTarget } from './targets/in-process-sqlite.ts'
import { postgresTarget } from './targets/postgres.ts'
import type { Target, TargetResult } from './targets/target.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

const HELP = `Usage: npm run bench -- [--seconds N] [--rounds N] [--clients 1,16,256] [--workload NAME]

Measures point reads and durable single-row inserts over Hrana HTTP and WebSocket, beside
better-sqlite3 and node:sqlite in process and PostgreSQL with pgbench where they are installed.
All run in turn; the median of the rounds is printed, and its ratio to the first target.

  --seconds N      length of a measured round (default 3; a fifth more for warm-up)
  --rounds N       rounds of each figure (default 3)
  --clients LIST   numbers of concurrent clients (default 1,16,256)
  --workload NAME  only this one: ${WORKLOADS.map((workload) => workload.name).join(', ')};
                   or pg: pgbench's reads and durable inserts, against HarmonyDB and PostgreSQL alone
`

interface Settings {
  readonly seconds: number
  readonly rounds: number
  readonly clients: readonly number[]
  readonly workloads: readonly Workload[]
  /** Only targets that pgbench measures. */
  readonly isPgbenchOnly: boolean
}

const PGBENCH_WORKLOADS: ReadonlySet<string> = new Set(['pgbench-select', 'durable-insert'])

function readSettings(): Settings | null {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '1,16,256' },
      workload: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const isPgbenchOnly = values.workload === 'pg'
  const workloads = WORKLOADS.filter(({ name }) =>
    isPgbenchOnly ? PGBENCH_WORKLOADS.has(name) : values.workload === undefined || name === values.workload,
  )
  if (workloads.length === 0) throw new Error(`There is no workload ${values.workload}`)
  return {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    clients: values.clients.split(',').map(Number),
    workloads,
    isPgbenchOnly,
  }
}

async function openTargets({ isPgbenchOnly }: Settings): Promise<readonly Target[]> {
  const candidates: TargetResult[] = [...(await harmonyTargets()), await postgresTarget()]
  if (!isPgbenchOnly) candidates.push(betterSqlite3Target(), nodeSqliteTarget())
  const targets: Target[] = []
  for (const candidate of candidates) {
    if ('unavailable' in candidate) console.log(`left out: ${candidate.unavailable}`)
    else targets.push(candidate)
  }
  return targets
}

interface Row {
  readonly target: Target
  readonly clients: number
  readonly rounds: RoundResult[]
  /** Of all processes of the target, microseconds for each operation, one figure a round. */
  readonly processorMicros: number[]
}

/** All targets in turn, round by round (A B C A B C), so that a drift of the machine's speed meets all alike. */
async function measureWorkload(
  workload: Workload,
  targets: readonly Target[],
  settings: Settings,
): Promise<Row[]> {
  const rows: Row[] = settings.clients.flatMap((clients, index) =>
    targets
      .filter((target) => target.supports(workload.name) && (target.isConcurrent || index === 0))
      .filter(({ client }) => !settings.isPgbenchOnly || client === 'pgbench')
      .map((target) => ({
        target,
        clients: target.isConcurrent ? clients : 1,
        rounds: [],
        processorMicros: [],
      })),
  )
  for (let round = 0; round < settings.rounds; round += 1) {
    for (const row of rows) {
      process.stderr.write(
        `\r\u001B[K${workload.name} round ${round + 1}/${settings.rounds}: ${row.target.name}, ${row.clients}`,
      )
      await measureRound(row, workload, settings)
    }
  }
  process.stderr.write('\r\u001B[K')
  return rows
}

async function measureRound(row: Row, workload: Workload, settings: Settings): Promise<void> {
  const { target, clients } = row
  const before = target.processorSeconds()
  const result = await target.run({ workload: workload.name, clients, seconds: settings.seconds })
  row.rounds.push(result)
  const after = target.processorSeconds()
  // The warm-up of load generators of our own is a fifth more of the same work.
  const operations = target.client === 'pgbench' ? result.operations : result.operations * 1.2
  if (before !== null && after !== null) row.processorMicros.push(((after - before) / operations) * 1e6)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The median of the ratios of single rounds, each beside its neighbour in time, rather than the ratio of medians. */
function ratioOf(baseline: Row, row: Row): number {
  return median(
    row.rounds.map(({ perSecond }, round) => (baseline.rounds[round]?.perSecond ?? 0) / perSecond),
  )
}

function printRows(workload: Workload, rows: readonly Row[]): void {
  const first = rows[0]?.target.name ?? ''
  console.log(`\n${workload.title}`)
  console.log(
    `  ${'target'.padEnd(36)} ${'clients'.padStart(7)} ${'per second'.padStart(12)} ${'p50 ms'.padStart(9)} ${'p99 ms'.padStart(9)} ${'p99.9 ms'.padStart(9)} ${'CPU µs/op'.padStart(10)}  ${first} is`,
  )
  for (const row of rows) {
    const baseline = rows.find((other) => other.clients === row.clients) ?? row
    const ratio = row === baseline ? '' : `${ratioOf(baseline, row).toFixed(2)} times this`
    const { p50Ms, p99Ms, p999Ms, perSecond } = medianRound(row.rounds)
    const figures = [p50Ms, p99Ms, p999Ms].map((value) => value.toFixed(3).padStart(9)).join(' ')
    const rate = Math.round(perSecond).toLocaleString('en').padStart(12)
    const processor = row.processorMicros.length === 0 ? '' : median(row.processorMicros).toFixed(1)
    console.log(
      `  ${row.target.name.padEnd(36)} ${String(row.clients).padStart(7)} ${rate} ${figures} ${processor.padStart(10)}  ${ratio}`,
    )
  }
}

async function main(): Promise<void> {
  const settings = readSettings()
  if (settings === null) return console.log(HELP)
  const processor = cpus()[0]?.model ?? 'unknown processor'
  console.log(
    `${cpus().length} × ${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}`,
  )
  console.log('The clients run on the same machine.')
  const targets = await openTargets(settings)
  console.log('\nDurability:')
  for (const { name, client, durability } of targets)
    if (!settings.isPgbenchOnly || client === 'pgbench') console.log(`  ${name}: ${durability}`)
  for (const workload of settings.workloads)
    printRows(workload, await measureWorkload(workload, targets, settings))
  await Promise.all(targets.map((target) => target.close()))
}

if (import.meta.main) await main()
