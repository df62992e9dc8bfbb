/**
 * The clock of all groups of a member: one timer, and none at all while every group is asleep. A tick is never made up for: after a pause
 * of the process the next one comes a whole interval later, or followers would take the pause for the silence of a leader.
 */

import type { Clock, Timer } from '../host/clock.ts'

export interface Ticking {
  /** Whether time means anything to it at the moment. */
  readonly needsTicks: boolean
  tick(): void
}

export class Ticker {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #onTick: () => boolean
  readonly #awake = new Set<Ticking>()
  #timer: Timer | null = null
  #isStopped = false
  #tickCount = 0

  /** `onTick` is called with each tick before the groups are; the timer goes on while it gives true. */
  constructor(clock: Clock, tickMs: number, onTick: () => boolean) {
    this.#clock = clock
    this.#tickMs = tickMs
    this.#onTick = onTick
  }

  /** Groups that get ticks. */
  get awakeCount(): number {
    return this.#awake.size
  }

  /** Calls of `tick` so far, over all groups. */
  get tickCount(): number {
    return this.#tickCount
  }

  /** It may have changed whether `group` needs ticks. */
  update(group: Ticking): void {
    if (!group.needsTicks) this.#awake.delete(group)
    else if (!this.#isStopped) {
      this.#awake.add(group)
      this.#schedule()
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#awake.clear()
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer ??= this.#clock.after(this.#tickMs, () => this.#tick())
  }

  #tick(): void {
    this.#timer = null
    const goesOn = this.#onTick()
    for (const group of this.#awake) {
      this.#tickCount++
      group.tick()
    }
    if (!this.#isStopped && (goesOn || this.#awake.size > 0)) this.#schedule()
  }
}
