/** The applied index of a database: who listens to it, who waits for it. */

import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'

interface Waiter {
  readonly index: bigint
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

export class AppliedIndex {
  readonly #clock: Clock
  readonly #database: string
  #index = 0n
  readonly #listeners = new Set<(index: bigint) => void>()
  readonly #waiters = new Set<Waiter>()

  constructor(database: string, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  get index(): bigint {
    return this.#index
  }

  advance(index: bigint): void {
    if (index === this.#index) return
    assert(index > this.#index, 'the applied index never goes back')
    this.#index = index
    for (const waiter of this.#waiters) if (waiter.index <= index) this.#settle(waiter).resolve()
    for (const listener of this.#listeners) listener(index)
  }

  onAdvance(listener: (index: bigint) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves when the index is there. Rejects with STATEMENT_TIMEOUT when `timeoutMs` have passed: nothing was done. */
  wait(index: bigint, timeoutMs: number): Promise<void> {
    if (this.#index >= index) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = this.#clock.after(timeoutMs, () =>
      this.#settle(waiter).reject(this.#late(index, timeoutMs)),
    )
    const waiter: Waiter = { index, resolve, reject, timer }
    this.#waiters.add(waiter)
    return promise
  }

  /** Nobody needs to wait any more: the database is closed. */
  rejectAll(error: Error): void {
    for (const waiter of this.#waiters) this.#settle(waiter).reject(error)
  }

  #settle(waiter: Waiter): Waiter {
    this.#waiters.delete(waiter)
    waiter.timer.cancel()
    return waiter
  }

  #late(index: bigint, timeoutMs: number): HarmonyError {
    return new HarmonyError(
      'STATEMENT_TIMEOUT',
      `The database ${this.#database} has applied index ${this.#index} here and did not reach ${index} within ` +
        `${timeoutMs} ms. Nothing was done; try again, or allow an older read.`,
    )
  }
}
