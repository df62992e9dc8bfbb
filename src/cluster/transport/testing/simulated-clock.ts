/** A clock whose time passes only when a test runs it: from one event to the next, and promises in between. */

import type { Clock, Timer } from '../../../host/clock.ts'

interface ClockEvent {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
}

const EVENTS_MAX = 2_000_000

export class SimulatedClock implements Clock {
  #nowMs = 1_000
  #order = 0
  /** What happens now, in the order of asking, and what happens later, sorted. */
  readonly #soon: (() => void)[] = []
  #later: ClockEvent[] = []

  nowMs(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const event = { dueMs: this.#nowMs + delayMs, order: this.#order++, action }
    const at = this.#later.findLastIndex((other) => other.dueMs <= event.dueMs)
    this.#later.splice(at + 1, 0, event)
    return { cancel: () => void (this.#later = this.#later.filter((other) => other !== event)) }
  }

  soon(action: () => void): void {
    this.#soon.push(action)
  }

  /** Timers that would still fire. */
  get timerCount(): number {
    return this.#later.length
  }

  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    while (await this.#step(endMs));
    this.#nowMs = endMs
  }

  /** Until `condition` holds. Throws if nothing more happens, or it does not come true in a long time. */
  async until(condition: () => boolean, what = 'the condition'): Promise<void> {
    const endMs = this.#nowMs + 600_000
    for (let count = 0; !condition(); count++) {
      if (count === EVENTS_MAX || !(await this.#step(endMs, condition)))
        throw new Error(`${what} never came true`)
    }
  }

  /** What `promise` gives, with time passing. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let isOver = false
    const over = (): void => void (isOver = true)
    promise.then(over, over)
    await this.until(() => isOver, 'the promise')
    return promise
  }

  /** The next event, unless `isDone` comes true before, by what the one before has set going. */
  async #step(endMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve))
    if (isDone()) return true
    const soon = this.#soon.splice(0)
    if (soon.length > 0) {
      for (const action of soon) action()
      return true
    }
    const event = this.#later[0]
    if (event === undefined || event.dueMs > endMs) return false
    this.#later.shift()
    this.#nowMs = event.dueMs
    event.action()
    return true
  }
}
