/** Who makes the load of one workload on one target: a load process of ours, or another program. */

import type { TargetProcess } from '../target.ts'
import type { Latencies } from './latency.ts'
import type { ProcessUsage } from './usage.ts'

export interface RoundOrder {
  readonly clients: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Operations that arrive each second, of all clients; null for a closed loop. */
  readonly ratePerSecond: number | null
}

export interface RoundResult extends Latencies {
  readonly operations: number
  readonly perSecond: number
  /** Transactions that were run again after a conflict. */
  readonly retries: number
  /** At a fixed rate: those that arrived and were not answered. */
  readonly unanswered: number
  /** Of the system's processes, while it was measured; null where the machine does not tell. */
  readonly servers: readonly ProcessUsage[] | null
  /** Of the process that made the load; null where that is the system itself. */
  readonly client: ProcessUsage | null
}

export interface Loader {
  /** Makes tables and rows. */
  load(): Promise<void>
  round(order: RoundOrder): Promise<RoundResult>
  /** What does not hold after the last round. */
  check(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface LoaderOptions {
  readonly scale: number
  readonly processes: readonly TargetProcess[]
}
