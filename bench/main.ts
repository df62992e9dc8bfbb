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
  --workload NAME  only this one: ${WORKLOADS.map((workload) => workload.name).join(', ')}
`

interface Settings {
  readonly seconds: number
  readonly rounds: number
  readonly clients: readonly number[]
  readonly workloads: readonly Workload[]
}

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
  const workloads = WORKLOADS.filter(
    (workload) => values.workload === undefined || workload.name === values.workload,
  )
  if (workloads.length === 0) throw new Error(`There is no workload ${values.workload}`)
  return {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    clients: values.clients.split(',').map(Number),
    workloads,
  }
}

async function openTargets(): Promise<readonly Target[]> {
  const candidates: TargetResult[] = [
    ...(await harmonyTargets()),
    await postgresTarget(),
    betterSqlite3Target(),
    nodeSqliteTarget(),
  ]
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
}

/** All targets in turn, round by round (A B C A B C), so that a drift of the machine's speed meets all alike. */
async function measureWorkload(
  workload: Workload,
  targets: readonly Target[],
  settings: Settings,
): Promise<Row[]> {
  const rows: Row[] = settings.clients.flatMap((clients, index) =>
    targets
      .filter((target) => target.isConcurrent || index === 0)
      .map((target) => ({ target, clients: target.isConcurrent ? clients : 1, rounds: [] })),
  )
  for (let round = 0; round < settings.rounds; round += 1) {
    for (const row of rows) {
      process.stderr.write(
        `\r\u001B[K${workload.name} round ${round + 1}/${settings.rounds}: ${row.target.name}, ${row.clients}`,
      )
      row.rounds.push(
        await row.target.run({ workload: workload.name, clients: row.clients, seconds: settings.seconds }),
      )
    }
  }
  process.stderr.write('\r\u001B[K')
  return rows
}

function printRows(workload: Workload, rows: readonly Row[]): void {
  console.log(`\n${workload.title}`)
  console.log(
    `  ${'target'.padEnd(36)} ${'clients'.padStart(7)} ${'per second'.padStart(12)} ${'p50 ms'.padStart(9)} ${'p99 ms'.padStart(9)} ${'p99.9 ms'.padStart(9)}  HarmonyDB HTTP is`,
  )
  for (const row of rows) {
    const median = medianRound(row.rounds)
    const baseline = rows.find((other) => other.clients === row.clients)
    const ratio =
      baseline === undefined
        ? ''
        : `${(medianRound(baseline.rounds).perSecond / median.perSecond).toFixed(2)} times this`
    const figures = [median.p50Ms, median.p99Ms, median.p999Ms]
      .map((value) => value.toFixed(3).padStart(9))
      .join(' ')
    const perSecond = Math.round(median.perSecond).toLocaleString('en').padStart(12)
    console.log(
      `  ${row.target.name.padEnd(36)} ${String(row.clients).padStart(7)} ${perSecond} ${figures}  ${row === baseline ? '' : ratio}`,
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
  const targets = await openTargets()
  console.log('\nDurability:')
  for (const target of targets) console.log(`  ${target.name}: ${target.durability}`)
  for (const workload of settings.workloads)
    printRows(workload, await measureWorkload(workload, targets, settings))
  await Promise.all(targets.map((target) => target.close()))
}

if (import.meta.main) await main()
