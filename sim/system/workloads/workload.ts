/** What clients do in a run, and what must be true of it afterwards. */

import type { SqlValue } from '../../../src/base/value.ts'

export interface WorkloadCounts {
  ok: number
  refused: number
  unknown: number
}

/** The content of a database when everything is at rest. */
export interface FinalContent {
  rows(sql: string): SqlValue[][]
}

export interface Workload {
  readonly name: string
  readonly counts: WorkloadCounts
  /** Requests begin. */
  start(): void
  /** No new ones begin. */
  stop(): void
  /** None is under way. */
  readonly isDone: boolean
  /** Throws a Violation. `final` is what every replica has. */
  check(final: FinalContent): void
}

export function newCounts(): WorkloadCounts {
  return { ok: 0, refused: 0, unknown: 0 }
}
