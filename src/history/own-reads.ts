/** A transaction reads its own appends, and the same list twice. What it takes for that is in the transaction itself. */

import type { Anomaly } from './anomaly.ts'
import type { ListHistory } from './list-history.ts'
import { describeList } from './list-transactions.ts'

interface Known {
  /** Whether the whole list was read, or only what was appended since is known. */
  readonly isWhole: boolean
  readonly elements: number[]
}

/** The first one, or nothing. */
export function internalAnomaly(history: ListHistory, transaction: number): Anomaly[] {
  const [first, end] = history.stepsOf(transaction)
  // Most transactions touch each list once: nothing to compare, nothing to keep.
  if (!history.isOk(transaction) || end - first < 2) return []
  const own = new Map<number, Known>()
  for (let step = first; step < end; step++) {
    const key = history.keyOfStep(step)
    const known = own.get(key) ?? { isWhole: false, elements: [] }
    const appended = history.appendedBy(step)
    const read = history.readBy(step)
    if (appended !== null) known.elements.push(appended)
    if (read === null) {
      own.set(key, known)
      continue
    }
    const from = known.isWhole ? 0 : read.length - known.elements.length
    const list = read.elements.slice(0, read.length)
    const isExpected = from >= 0 && list.length - from === known.elements.length
    if (!isExpected || known.elements.some((element, at) => element !== list[from + at])) {
      const expected = known.elements.map((element) => history.elementText(element))
      const text = `read ${history.keyText(key)} as ${describeList(history.texts(read))} after ${describeList(expected)}`
      return [{ kind: 'internal', text, transactions: [history.transaction(transaction)], cycle: [] }]
    }
    own.set(key, { isWhole: true, elements: list })
  }
  return []
}
