/** A system under test: HarmonyDB over one protocol, or a peer. */

import type { RoundResult } from '../harness/latency.ts'
import type { WorkloadName } from '../workloads.ts'

export interface Round {
  readonly workload: WorkloadName
  readonly clients: number
  readonly seconds: number
}

export interface Target {
  readonly name: string
  /** Printed beside the figures: what "durable" means here. */
  readonly durability: string
  /** False where the number of clients means nothing (a library called synchronously). */
  readonly isConcurrent: boolean
  /** Which load generator measures it. */
  readonly client: 'pgbench' | 'load process' | 'in process'
  supports(workload: WorkloadName): boolean
  /** Processor time that its processes have used so far; null where that can't be told apart from the client's. */
  processorSeconds(): number | null
  run(round: Round): Promise<RoundResult>
  close(): Promise<void>
}

/** A target, or the reason why it can't be measured on this machine. */
export type TargetResult = Target | { readonly unavailable: string }
