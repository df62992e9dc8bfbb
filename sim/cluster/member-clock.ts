/**
 * A member's monotonic clock: it runs at a rate of its own and starts anywhere. Simulated time is the truth
 * that nobody in the cluster can see.
 */

import { MILLISECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'

export class MemberClock {
  readonly #truth: () => TimeUs
  #rate: number
  #sinceUs: TimeUs
  #sinceLocalMs: number

  constructor(truth: () => TimeUs, rate: number, startMs: number) {
    this.#truth = truth
    this.#rate = rate
    this.#sinceUs = truth()
    this.#sinceLocalMs = startMs
  }

  /** What the member reads from its clock, in milliseconds. */
  get nowMs(): number {
    return this.#sinceLocalMs + ((this.#truth() - this.#sinceUs) * this.#rate) / MILLISECOND
  }

  get rate(): number {
    return this.#rate
  }

  setRate(rate: number): void {
    this.#sinceLocalMs = this.nowMs
    this.#sinceUs = this.#truth()
    this.#rate = rate
  }

  /** How long, in truth, the member's clock takes to advance by `localUs`. */
  truthOf(localUs: number): number {
    return localUs / this.#rate
  }
}
