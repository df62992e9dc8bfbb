/**
 * Is a history of operations linearizable: is there one order of them that respects real time and that a
 * sequential model accepts? (Herlihy and Wing, "Linearizability", 1990.)
 *
 * The search is Wing and Gong's, with Lowe's memory of configurations already tried ("Testing for
 * linearizability", 2017): walk the calls and returns in order of time; at a call, try to put the operation
 * next; at a return of an operation that has not been put yet, every choice is used up, so go back.
 *
 * A configuration is (operations put so far, state of the model). Sets of operations are remembered as the
 * length of the prefix that is complete, and the few beyond it; so long histories cost in proportion to
 * their length and not to its square, as long as only a few operations overlap.
 *
 * An operation whose outcome is unknown (`returnedAt` null) may have happened at any time after its call, or
 * never. Callers that can tell more should narrow such operations first (`registers.ts` does), as
 * each that stays open doubles what must be searched in the worst case.
 */

import { must } from '../base/assert.ts'

/** Times are stamps of a total order: no two calls or returns may share one. */
export interface TimedOperation {
  readonly calledAt: number
  /** Null: the caller never learnt whether it happened. */
  readonly returnedAt: number | null
}

export interface SequentialModel<State, Operation> {
  readonly initial: State
  /** The state after `operation`, or null where its recorded result is impossible in `state`. */
  apply(state: State, operation: Operation): State | null
  /** Equal for equal states, different for different ones. */
  fingerprint(state: State): string | number
}

export type Linearizability<Operation> =
  | { readonly kind: 'linearizable'; readonly order: readonly Operation[] }
  | {
      readonly kind: 'not-linearizable'
      /** The longest order that could be built. */
      readonly order: readonly Operation[]
      /** The operation that returned before it could be put anywhere. */
      readonly stuck: Operation
    }
  /** The search was given up. Only histories with very many operations that overlap come here. */
  | { readonly kind: 'undecided'; readonly order: readonly Operation[]; readonly stuck: Operation }

/** A call or a return, in a doubly linked list that operations are lifted out of and put back into. */
interface Step {
  readonly operation: number
  readonly isCall: boolean
  previous: Step | null
  next: Step | null
}

/** More steps than this are not taken: a search may be exponential in the number of operations that overlap. */
const STEPS_MAX = 2_000_000

export function checkLinearizable<State, Operation extends TimedOperation>(
  history: readonly Operation[],
  model: SequentialModel<State, Operation>,
): Linearizability<Operation> {
  return new Search(history, model).run()
}

class Search<State, Operation extends TimedOperation> {
  readonly #operations: readonly Operation[]
  readonly #model: SequentialModel<State, Operation>
  readonly #head: Step = { operation: -1, isCall: false, previous: null, next: null }
  readonly #returns: (Step | null)[] = []
  readonly #put: Uint8Array
  readonly #tried = new Set<string>()
  readonly #taken: { readonly call: Step; readonly before: State }[] = []
  #completePrefix = 0
  #lastPut = -1
  #openReturns = 0
  #state: State
  #best: Operation[] = []
  #stuck: Operation | null = null

  constructor(history: readonly Operation[], model: SequentialModel<State, Operation>) {
    this.#operations = history.toSorted((a, b) => a.calledAt - b.calledAt)
    this.#model = model
    this.#state = model.initial
    this.#put = new Uint8Array(this.#operations.length)
    this.#link()
  }

  run(): Linearizability<Operation> {
    let step = this.#head.next
    let steps = 0
    while (step !== null && this.#openReturns > 0) {
      if (step.isCall) step = this.#tryToPut(step) ? this.#head.next : step.next
      else step = this.#goBack(step)
      steps += 1
      if (steps > STEPS_MAX) return this.#failed('undecided')
    }
    if (this.#openReturns > 0) return this.#failed('not-linearizable')
    return { kind: 'linearizable', order: this.#order() }
  }

  #failed(kind: 'not-linearizable' | 'undecided'): Linearizability<Operation> {
    return { kind, order: this.#best, stuck: must(this.#stuck, 'a search that fails has met a return') }
  }

  #link(): void {
    const steps: { at: number; step: Step }[] = []
    this.#operations.forEach((each, operation) => {
      steps.push({ at: each.calledAt, step: { operation, isCall: true, previous: null, next: null } })
      this.#returns[operation] = null
      if (each.returnedAt === null) return
      const step: Step = { operation, isCall: false, previous: null, next: null }
      this.#returns[operation] = step
      this.#openReturns += 1
      steps.push({ at: each.returnedAt, step })
    })
    steps.sort((a, b) => a.at - b.at)
    let last = this.#head
    for (const { step } of steps) {
      step.previous = last
      last.next = step
      last = step
    }
  }

  #tryToPut(call: Step): boolean {
    const operation = this.#operations[call.operation] as Operation
    const after = this.#model.apply(this.#state, operation)
    if (after === null) return false
    this.#mark(call.operation)
    const configuration = this.#configuration(after)
    if (this.#tried.has(configuration)) {
      this.#unmark(call.operation)
      return false
    }
    this.#tried.add(configuration)
    this.#taken.push({ call, before: this.#state })
    this.#state = after
    this.#lift(call)
    return true
  }

  /** Undoes the last choice and goes on behind it; null when there is none left to undo. */
  #goBack(met: Step): Step | null {
    if (this.#stuck === null || this.#taken.length > this.#best.length) {
      this.#best = this.#order()
      this.#stuck = this.#operations[met.operation] as Operation
    }
    const last = this.#taken.pop()
    if (last === undefined) return null
    this.#state = last.before
    this.#unmark(last.call.operation)
    this.#unlift(last.call)
    return last.call.next
  }

  #order(): Operation[] {
    return this.#taken.map(({ call }) => this.#operations[call.operation] as Operation)
  }

  #mark(operation: number): void {
    this.#put[operation] = 1
    this.#lastPut = Math.max(this.#lastPut, operation)
    while (this.#put[this.#completePrefix] === 1) this.#completePrefix += 1
  }

  #unmark(operation: number): void {
    this.#put[operation] = 0
    this.#completePrefix = Math.min(this.#completePrefix, operation)
    while (this.#lastPut >= 0 && this.#put[this.#lastPut] === 0) this.#lastPut -= 1
  }

  #configuration(state: State): string {
    let key = `${this.#model.fingerprint(state)}|${this.#completePrefix}`
    for (let operation = this.#completePrefix + 1; operation <= this.#lastPut; operation += 1) {
      if (this.#put[operation] === 1) key += `,${operation}`
    }
    return key
  }

  #lift(call: Step): void {
    cut(call)
    const returned = this.#returns[call.operation]
    if (!returned) return
    cut(returned)
    this.#openReturns -= 1
  }

  #unlift(call: Step): void {
    const returned = this.#returns[call.operation]
    if (returned) {
      restore(returned)
      this.#openReturns += 1
    }
    restore(call)
  }
}

function cut(step: Step): void {
  if (step.previous !== null) step.previous.next = step.next
  if (step.next !== null) step.next.previous = step.previous
}

/** The reverse of `cut`; right only in the reverse order of the cuts, because the step kept its neighbours. */
function restore(step: Step): void {
  if (step.previous !== null) step.previous.next = step
  if (step.next !== null) step.next.previous = step
}
