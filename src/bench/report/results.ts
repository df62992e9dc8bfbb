/** What a run found: the JSON of --json, and what the table and the page are made of. */

import type { RoundResult } from '../load/loader.ts'

export interface Report {
  readonly format: 1
  readonly takenAt: string
  readonly machine: Machine
  readonly settings: {
    readonly seconds: number
    readonly warmUpSeconds: number
    readonly rounds: number
    readonly scale: number
    readonly ratePerSecond: number | null
  }
  readonly targets: readonly ReportedTarget[]
  readonly leftOut: readonly { readonly target: string; readonly reason: string }[]
  readonly workloads: readonly ReportedWorkload[]
}

export interface Machine {
  readonly processors: number
  readonly processor: string
  readonly memoryBytes: number
  readonly node: string
}

export interface ReportedTarget {
  readonly name: string
  readonly title: string
  readonly isOurs: boolean
  readonly durability: string
}

export interface ReportedWorkload {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly groups: readonly Group[]
  /** By target: what did not hold after the rounds, or what failed. */
  readonly problems: readonly { readonly target: string; readonly text: string }[]
}

/** Targets measured in turn with the same number of clients. */
export interface Group {
  readonly clients: number
  readonly measurements: readonly Measurement[]
}

export interface Measurement {
  readonly target: string
  /** Fewer than `clients` of the group where the target can use only one. */
  readonly clients: number
  readonly rounds: readonly RoundResult[]
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/** The one whose rate is in the middle: what is quoted, because a noisy machine spoils means. */
export function medianRound(rounds: readonly RoundResult[]): RoundResult | null {
  const sorted = rounds.toSorted((a, b) => a.perSecond - b.perSecond)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}

/**
 * How many times as good `own` is: of rates, or at a fixed rate of the 99th percentiles of latency. The median of the ratios of single rounds, each beside its
 * neighbour in time, rather than the ratio of medians: a drift of the machine's speed meets both. NaN where one was not measured.
 */
export function ratioOf(own: Measurement, baseline: Measurement, isFixedRate: boolean): number {
  const ratios = own.rounds.flatMap((round, index) => {
    const other = baseline.rounds[index]
    if (other === undefined) return []
    return [isFixedRate ? other.p99Ms / round.p99Ms : round.perSecond / other.perSecond]
  })
  return median(ratios)
}

/** Processor time of all of the system's processes for one operation; NaN where it is not known. */
export function processorMicros(measurement: Measurement): number {
  return median(
    measurement.rounds.flatMap(({ servers, operations }) =>
      servers === null
        ? []
        : [(servers.reduce((sum, one) => sum + one.processorSeconds, 0) / operations) * 1e6],
    ),
  )
}

/** Of the load process; NaN where it is the system itself. */
export function clientMicros(measurement: Measurement): number {
  return median(
    measurement.rounds.flatMap(({ client, operations }) =>
      client === null ? [] : [(client.processorSeconds / operations) * 1e6],
    ),
  )
}

export function memoryBytes(measurement: Measurement): number {
  const last = measurement.rounds.at(-1)?.servers ?? null
  return last === null ? Number.NaN : last.reduce((sum, one) => sum + one.memoryBytes, 0)
}

/** Whom a group's ratios are to: the named target if it was measured, else the first peer, else the first of all. */
export function baselineOf(
  { measurements }: Group,
  targets: readonly ReportedTarget[],
  named: string | null,
): Measurement | null {
  const isPeer = ({ target }: Measurement): boolean =>
    targets.find(({ name }) => name === target)?.isOurs === false
  const measured = measurements.filter(({ rounds }) => rounds.length > 0)
  return measured.find(({ target }) => target === named) ?? measured.find(isPeer) ?? measured[0] ?? null
}
