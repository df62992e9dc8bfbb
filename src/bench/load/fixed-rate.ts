/**
 * Open load: operations arrive at a fixed rate, whether earlier ones are answered or not, as users do. Latency counts from the moment at which an operation
 * was meant to start, so that a system that stalls is charged for everything that had to wait meanwhile (what Gil Tene calls
 * coordinated omission is left out of closed loops).
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadRun } from './load-run.ts'

/** Of arrivals that a timer may bring together. A timer's own delay counts as latency. */
const STEP_MS = 1
/** After the end of a round, for those that still wait. */
const DRAIN_MS = 10_000

/** Gives the number of operations that arrived in the window and were not answered at the end: above a few, the rate is more than the system can do. */
export async function runFixedRate(run: LoadRun, perSecond: number): Promise<number> {
  const arrivals = new Arrivals(run, perSecond)
  await Promise.all(run.clients.map((operate) => runClient(operate, arrivals, run)))
  const { measureFromMs, endMs } = run.window
  return Math.max(0, Math.floor(((endMs - measureFromMs) / 1000) * perSecond) - run.recorder.count)
}

class Arrivals {
  readonly #startMs = performance.now()
  readonly #intervalMs: number
  readonly #run: LoadRun
  #next = 0

  constructor(run: LoadRun, perSecond: number) {
    this.#run = run
    this.#intervalMs = 1000 / perSecond
  }

  /** When the next operation was or is meant to start; null after the last one. */
  take(): number | null {
    const { window } = this.#run
    const intendedMs = this.#startMs + Math.floor((this.#next * this.#intervalMs) / STEP_MS) * STEP_MS
    if (intendedMs >= window.endMs || performance.now() >= window.endMs + DRAIN_MS) return null
    this.#next++
    return intendedMs
  }
}

async function runClient(operate: () => Promise<void>, arrivals: Arrivals, run: LoadRun): Promise<void> {
  for (let intendedMs = arrivals.take(); intendedMs !== null; intendedMs = arrivals.take()) {
    const earlyMs = intendedMs - performance.now()
    if (earlyMs > 0) await sleep(earlyMs)
    await operate()
    if (intendedMs >= run.window.measureFromMs) run.recorder.record(performance.now() - intendedMs)
  }
}
