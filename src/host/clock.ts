/**
 * Time as the layers below the gateway see it: injected, so that a simulator can run hours in a second and jump the
 * wall clock. Nothing that decides safety may use wall time; it only labels (the `now` of SQL, log lines).
 */

export interface Timer {
  /** Does nothing when the timer has fired already. */
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds since some moment, with fractions. */
  nowMs(): number
  /** Milliseconds since 1970-01-01 UTC. May jump, backwards too. */
  wallTimeMs(): number
  /** Calls `action` once, not earlier than in `delayMs`. */
  after(delayMs: number, action: () => void): Timer
  /** Calls `action` once, after the input that has arrived by now was handled: what arrives together is batched together. */
  soon(action: () => void): void
}

/** Resolves in `delayMs`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  clock.after(delayMs, resolve)
  return promise
}

/** The machine's clock. Its timers keep the process alive until they fire or are cancelled. */
export class SystemClock implements Clock {
  nowMs(): number {
    return performance.now()
  }

  wallTimeMs(): number {
    return Date.now()
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = setTimeout(action, delayMs)
    return { cancel: () => clearTimeout(timer) }
  }

  soon(action: () => void): void {
    setImmediate(action)
  }
}
