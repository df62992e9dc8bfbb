/**
 * The order in which elements got into each list, from what was read: a list only grows at its end, so a read tells all versions before it,
 * and the longest read tells them all (Kingsbury and Alvaro, "Elle", VLDB 2020, section 4). What can't be true of any order is found here;
 * what can't be true of all lists together is a cycle (`check-lists.ts`).
 */

import type { Anomaly } from './anomaly.ts'
import type { Step, Transaction } from './list-transactions.ts'
import { describeList } from './list-transactions.ts'

/** The element, by whom, and whether it was the last that this transaction appended to the list. */
export interface Append {
  readonly element: string
  readonly by: Transaction
  readonly isLast: boolean
}

export interface ListOrder {
  readonly key: string
  /** As far as somebody has read it. */
  readonly versions: readonly Append[]
  /** Appended by transactions that happened, and never read: they came later than all of `versions`. */
  readonly unread: readonly Append[]
}

type Appends = ReadonlyMap<string, ReadonlyMap<string, Append>>

/** Orders of all lists, and what is wrong already. */
export function listOrders(transactions: readonly Transaction[]): {
  readonly orders: ReadonlyMap<string, ListOrder>
  readonly anomalies: readonly Anomaly[]
} {
  const anomalies: Anomaly[] = []
  const appends = collectAppends(transactions, anomalies)
  const longest = new Map<string, { readonly list: readonly string[]; readonly by: Transaction }>()
  const checked = new Set<readonly string[]>()
  for (const { transaction, key, list } of readsOf(transactions)) {
    anomalies.push(...unfinishedRead(transaction, key, list, appends))
    // A list that has not changed since the last read is the same one.
    if (checked.has(list)) continue
    checked.add(list)
    anomalies.push(...readAnomalies(transaction, key, list, appends))
    const other = longest.get(key)
    if (other === undefined) longest.set(key, { list, by: transaction })
    else {
      const [shorter, longer] = other.list.length < list.length ? [other.list, list] : [list, other.list]
      if (shorter.some((element, at) => element !== longer[at]))
        anomalies.push(incompatible(key, [other.by, other.list], [transaction, list]))
      else if (longer === list) longest.set(key, { list, by: transaction })
    }
  }
  const orders = [...appends].map(([key, ofKey]) => orderOf(key, ofKey, longest.get(key)?.list ?? []))
  return { orders: new Map(orders.map((order) => [order.key, order])), anomalies }
}

/** What other transactions had appended when this one first read each list: its own appends are taken off. */
export function* externalReads(
  transaction: Transaction,
): Iterable<{ readonly key: string; readonly list: readonly string[] }> {
  if (transaction.outcome !== 'ok') return
  const own = new Map<string, number>()
  const seen = new Set<string>()
  for (const step of transaction.steps) {
    if (step.kind === 'append') own.set(step.key, (own.get(step.key) ?? 0) + 1)
    else if (!seen.has(step.key) && step.list !== null) {
      seen.add(step.key)
      const others = step.list.length - (own.get(step.key) ?? 0)
      // Mostly all of it: a copy of each list that was ever read would be most of the memory.
      yield { key: step.key, list: others === step.list.length ? step.list : step.list.slice(0, others) }
    }
  }
}

function orderOf(key: string, appends: ReadonlyMap<string, Append>, list: readonly string[]): ListOrder {
  const versions = list.map((element) => appends.get(element)).filter((append) => append !== undefined)
  const read = new Set(list)
  const unread = [...appends.values()].filter(({ element, by }) => by.outcome === 'ok' && !read.has(element))
  return { key, versions, unread }
}

function collectAppends(transactions: readonly Transaction[], anomalies: Anomaly[]): Appends {
  const appends = new Map<string, Map<string, Append>>()
  for (const by of transactions) {
    const last = new Map<string, Step>()
    for (const step of by.steps) if (step.kind === 'append') last.set(step.key, step)
    for (const step of by.steps) {
      if (step.kind !== 'append') continue
      const ofKey = appends.get(step.key) ?? new Map<string, Append>()
      appends.set(step.key, ofKey)
      const other = ofKey.get(step.element)
      if (other !== undefined) anomalies.push(appendedTwice(step.key, step.element, other.by, by))
      else ofKey.set(step.element, { element: step.element, by, isLast: last.get(step.key) === step })
    }
  }
  return appends
}

function* readsOf(
  transactions: readonly Transaction[],
): Iterable<{ transaction: Transaction; key: string; list: readonly string[] }> {
  for (const transaction of transactions) {
    if (transaction.outcome !== 'ok') continue
    for (const step of transaction.steps)
      if (step.kind === 'read' && step.list !== null) yield { transaction, key: step.key, list: step.list }
  }
}

function readAnomalies(
  transaction: Transaction,
  key: string,
  list: readonly string[],
  appends: Appends,
): Anomaly[] {
  const found: Anomaly[] = []
  const twice = firstRepeated(list)
  if (twice !== undefined)
    found.push(anomalyOf('duplicate', `read ${twice} twice in ${key}: ${describeList(list)}`, transaction))
  for (const element of list) {
    const append = appends.get(key)?.get(element)
    if (append === undefined)
      found.push(anomalyOf('garbage', `read ${element} in ${key}, which nobody has appended`, transaction))
    else if (append.by.outcome === 'fail') {
      const text = `read ${element} in ${key}, of a transaction that did not happen`
      found.push(anomalyOf('G1a', text, transaction, append.by))
    }
  }
  return found
}

function unfinishedRead(
  transaction: Transaction,
  key: string,
  list: readonly string[],
  appends: Appends,
): Anomaly[] {
  const last = appends.get(key)?.get(list.at(-1) ?? '')
  if (last === undefined || last.isLast || last.by === transaction) return []
  const text = `read ${key} between two appends of one transaction, after ${last.element}`
  return [anomalyOf('G1b', text, transaction, last.by)]
}

function anomalyOf(
  kind: Anomaly['kind'],
  text: string,
  transaction: Transaction,
  ...others: readonly Transaction[]
): Anomaly {
  return { kind, text, transactions: [transaction, ...others], cycle: [] }
}

function firstRepeated(list: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return list.find((element) => seen.has(element) || !seen.add(element))
}

function incompatible(
  key: string,
  [one, oneList]: readonly [Transaction, readonly string[]],
  [other, otherList]: readonly [Transaction, readonly string[]],
): Anomaly {
  const text = `read ${key} as ${describeList(oneList)} and as ${describeList(otherList)}: neither is how the other began`
  return { kind: 'incompatible-order', text, transactions: [one, other], cycle: [] }
}

function appendedTwice(key: string, element: string, one: Transaction, other: Transaction): Anomaly {
  const text = `${element} is appended to ${key} twice: such a history says nothing of the order`
  return { kind: 'unusable', text, transactions: [one, other], cycle: [] }
}
