/** Who waits until this member leads: a moment after a start or an election, before everything of earlier terms is known. */

import type { Clock, Timer } from '../host/clock.ts'

interface Waiter {
  readonly resolve: (term: number) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

/** Longer than any election; a majority that is not there for so long is better told. */
const WAIT_TIMEOUT_MS = 5_000

export class LeadWaiters {
  readonly #clock: Clock
  #waiters: Waiter[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#waiters.length
  }

  wait(toError: () => Error): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const timer = this.#clock.after(WAIT_TIMEOUT_MS, () => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter)
      reject(toError())
    })
    const waiter: Waiter = { resolve, reject, timer }
    this.#waiters.push(waiter)
    return promise
  }

  resolveAll(term: number): void {
    for (const waiter of this.#takeAll()) waiter.resolve(term)
  }

  rejectAll(error: Error): void {
    for (const waiter of this.#takeAll()) waiter.reject(error)
  }

  #takeAll(): Waiter[] {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { timer } of waiters) timer.cancel()
    return waiters
  }
}
