/**
 * Is a history of transactions on lists strictly serializable: is there one order of all of them in which each read finds what was appended
 * before it, and which respects real time? Instead of searching for the order, the dependencies between transactions are worked
 * out from the lists that were read, and a cycle among them is looked for (Kingsbury and Alvaro, "Elle", VLDB 2020): linear in
 * the length of the history, and the cycle itself is the explanation.
 */

import type { Anomaly, AnomalyKind } from './anomaly.ts'
import type { Edge, EdgeKind } from './dependency-graph.ts'
import { DependencyGraph } from './dependency-graph.ts'
import type { Append, ListOrder } from './list-order.ts'
import { externalReads, listOrders } from './list-order.ts'
import type { Transaction } from './list-transactions.ts'
import { describeList } from './list-transactions.ts'

const WW: ReadonlySet<EdgeKind> = new Set(['ww'])
const WR: ReadonlySet<EdgeKind> = new Set(['ww', 'wr'])
const RW: ReadonlySet<EdgeKind> = new Set(['ww', 'wr', 'rw'])

/** A history that is wrong all over has more circles than anyone wants to see: of so many edges the shortest is looked for. */
const STARTS_MAX = 1_000

/** Each kind, once: the first one is enough to know, and the shortest to understand. */
export function checkLists(transactions: readonly Transaction[]): Anomaly[] {
  const { orders, anomalies } = listOrders(transactions)
  const graph = new DependencyGraph()
  for (const order of orders.values()) addWrites(graph, order)
  for (const transaction of transactions) addReads(graph, transaction, orders)
  addRealTime(graph, transactions)
  const byNumber = new Map(transactions.map((transaction) => [transaction.number, transaction]))
  const cycles = findCycles(graph).map(({ kind, cycle }) => ({
    kind,
    cycle: cycle.map((edge) => ({ from: edge.from, to: edge.to, kind: edge.kind, reason: edge.why(edge) })),
    text: `${cycle.length} transactions in a circle`,
    transactions: cycle.flatMap(({ from }) => byNumber.get(from) ?? []),
  }))
  const all = [...transactions.flatMap(internalAnomaly), ...anomalies, ...cycles]
  const kinds = new Set<AnomalyKind>()
  return all.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind))
}

/** A transaction reads its own appends, and the same list twice. */
function internalAnomaly(transaction: Transaction): Anomaly[] {
  if (transaction.outcome !== 'ok') return []
  const own = new Map<string, string[]>()
  const whole = new Set<string>()
  for (const step of transaction.steps) {
    const known = own.get(step.key) ?? []
    if (step.kind === 'append') own.set(step.key, [...known, step.element])
    else if (step.list !== null) {
      const end = whole.has(step.key) ? step.list : step.list.slice(step.list.length - known.length)
      if (end.length !== known.length || end.some((element, at) => element !== known[at])) {
        const text = `read ${step.key} as ${describeList(step.list)} after ${describeList(known)}`
        return [{ kind: 'internal', text, transactions: [transaction], cycle: [] }]
      }
      own.set(step.key, [...step.list])
      whole.add(step.key)
    }
  }
  return []
}

function addWrites(graph: DependencyGraph, { key, versions, unread }: ListOrder): void {
  for (const [at, after] of versions.entries()) {
    const before = versions[at - 1]
    if (before !== undefined) addWrite(graph, key, before, after)
  }
  const last = versions.at(-1)
  if (last !== undefined) for (const after of unread) addWrite(graph, key, last, after)
}

function addWrite(graph: DependencyGraph, key: string, before: Append, after: Append): void {
  const why = (): string =>
    `T${before.by.number} appended ${before.element} to ${key}, T${after.by.number} then ${after.element}`
  graph.add({ from: before.by.number, to: after.by.number, kind: 'ww', why })
}

function addReads(
  graph: DependencyGraph,
  transaction: Transaction,
  orders: ReadonlyMap<string, ListOrder>,
): void {
  const reader = transaction.number
  for (const { key, list } of externalReads(transaction)) {
    const { versions = [], unread = [] } = orders.get(key) ?? {}
    const last = versions[list.length - 1]
    if (last !== undefined) {
      const why = (): string =>
        `T${last.by.number} appended ${last.element} to ${key}, and T${reader} read it`
      graph.add({ from: last.by.number, to: reader, kind: 'wr', why })
    }
    const next = versions[list.length]
    for (const missed of next === undefined ? unread : [next]) {
      const why = (): string =>
        `T${reader} read ${key} as ${describeList(list)}, before T${missed.by.number} appended ${missed.element}`
      graph.add({ from: reader, to: missed.by.number, kind: 'rw', why })
    }
  }
}

/** Sweeps over calls and returns. In front are those that have returned, and that no other one in front comes after. */
function addRealTime(graph: DependencyGraph, transactions: readonly Transaction[]): void {
  const events = transactions.flatMap((transaction) => [
    { at: transaction.invokedAt, transaction, isCall: true },
    ...(transaction.outcome === 'ok' && transaction.completedAt !== null
      ? [{ at: transaction.completedAt, transaction, isCall: false }]
      : []),
  ])
  const before = new Map<Transaction, readonly Transaction[]>()
  let front: readonly Transaction[] = []
  for (const { transaction, isCall } of events.toSorted((left, right) => left.at - right.at)) {
    if (isCall) {
      if (transaction.outcome === 'fail') continue
      before.set(transaction, front)
      for (const earlier of front) {
        graph.add({ from: earlier.number, to: transaction.number, kind: 'realtime', why: answeredBefore })
      }
    } else {
      const implied = new Set(before.get(transaction))
      front = [...front.filter((earlier) => !implied.has(earlier)), transaction]
    }
  }
}

function answeredBefore({ from, to }: Edge): string {
  return `T${from} was answered before T${to} was asked`
}

interface Cycle {
  readonly kind: AnomalyKind
  readonly cycle: readonly Edge[]
}

function findCycles(graph: DependencyGraph): Cycle[] {
  const withTime = (kinds: ReadonlySet<EdgeKind>): ReadonlySet<EdgeKind> => new Set([...kinds, 'realtime'])
  const found: Cycle[] = []
  const search = (kind: AnomalyKind, cycle: readonly Edge[] | null): void => {
    if (cycle !== null) found.push({ kind, cycle })
  }
  search('G0', shortestCycle(graph, WW))
  search('G1c', shortestCycle(graph, WR, 'wr'))
  search('G-single', shortestCycle(graph, RW, 'rw', WR))
  if (!found.some(({ kind }) => kind === 'G-single')) search('G2', shortestCycle(graph, RW, 'rw'))
  if (found.length > 0) return found
  search('G0-realtime', shortestCycle(graph, withTime(WW), 'ww'))
  search('G1c-realtime', shortestCycle(graph, withTime(WR), 'wr'))
  search('G-single-realtime', shortestCycle(graph, withTime(RW), 'rw', withTime(WR)))
  if (found.length === 0) search('G2-realtime', shortestCycle(graph, withTime(RW), 'rw'))
  return found
}

/** Through an edge of kind `through`, if that is given, and back over edges of `back`. Null if there is none. */
function shortestCycle(
  graph: DependencyGraph,
  kinds: ReadonlySet<EdgeKind>,
  through: EdgeKind | null = null,
  back: ReadonlySet<EdgeKind> = kinds,
): readonly Edge[] | null {
  const starts = through === null ? kinds : new Set([through])
  let shortest: readonly Edge[] | null = null
  for (const component of graph.components(kinds)) {
    const inside = new Set(component)
    const edges = component.flatMap((node) => graph.from(node, starts))
    for (const edge of edges.slice(0, STARTS_MAX)) {
      if (!inside.has(edge.to)) continue
      const rest = graph.path(edge.to, edge.from, back, inside)
      if (rest !== null && (shortest === null || rest.length + 1 < shortest.length))
        shortest = [edge, ...rest]
      if (shortest?.length === 2) return shortest
    }
  }
  return shortest
}
