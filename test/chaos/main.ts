/**
 * `npm run chaos`: four real members, one of them inside an application, clients of every protocol, and one fault after another. Then everything is
 * healed, everything is read at every member, and the histories are checked: transactions on lists for strict serializability, registers for
 * linearizability. Exit code 1 if anything acknowledged is missing or impossible.
 *
 * As root on Linux each member has a network and a disk of its own, which can be cut and filled. Otherwise these faults are left out.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../../sim/random.ts'
import { knownNames, OptionError, positiveNumber, runTool, seedNumber } from '../../sim/command-line.ts'
import { verdictText } from '../../src/history/verdict-text.ts'
import { freeBasePort } from '../cluster/cluster.ts'
import { query } from '../cluster/load.ts'
import { chosenFaults, faultList } from './choice.ts'
import { SETUP } from './clients.ts'
import type { Fault, Stage } from './faults.ts'
import { FAULTS, untilWhole } from './faults.ts'
import { Members } from './members.ts'
import { Namespaces } from './namespaces.ts'
import { Recorder } from './recorder.ts'
import type { Band, LeaderChange } from './report.ts'
import { reportHtml } from './report.ts'
import { compareReplicas } from './replicas.ts'
import { Workload } from './workload.ts'

const MEMBERS = 4
const WATCH_MS = 200
const COMPLAINTS_SHOWN = 10

const SEEDS_BELOW = 1e9

const USAGE = `usage: npm run chaos -- [options]

Four members, clients of every protocol, one fault after another; then the clients' history is checked.

  --minutes M     how long faults come (default 5)
  --rate N        operations a second of all clients together (default 150)
  --seed S        draws the same faults in the same order (default: a fresh one, printed)
  --only A,B      only these faults
  --report FILE   the page about the run (default chaos-report.html)
  --keep FOLDER   where histories and logs of the members stay (default: a temporary folder, kept only if something is wrong)
  --list          names all faults, and what they need where that is not everywhere
  --help

Ctrl+C ends the faults early; what was done until then is checked. Exit code 0: nothing acknowledged was lost, and no answer was impossible.
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      rate: { type: 'string', default: '150' },
      seed: { type: 'string' },
      only: { type: 'string' },
      report: { type: 'string', default: 'chaos-report.html' },
      keep: { type: 'string' },
      list: { type: 'boolean' },
    },
  })
  if (values.list === true) {
    process.stdout.write(faultList())
    return 0
  }
  const names = FAULTS.map(({ name }) => name)
  const asked = {
    seed: seedNumber(values.seed, SEEDS_BELOW),
    minutes: positiveNumber('minutes', values.minutes),
    rate: positiveNumber('rate', values.rate),
    only: values.only === undefined ? null : knownNames('only', values.only, names),
    report: values.report,
  }
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'harmonydb-chaos-'))
  mkdirSync(folder, { recursive: true })
  const isFine = await chaos({ folder, ...asked }).catch((error: unknown) => {
    if (error instanceof OptionError && values.keep === undefined) rmSync(folder, { recursive: true })
    throw error
  })
  console.log(`report: ${values.report}`)
  if (isFine && values.keep === undefined)
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  else console.log(`histories, and logs of the members: ${folder}`)
  return isFine ? 0 : 1
}

interface RunOptions {
  readonly folder: string
  readonly seed: number
  readonly minutes: number
  /** Operations a second. */
  readonly rate: number
  /** Names of faults; null for all that are possible here. */
  readonly only: readonly string[] | null
  readonly report: string
}

async function chaos({ folder, seed, minutes, rate, only, report }: RunOptions): Promise<boolean> {
  using network = Namespaces.create(MEMBERS)
  await using members = new Members(folder, MEMBERS, await freeBasePort(MEMBERS), network)
  const stage: Stage = { members, network, random: new Random(seed) }
  const faults = chosenFaults(stage, only)
  console.log(`chaos for ${minutes} minutes, seed ${seed}`)
  console.log(`faults: ${faults.map(({ name }) => name).join(', ')}`)
  const run = new ChaosRun(stage, folder, seed, rate)
  const startedAt = new Date()
  process.once('SIGINT', () => run.endEarly())
  const failures = await run.run(faults, minutes * 60_000)
  writeFileSync(report, run.html(startedAt, failures))
  for (const failure of failures) console.error(failure)
  return failures.length === 0
}

class ChaosRun {
  readonly #stage: Stage
  readonly #seed: number
  readonly #startMs = performance.now()
  readonly #lists: Recorder
  readonly #registers: Recorder
  readonly #bands: Band[] = []
  readonly #leaders: LeaderChange[] = []
  readonly #rate: number
  #endMs = Infinity
  /** Of the time in which faults came. */
  #lastedMs = 0
  #isOver = false
  #verdicts: readonly string[] = []

  constructor(stage: Stage, folder: string, seed: number, rate: number) {
    this.#stage = stage
    this.#seed = seed
    this.#rate = rate
    this.#lists = new Recorder(join(folder, 'lists.ndjson'), this.#startMs)
    this.#registers = new Recorder(join(folder, 'registers.ndjson'), this.#startMs)
  }

  /** After the fault under way. */
  endEarly(): void {
    this.#endMs = 0
  }

  /** What went wrong; empty if nothing did. */
  async run(faults: readonly Fault[], durationMs: number): Promise<string[]> {
    const { members } = this.#stage
    for (const index of members.indexes) members.start(index)
    await untilWhole(members)
    for (const sql of SETUP) await query(members.url(0), sql)
    const places = members.indexes.map((index) => members.place(index))
    const workload = new Workload({ lists: this.#lists, registers: this.#registers }, this.#seed, this.#rate)
    workload.start(places, (call) => members.ask(call))
    const watching = this.#watchLeaders()
    const failures: string[] = []
    const fromMs = performance.now()
    try {
      this.#endMs = Math.min(this.#endMs, fromMs + durationMs)
      while (performance.now() < this.#endMs) await this.#fault(this.#stage.random.pick(faults))
    } catch (error) {
      failures.push((error as Error).message)
    }
    this.#lastedMs = performance.now() - fromMs
    console.log(`${this.#clock()} the clients stop`)
    await workload.stop()
    this.#isOver = true
    await watching
    // A cluster that does not come back can't be read once more; what its clients saw until then can be judged.
    if (failures.length > 0) return [...failures, ...(await this.#check())]
    console.log(`${this.#clock()} everything is read, at every member`)
    await workload.readAll(places)
    const complaints = members.complaints.slice(0, COMPLAINTS_SHOWN)
    return [...complaints, ...(await compareReplicas(members)), ...(await this.#check())]
  }

  html(startedAt: Date, failures: readonly string[]): string {
    return reportHtml({
      seed: this.#seed,
      startedAt,
      minutes: Math.round(this.#lastedMs / 6_000) / 10,
      commit: commitOf(import.meta.dirname),
      rate: this.#rate,
      moments: [...this.#lists.moments, ...this.#registers.moments],
      bands: this.#bands,
      leaders: this.#leaders,
      verdicts: this.#verdicts,
      failures,
    })
  }

  async #fault(fault: Fault): Promise<void> {
    const { members, random } = this.#stage
    await sleep(random.integer(500, 4_000))
    const victims = random.shuffled(members.indexes)
    const leader = await members.leader()
    if (leader !== null && random.integer(0, 1) === 0)
      victims.sort((left, right) => Number(right === leader.index) - Number(left === leader.index))
    const fromMs = this.#elapsedMs
    const { what, end } = await fault.begin(this.#stage, victims)
    await sleep(random.integer(...fault.lastsMs))
    await end()
    const healedMs = this.#elapsedMs
    await untilWhole(members)
    this.#bands.push({ name: fault.name, what, fromMs, healedMs, wholeMs: this.#elapsedMs })
    const counts = this.#lists.moments.length + this.#registers.moments.length
    const recovery = ((this.#elapsedMs - healedMs) / 1000).toFixed(1)
    console.log(
      `${this.#clock()} ${what}, for ${seconds(healedMs - fromMs)}; whole again after ${recovery} s; ${counts} operations`,
    )
  }

  async #watchLeaders(): Promise<void> {
    while (!this.#isOver) {
      const found = await this.#stage.members.leader()
      const last = this.#leaders.at(-1)
      if (found !== null && (last === undefined || found.term > last.term))
        this.#leaders.push({ atMs: this.#elapsedMs, member: found.index, term: found.term })
      await sleep(WATCH_MS)
    }
  }

  async #check(): Promise<string[]> {
    const verdicts = [await this.#lists.end(), await this.#registers.end()]
    this.#verdicts = verdicts.map(verdictText)
    for (const text of this.#verdicts) console.log(`\n${text}`)
    return verdicts.flatMap(({ findings }, at) => (findings.length === 0 ? [] : [this.#verdicts[at] ?? '']))
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  #clock(): string {
    const all = Math.floor(this.#elapsedMs / 1000)
    return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`
  }
}

/** Empty outside of a repository. */
function commitOf(folder: string): string {
  const git = (...args: readonly string[]): string =>
    spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).stdout?.trim() ?? ''
  const commit = git('rev-parse', '--short=12', 'HEAD')
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}, with changes`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

process.exitCode = await runTool(USAGE, main)
