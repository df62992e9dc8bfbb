/**
 * The order in which elements got into each list, from what was read: a list only grows at its end, so a read tells all versions before it,
 * and the longest read tells them all (Kingsbury and Alvaro, "Elle", VLDB 2020, section 4). What can't be true of any order is found here;
 * what can't be true of all lists together is a cycle (`check-lists.ts`).
 */

import type { Anomaly, AnomalyKind } from './anomaly.ts'
import type { ListHistory, ReadList } from './list-history.ts'
import { describeList } from './list-transactions.ts'

/** What is wrong already: each kind once, by the first transaction that shows it, in the order of these. */
export function orderAnomalies(history: ListHistory): Anomaly[] {
  const findings = new Findings(history)
  noteTrunks(history, findings)
  for (let transaction = 0; transaction < history.length; transaction++) {
    noteReads(history, findings, transaction)
    noteOwnOrder(history, findings, transaction)
  }
  return findings.anomalies()
}

interface Finding {
  readonly reader: number
  readonly others: readonly number[]
  /** For people: a history that is wrong all over has millions, of which few are told. */
  readonly text: () => string
}

/** The first of each kind. */
class Findings {
  readonly #history: ListHistory
  readonly #first = new Map<AnomalyKind, Finding>()

  constructor(history: ListHistory) {
    this.#history = history
  }

  note(kind: AnomalyKind, finding: Finding): void {
    const known = this.#first.get(kind)
    if (known === undefined || finding.reader < known.reader) this.#first.set(kind, finding)
  }

  anomalies(): Anomaly[] {
    return [...this.#first]
      .toSorted(([, left], [, right]) => left.reader - right.reader)
      .map(([kind, { reader, others, text }]) => ({
        kind,
        text: text(),
        transactions: [reader, ...others].map((one) => this.#history.transaction(one)),
        cycle: [],
      }))
  }
}

/** What other transactions had appended when this one first read each list: its own appends are taken off. */
export function* externalReads(
  history: ListHistory,
  transaction: number,
): Iterable<{ readonly key: number; readonly list: ReadList }> {
  if (!history.isOk(transaction)) return
  const own = new Map<number, number>()
  const seen = new Set<number>()
  const [first, end] = history.stepsOf(transaction)
  for (let step = first; step < end; step++) {
    const key = history.keyOfStep(step)
    const read = history.readBy(step)
    if (history.appendedBy(step) !== null) own.set(key, (own.get(key) ?? 0) + 1)
    else if (read !== null && !seen.has(key)) {
      seen.add(key)
      yield {
        key,
        list: { elements: read.elements, length: Math.max(0, read.length - (own.get(key) ?? 0)) },
      }
    }
  }
}

/** Then nothing else can be said. Null if all were appended once. */
export function appendedTwice(history: ListHistory): Anomaly | null {
  const [first] = history.appendedTwice
  if (first === undefined) return null
  const { element, transaction } = first
  const key = history.keyText(history.keyOfElement(element))
  const text = `${history.elementText(element)} is appended to ${key} twice: a read of it does not tell which one it saw`
  const both = [history.appenderOf(element) ?? transaction, transaction]
  return { kind: 'unusable', text, transactions: both.map((one) => history.transaction(one)), cycle: [] }
}

/** Each list is looked at once, as long as it got; whoever was the first to read something is told. */
function noteTrunks(history: ListHistory, findings: Findings): void {
  for (const { element, transaction, length } of history.readTwice) {
    const elements = history.trunk(history.keyOfElement(element))
    noteRepeated(history, findings, element, transaction, { elements, length })
  }
  for (let key = 0; key < history.keyCount; key++)
    for (const [at, element] of history.trunk(key).entries())
      noteElement(history, findings, element, history.readerOf(key, at))
}

function noteReads(history: ListHistory, findings: Findings, reader: number): void {
  if (!history.isOk(reader)) return
  const [first, end] = history.stepsOf(reader)
  for (let step = first; step < end; step++) {
    const list = history.readBy(step)
    if (list === null) continue
    noteUnfinished(history, findings, reader, list)
    const key = history.keyOfStep(step)
    if (list.elements !== history.trunk(key)) noteApart(history, findings, reader, key, list.elements)
  }
}

/** A read that is no beginning of the longest one is wrong as it is, and what is in it may be, too. */
function noteApart(
  history: ListHistory,
  findings: Findings,
  reader: number,
  key: number,
  list: readonly number[],
): void {
  const trunk = history.trunk(key)
  const others = [history.readerOf(key, trunk.length - 1)]
  const text = (): string =>
    `read ${history.keyText(key)} as ${shown(history, trunk)} and as ${shown(history, list)}: neither is how the other began`
  findings.note('incompatible-order', { reader, others, text })
  const twice = firstRepeated(list)
  const whole = { elements: list, length: list.length }
  if (twice !== undefined) noteRepeated(history, findings, twice, reader, whole)
  for (const element of list) noteElement(history, findings, element, reader)
}

function noteElement(history: ListHistory, findings: Findings, element: number, reader: number): void {
  const by = history.appenderOf(element)
  if (by !== null && history.outcome(by) !== 'fail') return
  const read = (): string =>
    `read ${history.elementText(element)} in ${history.keyText(history.keyOfElement(element))}`
  if (by === null)
    findings.note('garbage', { reader, others: [], text: () => `${read()}, which nobody has appended` })
  else
    findings.note('G1a', {
      reader,
      others: [by],
      text: () => `${read()}, of a transaction that did not happen`,
    })
}

function noteUnfinished(history: ListHistory, findings: Findings, reader: number, list: ReadList): void {
  const last = list.elements[list.length - 1]
  const by = last === undefined ? null : history.appenderOf(last)
  if (last === undefined || by === null || by === reader || history.isLastOfItsTransaction(last)) return
  // All is there, in another order: `noteOwnOrder` tells.
  const whole = list.elements.slice(0, list.length)
  if (whole.some((element) => history.appenderOf(element) === by && history.isLastOfItsTransaction(element)))
    return
  const key = history.keyOfElement(last)
  const text = (): string =>
    `read ${history.keyText(key)} between two appends of one transaction, after ${history.elementText(last)}`
  findings.note('G1b', { reader, others: [by], text })
}

/** A transaction's own appends to one list stand in it as they were made. */
function noteOwnOrder(history: ListHistory, findings: Findings, transaction: number): void {
  const [first, end] = history.stepsOf(transaction)
  // Most transactions append once: nothing to compare, nothing to keep.
  if (end - first < 2) return
  const before = new Map<number, number>()
  for (let step = first; step < end; step++) {
    const element = history.appendedBy(step)
    if (element === null) continue
    const key = history.keyOfStep(step)
    const earlier = before.get(key)
    before.set(key, element)
    if (earlier === undefined || !isAfter(history, earlier, element)) continue
    const text = (): string =>
      `read ${history.elementText(element)} before ${history.elementText(earlier)} in ${history.keyText(key)}, which one transaction appended the other way round`
    const reader = history.readerOf(key, history.position(earlier) ?? history.position(element) ?? 0)
    findings.note('incompatible-order', { reader, others: [transaction], text })
  }
}

/** Whether the list has `earlier` behind `element`, as far as anybody read it. */
function isAfter(history: ListHistory, earlier: number, element: number): boolean {
  const [one, other] = [history.position(earlier), history.position(element)]
  return one !== null && other !== null && one > other
}

function noteRepeated(
  history: ListHistory,
  findings: Findings,
  element: number,
  reader: number,
  list: ReadList,
): void {
  const text = (): string =>
    `read ${history.elementText(element)} twice in ${history.keyText(history.keyOfElement(element))}: ${describeList(history.texts(list))}`
  findings.note('duplicate', { reader, others: [], text })
}

function shown(history: ListHistory, elements: readonly number[]): string {
  return describeList(history.texts({ elements, length: elements.length }))
}

function firstRepeated(list: readonly number[]): number | undefined {
  const seen = new Set<number>()
  return list.find((element) => seen.has(element) || !seen.add(element))
}
