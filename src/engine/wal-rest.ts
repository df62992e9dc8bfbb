/**
 * When to move the rest of the WAL into the file: when nobody has called the engine for `REST_MS`. Where a reader holds some of it
 * back, it is tried again, less and less often: a reader that stays for hours costs a few tries.
 *
 * A move syncs the disk twice. A thousand databases with a write every few seconds each would so sync more than their journal does, for reads
 * that perhaps nobody makes: all databases of a process share one pace.
 */

import type { Clock, Timer } from '../host/clock.ts'

export const REST_MS = 250
const TRIES = 5
const PAUSE_FACTOR = 4

/** Between two moves, of whatever databases. */
export const PACE_MS = 100

export class RestPace {
  #freeAtMs = -Infinity

  /** How long to wait for the turn that this takes. */
  take(nowMs: number): number {
    const turnMs = Math.max(this.#freeAtMs, nowMs)
    this.#freeAtMs = turnMs + PACE_MS
    return turnMs - nowMs
  }
}

export class WalRest {
  readonly #move: () => boolean
  readonly #pace: RestPace
  readonly #clock: Clock
  #calledAtMs = -Infinity
  #timer: Timer | null = null
  /** Pause before the next try, and how many are left. */
  #pauseMs = REST_MS
  #tries = 0

  /** `move` tells whether nothing is left to move. */
  constructor(move: () => boolean, clock: Clock, pace: RestPace) {
    this.#move = move
    this.#pace = pace
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
    this.#after(pauseMs, () => {
      const nowMs = this.#clock.nowMs()
      const dueMs = this.#calledAtMs + REST_MS - nowMs
      if (dueMs > 0) return this.#wait(dueMs)
      const turnMs = this.#pace.take(nowMs)
      if (turnMs === 0) this.#try()
      else this.#after(turnMs, () => this.#tryIfQuiet())
    })
  }

  #after(pauseMs: number, action: () => void): void {
    this.close()
    this.#timer = this.#clock.after(pauseMs, () => {
      this.#timer = null
      action()
    })
  }

  /** Its turn has come: is there still nothing else to do? */
  #tryIfQuiet(): void {
    const dueMs = this.#calledAtMs + REST_MS - this.#clock.nowMs()
    if (dueMs > 0) this.#wait(dueMs)
    else this.#try()
  }

  #try(): void {
    this.#tries--
    if (this.#move() || this.#tries === 0) return
    this.#pauseMs *= PAUSE_FACTOR
    this.#wait(this.#pauseMs)
  }
}
