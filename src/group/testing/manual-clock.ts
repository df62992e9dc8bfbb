/** A clock that stands still until a test moves it. */

import type { Clock, Timer } from '../../host/clock.ts'

interface Alarm {
  readonly dueMs: number
  readonly action: () => void
}

export class ManualClock implements Clock {
  #nowMs = 1_000
  readonly #alarms = new Set<Alarm>()

  nowMs(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const alarm = { dueMs: this.#nowMs + delayMs, action }
    this.#alarms.add(alarm)
    return { cancel: () => void this.#alarms.delete(alarm) }
  }

  soon(action: () => void): void {
    setImmediate(action)
  }

  get alarmCount(): number {
    return this.#alarms.size
  }

  /** Lets time pass and fires what is due, in order. */
  advance(durationMs: number): void {
    this.#nowMs += durationMs
    const due = [...this.#alarms].filter((alarm) => alarm.dueMs <= this.#nowMs)
    for (const alarm of due.sort((left, right) => left.dueMs - right.dueMs)) {
      if (this.#alarms.delete(alarm)) alarm.action()
    }
  }
}
