/** What kind of history it is, and what is wrong with it. */

import type { Anomaly } from './anomaly.ts'
import { checkListHistory } from './check-lists.ts'
import type { RegisterFinding } from './check-registers.ts'
import { checkRegisters } from './check-registers.ts'
import type { History, HistoryOperation, Outcome } from './history-file.ts'
import type { ListHistory } from './list-history.ts'

export interface HistoryCounts {
  readonly operations: number
  readonly ok: number
  readonly fail: number
  readonly info: number
  readonly processes: number
  /** Registers or lists. */
  readonly keys: number
}

export type HistoryVerdict =
  | {
      readonly model: 'registers'
      readonly counts: HistoryCounts
      readonly findings: readonly RegisterFinding[]
    }
  | { readonly model: 'lists'; readonly counts: HistoryCounts; readonly findings: readonly Anomaly[] }

/** Throws HistoryFormatError. */
export function checkHistory(history: History): HistoryVerdict {
  if (history.model === 'lists') {
    const { transactions } = history
    return { model: 'lists', counts: countsOfLists(transactions), findings: checkListHistory(transactions) }
  }
  const { operations } = history
  return { model: 'registers', counts: countsOf(operations), findings: checkRegisters(operations) }
}

function countsOf(operations: readonly HistoryOperation[]): HistoryCounts {
  return {
    operations: operations.length,
    ...outcomesOf(operations.length, (at) => operations[at]?.outcome),
    processes: new Set(operations.map(({ process }) => process)).size,
    keys: new Set(operations.map(({ key }) => key)).size,
  }
}

function countsOfLists(history: ListHistory): HistoryCounts {
  return {
    operations: history.length,
    ...outcomesOf(history.length, (at) => history.outcome(at)),
    processes: history.processCount,
    keys: history.keyCount,
  }
}

function outcomesOf(
  length: number,
  outcomeOf: (at: number) => Outcome | undefined,
): Readonly<Record<Outcome, number>> {
  const counts = { ok: 0, fail: 0, info: 0 }
  for (let at = 0; at < length; at++) counts[outcomeOf(at) ?? 'info']++
  return counts
}
