/** One round of load, however its operations are timed. */

import type { LatencyRecorder } from './latency.ts'

export interface LoadRun {
  /** Each runs one operation after another. */
  readonly clients: readonly (() => Promise<void>)[]
  readonly recorder: LatencyRecorder
  readonly window: LoadWindow
}

/** By `performance.now()`. In a closed loop an operation counts that ends in it, whenever it began: a rate must not depend on how long operations take. */
export interface LoadWindow {
  readonly measureFromMs: number
  readonly endMs: number
}
