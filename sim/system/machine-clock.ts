/** The clock of one process: it runs at a rate of its own, its wall time jumps, and it stands still with its process. */

import { MemberClock } from '../cluster/member-clock.ts'
import { MILLISECOND } from '../event-queue.ts'
import type { Clock, Timer } from '../../src/host/clock.ts'
import { WALL_START_MS } from './sealed-time.ts'
import type { Process, World } from './world.ts'

/** How long a turn of the event loop takes at least, so that time goes on whatever happens in turns. */
const TURN_US = 5

export class MachineClock implements Clock {
  readonly #world: World
  readonly #process: Process
  readonly #monotonic: MemberClock
  #wallOffsetMs = 0

  constructor(world: World, process: Process, rate: number, startMs: number) {
    this.#world = world
    this.#process = process
    this.#monotonic = new MemberClock(() => world.nowUs, rate, startMs)
  }

  nowMs(): number {
    return this.#monotonic.nowMs
  }

  wallTimeMs(): number {
    return WALL_START_MS + this.#wallOffsetMs + Math.floor(this.#world.nowUs / MILLISECOND)
  }

  /** The wall clock is set; it may go back. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  after(delayMs: number, action: () => void): Timer {
    // One more microsecond, because a timer never fires early by its own clock, whatever the rounding.
    const delayUs = Math.ceil(this.#monotonic.truthOf(Math.max(0, delayMs) * MILLISECOND)) + 1
    const event = this.#world.after(this.#process, delayUs, action)
    return { cancel: () => event.cancel() }
  }

  soon(action: () => void): void {
    this.#world.after(this.#process, TURN_US, action)
  }
}
