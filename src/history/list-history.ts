/**
 * A long history of transactions on lists in little memory: columns of numbers, and each text once. Half a million transactions as objects take
 * gigabytes, nearly all of it lists that were read; here each read of a list is a length, because a list only grows at its end: what was
 * read is how the longest list began that was read under the same key, its *trunk*. A read that is not, which no system should ever
 * give, is kept as it was ("apart").
 *
 * Transactions, keys and elements have numbers from 0; an element belongs to one key. People count transactions from 1.
 */

import { assert } from '../base/assert.ts'
import { bytes, integers, numbers } from './column.ts'
import type { Outcome } from './history-file.ts'
import type { Step, Transaction } from './list-transactions.ts'

/** Of a key or an element: a JSON text, or the number itself, which takes less. */
export type Name = string | number

export type NamedStep =
  | { readonly kind: 'append'; readonly key: Name; readonly element: Name }
  | { readonly kind: 'read'; readonly key: Name; readonly list: readonly Name[] | null }

/** The first `length` of these elements. */
export interface ReadList {
  readonly elements: readonly number[]
  readonly length: number
}

interface ListOfKey {
  readonly name: Name
  readonly elements: Map<Name, number>
  readonly trunk: number[]
  /** Of each element of the trunk, the transaction that was the first to read so far. */
  readonly readBy: number[]
}

/** An element for the second time: in a trunk, whose first `length` elements then have it twice. */
export interface Repetition {
  readonly element: number
  /** That did it, or was the first to read it. */
  readonly transaction: number
  readonly length: number
}

const OUTCOMES: readonly Outcome[] = ['ok', 'fail', 'info']
const OK = 0
const [APPEND, READ, READ_APART, READ_UNKNOWN] = [0, 1, 2, 3]
const NONE = -1

export class ListHistory {
  readonly #outcomes = bytes()
  readonly #processes = integers()
  readonly #invokedAt = numbers()
  /** NaN where nobody heard of it again. */
  readonly #completedAt = numbers()
  readonly #firstSteps = integers()
  readonly #stepCounts = integers()
  readonly #stepKinds = bytes()
  readonly #stepKeys = integers()
  /** The element of an APPEND, how much of the trunk a READ is, which list READ_APART has read. */
  readonly #stepValues = integers()
  readonly #processNumbers = new Map<string, number>()
  readonly #processNames: string[] = []
  readonly #keyNumbers = new Map<Name, number>()
  readonly #keys: ListOfKey[] = []
  readonly #names: Name[] = []
  readonly #elementKeys = integers()
  /** Where in the trunk of its key it is; NONE if it was never read. */
  readonly #positions = integers()
  readonly #appendedBy = integers()
  /** 1 if its transaction has appended nothing to the list after it. */
  readonly #isLast = bytes()
  readonly #apart: (readonly number[])[] = []
  readonly appendedTwice: Omit<Repetition, 'length'>[] = []
  readonly readTwice: Repetition[] = []

  /** Transactions must be numbered from 1 in their order. */
  static of(transactions: readonly Transaction[]): ListHistory {
    const history = new ListHistory()
    for (const { number, process, outcome, invokedAt, completedAt, steps } of transactions) {
      const transaction = history.begin(process, invokedAt)
      assert(number === transaction + 1, 'transactions are numbered in their order')
      history.complete(transaction, outcome, completedAt, steps)
    }
    return history
  }

  get length(): number {
    return this.#outcomes.length
  }

  get processCount(): number {
    return this.#processNames.length
  }

  get keyCount(): number {
    return this.#keys.length
  }

  get elementCount(): number {
    return this.#names.length
  }

  /** Gives its number. Until it is complete, nobody knows what became of it, and it has no steps. */
  begin(process: string, invokedAt: number): number {
    let number = this.#processNumbers.get(process)
    if (number === undefined) {
      number = this.#processNames.push(process) - 1
      this.#processNumbers.set(process, number)
    }
    this.#processes.push(number)
    this.#outcomes.push(OUTCOMES.indexOf('info'))
    this.#invokedAt.push(invokedAt)
    this.#completedAt.push(NaN)
    this.#firstSteps.push(0)
    this.#stepCounts.push(0)
    return this.length - 1
  }

  complete(
    transaction: number,
    outcome: Outcome,
    completedAt: number | null,
    steps: readonly NamedStep[],
  ): void {
    this.#outcomes.set(transaction, OUTCOMES.indexOf(outcome))
    this.#completedAt.set(transaction, completedAt ?? NaN)
    this.#firstSteps.set(transaction, this.#stepKinds.length)
    this.#stepCounts.set(transaction, steps.length)
    const last = new Map<number, number>()
    for (const step of steps) {
      const key = this.#keyOf(step.key)
      if (step.kind === 'append') last.set(key, this.#append(transaction, key, step.element))
      else if (step.list === null) this.#step(READ_UNKNOWN, key, 0)
      else this.#read(transaction, key, step.list)
    }
    for (const element of last.values())
      if (this.#appendedBy.at(element) === transaction) this.#isLast.set(element, 1)
  }

  isOk(transaction: number): boolean {
    return this.#outcomes.at(transaction) === OK
  }

  outcome(transaction: number): Outcome {
    return OUTCOMES[this.#outcomes.at(transaction)] as Outcome
  }

  invokedAt(transaction: number): number {
    return this.#invokedAt.at(transaction)
  }

  /** NaN where nobody heard of it again. */
  completedAt(transaction: number): number {
    return this.#completedAt.at(transaction)
  }

  /** Steps have numbers, too, those of one transaction in their order: from the first one to before the end. */
  stepsOf(transaction: number): readonly [first: number, end: number] {
    const first = this.#firstSteps.at(transaction)
    return [first, first + this.#stepCounts.at(transaction)]
  }

  keyOfStep(step: number): number {
    return this.#stepKeys.at(step)
  }

  /** The element that the step appends; null if it reads. */
  appendedBy(step: number): number | null {
    return this.#stepKinds.at(step) === APPEND ? this.#stepValues.at(step) : null
  }

  /** What the step has read; null if it appends, or nobody was told. */
  readBy(step: number): ReadList | null {
    const [kind, value] = [this.#stepKinds.at(step), this.#stepValues.at(step)]
    if (kind === READ) return { elements: this.trunk(this.keyOfStep(step)), length: value }
    if (kind !== READ_APART) return null
    const elements = this.#apart[value] ?? []
    return { elements, length: elements.length }
  }

  /** The longest list that was read under this key, of those that fit together. */
  trunk(key: number): readonly number[] {
    return this.#keys[key]?.trunk ?? []
  }

  /** The transaction that was the first to read so far. */
  readerOf(key: number, position: number): number {
    return this.#keys[key]?.readBy[position] ?? NONE
  }

  /** All that were appended or read under this key. */
  elements(key: number): Iterable<number> {
    return this.#keys[key]?.elements.values() ?? []
  }

  keyOfElement(element: number): number {
    return this.#elementKeys.at(element)
  }

  /** Its place in the trunk; null if it was never read there. */
  position(element: number): number | null {
    const position = this.#positions.at(element)
    return position === NONE ? null : position
  }

  /** The transaction; null if nobody has appended it. */
  appenderOf(element: number): number | null {
    const transaction = this.#appendedBy.at(element)
    return transaction === NONE ? null : transaction
  }

  /** Whether its transaction has appended nothing to the list after it. */
  isLastOfItsTransaction(element: number): boolean {
    return this.#isLast.at(element) === 1
  }

  keyText(key: number): string {
    return String(this.#keys[key]?.name)
  }

  elementText(element: number): string {
    return String(this.#names[element])
  }

  texts({ elements, length }: ReadList): string[] {
    return elements.slice(0, length).map((element) => this.elementText(element))
  }

  /** For people. */
  transaction(transaction: number): Transaction {
    const completedAt = this.completedAt(transaction)
    const [first, end] = this.stepsOf(transaction)
    return {
      number: transaction + 1,
      process: this.#processNames[this.#processes.at(transaction)] ?? '',
      outcome: this.outcome(transaction),
      invokedAt: this.invokedAt(transaction),
      completedAt: Number.isNaN(completedAt) ? null : completedAt,
      steps: Array.from({ length: end - first }, (_, at) => this.#stepFor(first + at)),
    }
  }

  #stepFor(step: number): Step {
    const key = this.keyText(this.keyOfStep(step))
    const appended = this.appendedBy(step)
    if (appended !== null) return { kind: 'append', key, element: this.elementText(appended) }
    const list = this.readBy(step)
    return { kind: 'read', key, list: list === null ? null : this.texts(list) }
  }

  #append(transaction: number, key: number, name: Name): number {
    const element = this.#elementOf(key, name)
    if (this.#appendedBy.at(element) === NONE) this.#appendedBy.set(element, transaction)
    else this.appendedTwice.push({ element, transaction })
    this.#step(APPEND, key, element)
    return element
  }

  #read(transaction: number, key: number, list: readonly Name[]): void {
    const { trunk } = this.#keys[key] as ListOfKey
    const known = Math.min(trunk.length, list.length)
    for (let at = 0; at < known; at++)
      if (this.#names[trunk[at] as number] !== list[at]) return this.#readApart(key, list)
    for (let at = known; at < list.length; at++) this.#extend(transaction, key, list[at] as Name)
    this.#step(READ, key, list.length)
  }

  #extend(transaction: number, key: number, name: Name): void {
    const { trunk, readBy } = this.#keys[key] as ListOfKey
    const element = this.#elementOf(key, name)
    if (this.#positions.at(element) === NONE) this.#positions.set(element, trunk.length)
    else this.readTwice.push({ element, transaction, length: trunk.length + 1 })
    trunk.push(element)
    readBy.push(transaction)
  }

  #readApart(key: number, list: readonly Name[]): void {
    this.#apart.push(list.map((name) => this.#elementOf(key, name)))
    this.#step(READ_APART, key, this.#apart.length - 1)
  }

  #step(kind: number, key: number, value: number): void {
    this.#stepKinds.push(kind)
    this.#stepKeys.push(key)
    this.#stepValues.push(value)
  }

  #keyOf(name: Name): number {
    const known = this.#keyNumbers.get(name)
    if (known !== undefined) return known
    const key = this.#keys.push({ name, elements: new Map(), trunk: [], readBy: [] }) - 1
    this.#keyNumbers.set(name, key)
    return key
  }

  #elementOf(key: number, name: Name): number {
    const { elements } = this.#keys[key] as ListOfKey
    const known = elements.get(name)
    if (known !== undefined) return known
    const element = this.#names.push(name) - 1
    elements.set(name, element)
    this.#elementKeys.push(key)
    this.#positions.push(NONE)
    this.#appendedBy.push(NONE)
    this.#isLast.push(0)
    return element
  }
}
