/**
 * Is a history of transactions on lists strictly serializable: is there one order of all of them in which each read finds what was appended
 * before it, and which respects real time? Instead of searching for the order, the dependencies between transactions are worked
 * out from the lists that were read, and a cycle among them is looked for (Kingsbury and Alvaro, "Elle", VLDB 2020): linear in
 * the length of the history, and the cycle itself is the explanation.
 */

import type { Anomaly, AnomalyKind } from './anomaly.ts'
import type { Edge, EdgeKind, EdgeKinds } from './dependency-graph.ts'
import { DependencyEdges, DependencyGraph, edgeKinds } from './dependency-graph.ts'
import { ListHistory } from './list-history.ts'
import { appendedTwice, externalReads, orderAnomalies } from './list-order.ts'
import { describeList } from './list-transactions.ts'
import type { Transaction } from './list-transactions.ts'
import { internalAnomaly } from './own-reads.ts'
import { addRealTime } from './real-time.ts'

const ALL = edgeKinds('ww', 'wr', 'rw', 'realtime')
const WW = edgeKinds('ww')
const WR = edgeKinds('ww', 'wr')
const RW = edgeKinds('ww', 'wr', 'rw')
const REALTIME = edgeKinds('realtime')

/** A history that is wrong all over has more circles than anyone wants to see: of so many edges the shortest is looked for. */
const STARTS_MAX = 1_000

/** Each kind, once: the first one is enough to know, and the shortest to understand. */
export function checkLists(transactions: readonly Transaction[]): Anomaly[] {
  return checkListHistory(ListHistory.of(transactions))
}

/** The same for a long one. */
export function checkListHistory(history: ListHistory): Anomaly[] {
  const unusable = appendedTwice(history)
  if (unusable !== null) return [unusable]
  const edges = new DependencyEdges()
  for (let key = 0; key < history.keyCount; key++) addWrites(edges, history, key)
  for (let reader = 0; reader < history.length; reader++) addReads(edges, history, reader)
  addRealTime(edges, history)
  const cycles = findCycles(new DependencyGraph(history.length, edges))
  const internal: Anomaly[] = []
  for (let transaction = 0; transaction < history.length && internal.length === 0; transaction++)
    internal.push(...internalAnomaly(history, transaction))
  const all = [...internal, ...orderAnomalies(history), ...cycles.map((cycle) => toAnomaly(history, cycle))]
  const kinds = new Set<AnomalyKind>()
  return all.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind))
}

function addWrites(edges: DependencyEdges, history: ListHistory, key: number): void {
  const trunk = history.trunk(key)
  for (let at = 1; at < trunk.length; at++)
    addWrite(edges, history, trunk[at - 1] as number, trunk[at] as number)
  const last = trunk.at(-1)
  if (last !== undefined) for (const after of unread(history, key)) addWrite(edges, history, last, after)
}

function addWrite(edges: DependencyEdges, history: ListHistory, before: number, after: number): void {
  const [one, other] = [history.appenderOf(before), history.appenderOf(after)]
  if (one !== null && other !== null) edges.add(one, other, 'ww', after)
}

/** Appended by transactions that happened, and never read: they came later than all of the trunk. */
function* unread(history: ListHistory, key: number): Iterable<number> {
  for (const element of history.elements(key)) {
    const by = history.appenderOf(element)
    if (by !== null && history.isOk(by) && history.position(element) === null) yield element
  }
}

function addReads(edges: DependencyEdges, history: ListHistory, reader: number): void {
  for (const { key, list } of externalReads(history, reader)) {
    const trunk = history.trunk(key)
    const last = list.elements[list.length - 1]
    const by = last === undefined ? null : history.appenderOf(last)
    if (last !== undefined && by !== null) edges.add(by, reader, 'wr', last)
    // Of a list that is no beginning of the longest one, nobody knows what comes next.
    if (list.elements !== trunk) continue
    const next = trunk[list.length]
    for (const missed of next === undefined ? unread(history, key) : [next]) {
      const writer = history.appenderOf(missed)
      if (writer !== null) edges.add(reader, writer, 'rw', missed)
    }
  }
}

interface Cycle {
  readonly kind: AnomalyKind
  readonly cycle: readonly Edge[]
}

function toAnomaly(history: ListHistory, { kind, cycle }: Cycle): Anomaly {
  return {
    kind,
    cycle: cycle.map((edge) => ({
      from: edge.from + 1,
      to: edge.to + 1,
      kind: edge.kind,
      reason: REASONS[edge.kind](history, edge),
    })),
    text: `${cycle.length} transactions in a circle`,
    transactions: cycle.map(({ from }) => history.transaction(from)),
  }
}

/** For people: made only of the few edges that are shown. The detail of an edge is the element that it is about. */
const REASONS: Readonly<Record<EdgeKind, (history: ListHistory, edge: Edge) => string>> = {
  ww(history, { from, to, detail: after }) {
    const key = history.keyOfElement(after)
    const trunk = history.trunk(key)
    const before = trunk[(history.position(after) ?? trunk.length) - 1] ?? after
    const texts = [before, after].map((element) => history.elementText(element))
    return `T${from + 1} appended ${texts[0]} to ${history.keyText(key)}, T${to + 1} then ${texts[1]}`
  },
  wr(history, { from, to, detail: element }) {
    const key = history.keyText(history.keyOfElement(element))
    return `T${from + 1} appended ${history.elementText(element)} to ${key}, and T${to + 1} read it`
  },
  rw(history, { from, to, detail: missed }) {
    const key = history.keyOfElement(missed)
    const read = [...externalReads(history, from)].find((one) => one.key === key)?.list
    const list = describeList(read === undefined ? [] : history.texts(read))
    return `T${from + 1} read ${history.keyText(key)} as ${list}, before T${to + 1} appended ${history.elementText(missed)}`
  },
  realtime: (_, { from, to }) => `T${from + 1} was answered before T${to + 1} was asked`,
}

function findCycles(graph: DependencyGraph): Cycle[] {
  // Nearly always there is none at all, and one look is enough.
  if (graph.components(ALL).length === 0) return []
  const found: Cycle[] = []
  const search = (kind: AnomalyKind, cycle: readonly Edge[] | null): void => {
    if (cycle !== null) found.push({ kind, cycle })
  }
  search('G0', shortestCycle(graph, WW))
  search('G1c', shortestCycle(graph, WR, 'wr'))
  search('G-single', shortestCycle(graph, RW, 'rw', WR))
  if (!found.some(({ kind }) => kind === 'G-single')) search('G2', shortestCycle(graph, RW, 'rw'))
  if (found.length > 0) return found
  search('G0-realtime', shortestCycle(graph, WW | REALTIME, 'ww'))
  search('G1c-realtime', shortestCycle(graph, WR | REALTIME, 'wr'))
  search('G-single-realtime', shortestCycle(graph, RW | REALTIME, 'rw', WR | REALTIME))
  if (found.length === 0) search('G2-realtime', shortestCycle(graph, RW | REALTIME, 'rw'))
  return found
}

/** Through an edge of kind `through`, if that is given, and back over edges of `back`. Null if there is none. */
function shortestCycle(
  graph: DependencyGraph,
  kinds: EdgeKinds,
  through: EdgeKind | null = null,
  back: EdgeKinds = kinds,
): readonly Edge[] | null {
  const starts = through === null ? kinds : edgeKinds(through)
  let shortest: readonly Edge[] | null = null
  for (const component of graph.components(kinds)) {
    const inside = new Set(component)
    for (const edge of firstEdges(graph, component, starts)) {
      if (!inside.has(edge.to)) continue
      const rest = graph.path(edge.to, edge.from, back, inside)
      if (rest !== null && (shortest === null || rest.length + 1 < shortest.length))
        shortest = [edge, ...rest]
      if (shortest?.length === 2) return shortest
    }
  }
  return shortest
}

function* firstEdges(graph: DependencyGraph, nodes: readonly number[], kinds: EdgeKinds): Iterable<Edge> {
  let left = STARTS_MAX
  for (const node of nodes) {
    for (const edge of graph.from(node, kinds)) {
      if (left-- === 0) return
      yield edge
    }
  }
}
