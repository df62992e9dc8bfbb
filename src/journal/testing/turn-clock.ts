/** A clock for tests in which no time passes: what is put off runs in the next turn of the microtask queue. */

import type { Clock, Timer } from '../../host/clock.ts'

export class TurnClock implements Clock {
  time = 0

  nowMs(): number {
    return this.time
  }

  wallTimeMs(): number {
    return this.time
  }

  after(): Timer {
    return { cancel: () => {} }
  }

  soon(action: () => void): void {
    queueMicrotask(action)
  }
}
