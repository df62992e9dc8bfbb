/**
 * Who may use the engine's one transaction: a batch, an interactive transaction, or upkeep. First come, first served,
 * so neither a stream of batches nor a stream of transactions can starve the other.
 */

import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'

interface Waiter {
  readonly resolve: (lease: WriterLease) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer | null
}

/** The right to use the writer, until `release`. */
export class WriterLease {
  readonly #onRelease: () => void
  #isReleased = false

  constructor(onRelease: () => void) {
    this.#onRelease = onRelease
  }

  release(): void {
    assert(!this.#isReleased, 'a lease is released once')
    this.#isReleased = true
    this.#onRelease()
  }
}

export class WriterQueue {
  readonly #clock: Clock
  readonly #database: string
  #isHeld = false
  /** Oldest first. Short: one for the batches, and bounded for interactive transactions by their owner. */
  readonly #waiters = new Set<Waiter>()

  constructor(database: string, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  get waitingCount(): number {
    return this.#waiters.size
  }

  /** Rejects with TRANSACTION_BUSY if the writer does not get free within `timeoutMs` (null: waits as long as it takes). */
  acquire(timeoutMs: number | null): Promise<WriterLease> {
    if (!this.#isHeld) return Promise.resolve(this.#grant())
    const { promise, resolve, reject } = Promise.withResolvers<WriterLease>()
    const timer =
      timeoutMs === null
        ? null
        : this.#clock.after(timeoutMs, () => {
            this.#waiters.delete(waiter)
            reject(this.#busy(timeoutMs))
          })
    const waiter: Waiter = { resolve, reject, timer }
    this.#waiters.add(waiter)
    return promise
  }

  #grant(): WriterLease {
    this.#isHeld = true
    return new WriterLease(() => this.#passOn())
  }

  #passOn(): void {
    this.#isHeld = false
    const next = this.#waiters.values().next().value
    if (next === undefined) return
    this.#waiters.delete(next)
    next.timer?.cancel()
    next.resolve(this.#grant())
  }

  #busy(timeoutMs: number): HarmonyError {
    return new HarmonyError(
      'TRANSACTION_BUSY',
      `Another transaction holds the writer of the database ${this.#database} for more than ${Math.round(timeoutMs)} ms. ` +
        'Nothing was done; try again.',
    )
  }
}
