/**
 * When to move the rest of the WAL into the file: when nobody has called the engine for `REST_MS`. Where a reader holds some of it
 * back, it is tried again, less and less often: a reader that stays for hours costs a few tries.
 */

import type { Clock, Timer } from '../host/clock.ts'

export const REST_MS = 250
const TRIES = 5
const PAUSE_FACTOR = 4

export class WalRest {
  readonly #move: () => boolean
  readonly #clock: Clock
  #calledAtMs = -Infinity
  #timer: Timer | null = null
  /** Pause before the next try, and how many are left. */
  #pauseMs = REST_MS
  #tries = 0

  /** `move` tells whether nothing is left to move. */
  constructor(move: () => boolean, clock: Clock) {
    this.#move = move
    this.#clock = clock
  }

  /** The engine was called. Costs a look at the clock: a timer for each call would cost more than some calls do. */
  noteCall(): void {
    this.#calledAtMs = this.#clock.nowMs()
    const isWaiting = this.#timer !== null && this.#pauseMs === REST_MS
    this.#pauseMs = REST_MS
    this.#tries = TRIES
    if (!isWaiting) this.#wait(REST_MS)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #wait(pauseMs: number): void {
    this.close()
    this.#timer = this.#clock.after(pauseMs, () => {
      this.#timer = null
      const dueMs = this.#calledAtMs + REST_MS - this.#clock.nowMs()
      if (dueMs > 0) this.#wait(dueMs)
      else this.#try()
    })
  }

  #try(): void {
    this.#tries--
    if (this.#move() || this.#tries === 0) return
    this.#pauseMs *= PAUSE_FACTOR
    this.#wait(this.#pauseMs)
  }
}
