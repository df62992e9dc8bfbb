/** What a run of the stress test found, as plain data: it is written as JSON, and shown by `report.ts`. */

import type { StressOptions } from './options.ts'
import type { ProcessUsage } from './processes.ts'

export interface LatencyRow {
  readonly phase: string
  readonly protocol: string
  readonly operation: string
  readonly count: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** Once a second. */
export interface Moment {
  readonly atSeconds: number
  readonly phase: string
  readonly connected: number
  readonly donePerSecond: number
  readonly waiting: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU seconds in this second, of all processes of the members, and of all load processes. */
  readonly memberCpu: number
  readonly loadCpu: number
  /** Private memory of the members' processes together. */
  readonly memberBytes: number
}

export interface PhaseTotals {
  readonly phase: string
  readonly seconds: number
  readonly intendedPerSecond: number
  readonly donePerSecond: number
  readonly dropped: number
  readonly errors: number
}

export interface StressResult {
  readonly options: StressOptions
  readonly startedAt: string
  readonly machine: {
    readonly cores: number
    readonly model: string
    readonly memoryBytes: number
    readonly kernel: string
    readonly node: string
    readonly openFilesMax: string
  }
  readonly version: string
  readonly loadProcesses: number
  readonly connectSeconds: number
  readonly phases: readonly PhaseTotals[]
  readonly latencies: readonly LatencyRow[]
  readonly moments: readonly Moment[]
  /** Of every process: before anyone connected, with all connected and nobody acting, at the end of the steady phase. */
  readonly usage: {
    readonly before: readonly ProcessUsage[]
    readonly idle: readonly ProcessUsage[]
    readonly steadyStart: readonly ProcessUsage[]
    readonly steadyEnd: readonly ProcessUsage[]
  }
  readonly failure: {
    readonly killed: string
    readonly connectionsLost: number
    /** From the kill until all users were connected again. Null: not within the phase. */
    readonly reconnectedSeconds: number | null
    /** From the kill until the first second in which the rate was reached again and p99 was under a second. Null: not within the phase. */
    readonly recoveredSeconds: number | null
  }
  readonly writes: {
    readonly acknowledged: number
    /** Of unknown outcome: their connection or their leader ended before the answer. */
    readonly unknown: number
    readonly unknownApplied: number
    /** Acknowledged, and not there at the end. */
    readonly lost: number
    readonly duplicates: number
    /** There, and never written by anyone. */
    readonly invented: number
    /** What each surviving member has; all the same. */
    readonly postsByMember: readonly number[]
    /** Threads whose counter differs from the number of their posts. */
    readonly wrongCounters: number
  }
  readonly errors: readonly { readonly phase: string; readonly message: string; readonly count: number }[]
  /** What was wrong; empty for a run that shows what it should. */
  readonly problems: readonly string[]
}
