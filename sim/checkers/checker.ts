/**
 * A checker watches a run and throws a `Violation` at the first event that breaks the one property which it
 * is named for. Checkers only look; they share no state with what they check and never influence a run.
 *
 * Each method is called at one kind of moment; a checker has those that it needs.
 */

import type { Entry } from '../../src/raft/entry.ts'
import type { Ready } from '../../src/raft/ready.ts'
import type { Replica } from '../cluster/replica.ts'
import type { ServedRead } from '../cluster/clients.ts'
import type { MachineImage } from '../cluster/machine.ts'
import type { TraceInterest } from '../trace.ts'

export interface Checker {
  /** Names the property; printed with a violation. */
  readonly name: string
  /** A core has started, for the first time or after a crash. */
  started?(replica: Replica): void
  /** A core has taken an input. Called most often: must be cheap. */
  stepped?(replica: Replica): void
  /** A core has handed out a `Ready`; nothing of it has been done, and `replica.log` includes its write. */
  handedOut?(replica: Replica, ready: Ready): void
  applied?(replica: Replica, entry: Entry, image: MachineImage): void
  /** A snapshot has replaced the state machine's state. */
  installed?(replica: Replica, image: MachineImage): void
  /** The core is gone: crash, or destroyed for good. */
  ended?(replica: Replica): void
  /** A client was told that its command was applied at this position. */
  acknowledged?(operation: number, index: number, term: number): void
  /** A client was told that its command will never be applied. */
  refused?(operation: number): void
  /** A client got the answer to a read. */
  served?(read: ServedRead): void
  /** The run is over and the cluster has converged. */
  finished?(): void
}

/** A property of the cluster is broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** The checker that found it. */
  readonly checker: string
  readonly interest: TraceInterest

  constructor(checker: string, message: string, interest: Partial<TraceInterest> = {}) {
    super(message)
    this.checker = checker
    this.interest = { members: [], terms: [], indexes: [], ...interest }
  }
}

/** Calls all checkers; each list holds only those that watch this kind of moment. */
export class Checkers implements Required<Omit<Checker, 'name'>> {
  readonly #all: readonly Checker[]
  readonly #stepped: readonly Checker[]

  constructor(all: readonly Checker[]) {
    this.#all = all
    this.#stepped = all.filter((checker) => checker.stepped !== undefined)
  }

  stepped(replica: Replica): void {
    for (const checker of this.#stepped) checker.stepped?.(replica)
  }

  started(replica: Replica): void {
    for (const checker of this.#all) checker.started?.(replica)
  }

  handedOut(replica: Replica, ready: Ready): void {
    for (const checker of this.#all) checker.handedOut?.(replica, ready)
  }

  applied(replica: Replica, entry: Entry, image: MachineImage): void {
    for (const checker of this.#all) checker.applied?.(replica, entry, image)
  }

  installed(replica: Replica, image: MachineImage): void {
    for (const checker of this.#all) checker.installed?.(replica, image)
  }

  ended(replica: Replica): void {
    for (const checker of this.#all) checker.ended?.(replica)
  }

  acknowledged(operation: number, index: number, term: number): void {
    for (const checker of this.#all) checker.acknowledged?.(operation, index, term)
  }

  refused(operation: number): void {
    for (const checker of this.#all) checker.refused?.(operation)
  }

  served(read: ServedRead): void {
    for (const checker of this.#all) checker.served?.(read)
  }

  finished(): void {
    for (const checker of this.#all) checker.finished?.()
  }
}
