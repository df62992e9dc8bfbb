/** A run: all targets in turn, round by round (A B C A B C), so that a drift of the machine's speed meets all alike. */

import { cpus, totalmem } from 'node:os'
import { LoadProcess } from './load/load-process.ts'
import type { Loader, RoundOrder } from './load/loader.ts'
import { findPgbench, Pgbench } from './load/pgbench.ts'
import type { Progress } from './report/progress.ts'
import type { Group, Measurement, Report, ReportedWorkload } from './report/results.ts'
import type { Target } from './target.ts'
import { Systems, TARGETS } from './targets/all.ts'
import type { Workload } from './workload.ts'

const WARM_UP_SHARE = 0.25
/** That a target is opened, and that a table is loaded, in seconds of measuring: for the progress bar alone. */
const OPENING_WEIGHT = 3

export interface RunSettings {
  readonly workloads: readonly Workload[]
  /** By name. */
  readonly targets: readonly string[]
  readonly clients: readonly number[]
  readonly seconds: number
  readonly rounds: number
  readonly scale: number
  readonly ratePerSecond: number | null
  /** From where peers that are npm packages are looked for. */
  readonly peersFolder: string
}

/** Rejects only if nothing can be measured; what fails on one target is in the report. */
export async function runBenchmarks(settings: RunSettings, progress: Progress): Promise<Report> {
  const leftOut: { target: string; reason: string }[] = []
  const targets: Target[] = []
  progress.expect(workOf(settings))
  try {
    await openTargets(settings, targets, leftOut, progress)
    const workloads: ReportedWorkload[] = []
    for (const workload of settings.workloads)
      workloads.push(await new WorkloadRun(workload, targets, settings, progress).run())
    return {
      format: 1,
      takenAt: new Date().toISOString(),
      machine: {
        processors: cpus().length,
        processor: cpus()[0]?.model.trim() ?? 'unknown processor',
        memoryBytes: totalmem(),
        node: process.version,
      },
      settings: {
        seconds: settings.seconds,
        warmUpSeconds: settings.seconds * WARM_UP_SHARE,
        rounds: settings.rounds,
        scale: settings.scale,
        ratePerSecond: settings.ratePerSecond,
      },
      targets: targets.map(({ name, title, isOurs, durability }) => ({ name, title, isOurs, durability })),
      leftOut,
      workloads,
    }
  } finally {
    progress.end()
    for (const target of targets) await target.close()
  }
}

function roundSeconds({ seconds }: RunSettings): number {
  return seconds * (1 + WARM_UP_SHARE)
}

function workOf(settings: RunSettings): number {
  const { targets, workloads, clients, rounds } = settings
  const perWorkload = OPENING_WEIGHT + clients.length * rounds * roundSeconds(settings)
  return targets.length * (OPENING_WEIGHT + workloads.length * perWorkload)
}

async function openTargets(
  { targets: names, peersFolder }: RunSettings,
  opened: Target[],
  leftOut: { target: string; reason: string }[],
  progress: Progress,
): Promise<void> {
  const systems = new Systems(peersFolder)
  for (const name of names) {
    progress.step(`starting ${name}`, OPENING_WEIGHT)
    const kind = TARGETS.find((one) => one.name === name)
    if (kind === undefined) throw new Error(`There is no target ${name}`)
    try {
      opened.push(await kind.open(systems))
    } catch (error) {
      leftOut.push({ target: name, reason: messageOf(error) })
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

interface Runner {
  readonly target: Target
  readonly loader: Loader
  /** After a failure it takes no part any more. */
  hasFailed: boolean
}

class WorkloadRun {
  readonly #workload: Workload
  readonly #targets: readonly Target[]
  readonly #settings: RunSettings
  readonly #progress: Progress
  readonly #problems: { target: string; text: string }[] = []

  constructor(workload: Workload, targets: readonly Target[], settings: RunSettings, progress: Progress) {
    this.#workload = workload
    this.#targets = targets
    this.#settings = settings
    this.#progress = progress
  }

  async run(): Promise<ReportedWorkload> {
    const { name, title, summary } = this.#workload
    const runners = this.#openRunners()
    try {
      await this.#load(runners)
      const groups: Group[] = []
      for (const clients of this.#settings.clients) groups.push(await this.#measure(runners, clients))
      for (const runner of runners) await this.#attempt(runner, () => this.#check(runner))
      return { name, title, summary, groups, problems: this.#problems }
    } finally {
      for (const { loader } of runners) await loader.close()
    }
  }

  #openRunners(): Runner[] {
    const pgbench = findPgbench()
    return this.#targets.flatMap((target): Runner[] => {
      const loader = this.#loaderOf(target, pgbench)
      return loader === null ? [] : [{ target, loader, hasFailed: false }]
    })
  }

  /** Null if the target can't do the workload. */
  #loaderOf(target: Target, pgbench: string | null): Loader | null {
    const workload = this.#workload
    const { kind } = target.endpoint
    if (workload.needs === 'pgbench')
      return kind === 'postgres' && pgbench !== null ? new Pgbench(pgbench, target, workload) : null
    const isKeyValue = kind === 'etcd' || kind === 'lmdb'
    if (workload.needs === 'sql' && (isKeyValue || kind === 'rqlite')) return null
    return new LoadProcess({ target, workload: workload.name, scale: this.#settings.scale })
  }

  /** Once for those that share their tables. */
  async #load(runners: readonly Runner[]): Promise<void> {
    const loaded = new Set<string>()
    for (const runner of runners) {
      this.#progress.step(`${this.#workload.title}: loading ${runner.target.title}`, OPENING_WEIGHT)
      const where = JSON.stringify(runner.target.setUpAt)
      // pgbench's script is written with its tables.
      if (loaded.has(where) && this.#workload.needs !== 'pgbench') continue
      loaded.add(where)
      await this.#attempt(runner, () => runner.loader.load())
    }
  }

  async #measure(runners: readonly Runner[], clients: number): Promise<Group> {
    const { rounds, seconds, ratePerSecond } = this.#settings
    const measured = runners.map((runner) => ({ runner, rounds: [] as Measurement['rounds'][number][] }))
    const clientsOf = ({ target }: Runner): number => (target.isConcurrent ? clients : 1)
    for (let round = 1; round <= rounds; round++) {
      for (const { runner, rounds: results } of measured) {
        const what = `${this.#workload.title}, round ${round} of ${rounds}: ${runner.target.title}, ${clientsOf(runner)}`
        this.#progress.step(what, roundSeconds(this.#settings))
        if (runner.hasFailed) continue
        const order: RoundOrder = {
          clients: clientsOf(runner),
          seconds,
          warmUpSeconds: seconds * WARM_UP_SHARE,
          ratePerSecond,
        }
        await this.#attempt(runner, async () => void results.push(await runner.loader.round(order)))
      }
    }
    return {
      clients,
      measurements: measured.map(({ runner, rounds: results }) => ({
        target: runner.target.name,
        clients: clientsOf(runner),
        rounds: results,
      })),
    }
  }

  async #check(runner: Runner): Promise<void> {
    if (runner.hasFailed) return
    for (const text of await runner.loader.check()) this.#tell(runner, text)
  }

  async #attempt(runner: Runner, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      runner.hasFailed = true
      this.#tell(runner, messageOf(error))
    }
  }

  #tell({ target }: Runner, text: string): void {
    this.#problems.push({ target: target.name, text })
  }
}
