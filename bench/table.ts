/**
 * `npm run bench:table`: where we want to be beside other databases, row by row: the ratio, the goal, whether it is met. Takes some ten minutes on a quiet
 * machine; on a busy one its answers mean little. `--rows 1,3` runs only those, `--json FILE` keeps every round.
 */

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Progress } from '../src/bench/report/progress.ts'
import { ratioOf, type Report } from '../src/bench/report/results.ts'
import { alignColumns, reportText } from '../src/bench/report/terminal.ts'
import { runBenchmarks } from '../src/bench/run.ts'
import { workloadNamed } from '../src/bench/workloads/all.ts'

const SECONDS = 4
const ROUNDS = 5

/** A row that the harness measures: the rate of `own` as a multiple of that of `peer`. */
interface MeasuredRow {
  readonly title: string
  readonly workload: string
  readonly own: string
  readonly peer: string
  readonly clients: readonly number[]
  readonly goal: number
}

/** A row that a script of its own measures, and says itself what came out. */
interface ScriptRow {
  readonly title: string
  readonly goal: string
  readonly script: string
  readonly args: readonly string[]
}

const ROWS: readonly (MeasuredRow | ScriptRow)[] = [
  {
    title: 'PostgreSQL-protocol point reads, pgbench -S -M prepared',
    workload: 'pgbench-reads',
    own: '1-pg',
    peer: 'postgres',
    clients: [16],
    goal: 1.2,
  },
  {
    title: 'one member, durable single-row writes',
    workload: 'pgbench-inserts',
    own: '1-pg',
    peer: 'postgres',
    clients: [16, 256],
    goal: 2,
  },
  {
    title: 'three members, durable replicated single-row writes',
    workload: 'durable-inserts',
    own: '3-pg',
    peer: 'etcd-3',
    clients: [256, 1000],
    goal: 3,
  },
  {
    title: 'three members, durable replicated single-row writes',
    workload: 'durable-inserts',
    own: '3-pg',
    peer: 'rqlite-3',
    clients: [256, 1000],
    goal: 10,
  },
  {
    title: 'linearizable point reads over three members, all asked',
    workload: 'point-reads',
    own: '3-pg',
    peer: 'etcd-3',
    clients: [256],
    goal: 3,
  },
  {
    title: 'embedded point reads',
    goal: '2 times better-sqlite3 autocommit, 1 time lmdb decoded',
    script: 'embed.ts',
    args: ['--reads'],
  },
  {
    title: 'one slow full scan in a loop beside point reads of others',
    goal: 'p99 of the point reads less than doubled',
    script: 'slow-scan.ts',
    args: [],
  },
  {
    title: 'memory of 25,000 idle connections',
    goal: 'under 250 MB more',
    script: 'idle-connections.ts',
    args: ['--connections', '25000'],
  },
  {
    title: 'cost of a write as the table grows',
    goal: 'grows with the depth of the B+ tree only',
    script: 'growth.ts',
    args: ['--rows-max', '10000000'],
  },
  {
    title: 'PostgreSQL-protocol point reads, pgbench -S -M prepared --jobs=2',
    workload: 'pgbench-reads-2-threads',
    own: '1-pg',
    peer: 'postgres',
    clients: [16],
    goal: 1.2,
  },
]

async function measure(row: MeasuredRow): Promise<Report> {
  const workload = workloadNamed(row.workload)
  if (workload === undefined) throw new Error(`There is no workload ${row.workload}`)
  return runBenchmarks(
    {
      workloads: [workload],
      targets: [row.own, row.peer],
      clients: row.clients,
      seconds: SECONDS,
      rounds: ROUNDS,
      scale: 1,
      ratePerSecond: null,
      peersFolder: join(import.meta.dirname, 'peers'),
    },
    new Progress(process.stderr),
  )
}

/** One line for each number of clients: row, clients, ratio, goal, verdict. */
function verdicts(row: MeasuredRow, { workloads, leftOut }: Report): readonly (readonly string[])[] {
  const head = (clients: number): readonly string[] => [row.title, String(clients), `${row.peer}:`]
  const goal = `${row.goal} ×`
  return row.clients.map((clients) => {
    const measurements = workloads[0]?.groups.find((group) => group.clients === clients)?.measurements
    const own = measurements?.find(({ target }) => target === row.own)
    const peer = measurements?.find(({ target }) => target === row.peer)
    if (own === undefined || peer === undefined)
      return [...head(clients), '–', goal, leftOut[0]?.reason ?? 'not measured']
    const ratio = ratioOf(own, peer, false)
    return [...head(clients), `${ratio.toFixed(2)} ×`, goal, ratio >= row.goal ? 'met' : 'NOT MET']
  })
}

function runScript({ title, goal, script, args }: ScriptRow): Promise<void> {
  const path = join(import.meta.dirname, script)
  console.log(`\n${title}; goal: ${goal}`)
  if (!existsSync(path)) return Promise.resolve(console.log(`  ${script} is not there`))
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('exit', () => resolve())
  })
}

const { values } = parseArgs({ options: { rows: { type: 'string' }, json: { type: 'string' } } })
const chosen = values.rows?.split(',').map(Number) ?? ROWS.map((_, at) => at + 1)
const lines: (readonly string[])[] = [['clients', 'row', '', 'ratio', 'goal', '']]
const reports: Report[] = []
for (const [at, row] of ROWS.entries()) {
  if (!chosen.includes(at + 1)) continue
  if ('script' in row) {
    await runScript(row)
    continue
  }
  const report = await measure(row)
  reports.push(report)
  console.log(`\n${reportText(report, row.peer)}`)
  for (const [title = '', clients = '', ...rest] of verdicts(row, report))
    lines.push([clients, title, ...rest])
}
console.log(`\n${alignColumns(lines).join('\n')}`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, null, 2)}\n`)
process.exit()
