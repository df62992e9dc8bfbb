/** What is seen once a second while the stress test runs: for its plots, and for whoever watches. */

import { setTimeout as pause } from 'node:timers/promises'
import type { LoadProcesses } from './load-processes.ts'
import { usageOf } from './processes.ts'
import type { Moment, PhaseTotals } from './result.ts'

const INTERVAL_MS = 1_000

interface Seen {
  readonly atMs: number
  readonly done: number
  readonly memberCpu: ReadonlyMap<number, number>
  readonly loadCpu: ReadonlyMap<number, number>
}

export class MomentRecorder {
  readonly moments: Moment[] = []
  readonly #load: LoadProcesses
  readonly #members: () => { name: string; pid: number }[]
  readonly #tell: (line: string) => void
  readonly #startMs = performance.now()
  #last: Seen

  constructor(
    load: LoadProcesses,
    members: () => { name: string; pid: number }[],
    tell: (line: string) => void,
  ) {
    this.#load = load
    this.#members = members
    this.#tell = tell
    this.#last = this.#look().seen
  }

  get nowSeconds(): number {
    return (performance.now() - this.#startMs) / 1000
  }

  /** `rate`: acts that are intended a second. */
  async phase(name: string, seconds: number, rate: number): Promise<PhaseTotals> {
    this.#load.phase(name)
    const startMs = performance.now()
    const before = this.#load.progress()
    while (performance.now() - startMs < seconds * 1000) await this.record(name)
    const after = this.#load.progress()
    const took = (performance.now() - startMs) / 1000
    return {
      phase: name,
      seconds: took,
      intendedPerSecond: rate,
      donePerSecond: (after.done - before.done) / took,
      dropped: after.dropped - before.dropped,
      errors: after.failed - before.failed,
    }
  }

  /** Takes a second. */
  async record(phase: string): Promise<void> {
    await pause(INTERVAL_MS)
    const { seen, memberBytes } = this.#look()
    const last = this.#last
    this.#last = seen
    const { connected, waiting, dropped, failed } = this.#load.progress()
    const latencies = this.#load.takeRecent()
    const seconds = (seen.atMs - last.atMs) / 1000
    const moment: Moment = {
      atSeconds: this.nowSeconds,
      phase,
      connected,
      donePerSecond: Math.max(0, seen.done - last.done) / seconds,
      waiting,
      p50Ms: latencies.percentile(50),
      p99Ms: latencies.percentile(99),
      memberCpu: growth(last.memberCpu, seen.memberCpu) / seconds,
      loadCpu: growth(last.loadCpu, seen.loadCpu) / seconds,
      memberBytes,
    }
    this.moments.push(moment)
    this.#tell(lineOf(moment, dropped, failed))
  }

  #look(): { seen: Seen; memberBytes: number } {
    const members = usageOf(this.#members())
    const load = usageOf(this.#load.processes)
    return {
      seen: {
        atMs: performance.now(),
        done: this.#load.progress().done,
        memberCpu: cpuOf(members),
        loadCpu: cpuOf(load),
      },
      memberBytes: members.reduce((sum, { privateBytes }) => sum + privateBytes, 0),
    }
  }
}

function cpuOf(all: readonly { readonly pid: number; readonly cpuSeconds: number }[]): Map<number, number> {
  return new Map(all.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]))
}

/** Of processes that were there both times, and all of those that came. */
function growth(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, seconds]) => sum + seconds - (before.get(pid) ?? 0), 0)
}

function lineOf(moment: Moment, dropped: number, failed: number): string {
  const { atSeconds, phase, connected, donePerSecond, p50Ms, p99Ms, memberCpu, memberBytes } = moment
  const parts = [
    `${atSeconds.toFixed(0).padStart(4)} s`,
    phase.padEnd(10),
    `${connected.toLocaleString('en')} connected`,
    `${Math.round(donePerSecond).toLocaleString('en')} acts/s`,
    `p50 ${p50Ms.toFixed(1)} ms`,
    `p99 ${p99Ms.toFixed(0)} ms`,
    `members ${memberCpu.toFixed(2)} cores, ${(memberBytes / 2 ** 20).toFixed(0)} MiB`,
    `dropped ${dropped}`,
    `errors ${failed}`,
  ]
  return `\r${parts.join('  ')}   `
}
