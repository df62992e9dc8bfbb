/** What kind of history it is, and what is wrong with it. */

import type { Anomaly } from './anomaly.ts'
import { checkLists } from './check-lists.ts'
import type { RegisterFinding } from './check-registers.ts'
import { checkRegisters } from './check-registers.ts'
import type { HistoryOperation } from './history-file.ts'
import { HistoryFormatError } from './history-file.ts'
import { toTransactions } from './list-transactions.ts'

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
export function checkHistory(operations: readonly HistoryOperation[]): HistoryVerdict {
  const [first] = operations
  if (first === undefined) throw new HistoryFormatError(1, 'an empty history')
  if (first.f !== 'txn') {
    const keys = new Set(operations.map(({ key }) => key))
    return {
      model: 'registers',
      counts: countsOf(operations, keys.size),
      findings: checkRegisters(operations),
    }
  }
  const other = operations.find(({ f }) => f !== 'txn')
  if (other !== undefined)
    throw new HistoryFormatError(other.invokedAt, `"f" is ${JSON.stringify(other.f)} among txns`)
  const transactions = toTransactions(operations)
  const keys = new Set(transactions.flatMap(({ steps }) => steps.map(({ key }) => key)))
  return { model: 'lists', counts: countsOf(operations, keys.size), findings: checkLists(transactions) }
}

function countsOf(operations: readonly HistoryOperation[], keys: number): HistoryCounts {
  const count = (outcome: string): number => operations.filter((one) => one.outcome === outcome).length
  return {
    operations: operations.length,
    ok: count('ok'),
    fail: count('fail'),
    info: count('info'),
    processes: new Set(operations.map(({ process }) => process)).size,
    keys,
  }
}
