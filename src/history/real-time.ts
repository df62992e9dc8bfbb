/** Which transaction was answered before which was asked: edges of a dependency graph, no more of them than are needed. */

import type { DependencyEdges } from './dependency-graph.ts'
import type { ListHistory } from './list-history.ts'

/** Sweeps over calls and returns. In front are those that have returned, and that no other one in front comes after. */
export function addRealTime(edges: DependencyEdges, history: ListHistory): void {
  /** Of those that are asked and not answered: what was in front when they were asked. */
  const before = new Map<number, readonly number[]>()
  let front: readonly number[] = []
  for (const event of eventsOf(history)) {
    const transaction = event >> 1
    if (isCall(event)) {
      for (const earlier of front) edges.add(earlier, transaction, 'realtime')
      if (history.isOk(transaction)) before.set(transaction, front)
    } else {
      const implied = before.get(transaction) ?? []
      before.delete(transaction)
      front = [...front.filter((earlier) => !implied.includes(earlier)), transaction]
    }
  }
}

function isCall(event: number): boolean {
  return (event & 1) === 0
}

/** A call is twice the number of its transaction, a return is one more; in the order of time, and of numbers where that is the same. */
function eventsOf(history: ListHistory): number[] {
  const events: number[] = []
  for (let transaction = 0; transaction < history.length; transaction++) {
    if (history.outcome(transaction) !== 'fail') events.push(2 * transaction)
    if (history.isOk(transaction) && !Number.isNaN(history.completedAt(transaction)))
      events.push(2 * transaction + 1)
  }
  const at = (event: number): number =>
    isCall(event) ? history.invokedAt(event >> 1) : history.completedAt(event >> 1)
  return events.sort((left, right) => at(left) - at(right) || left - right)
}
