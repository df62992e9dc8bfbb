/**
 * For the time of a run the process has no clock, no timers and no chance but the simulated ones.
 *
 * The layers below the gateway get Clock and Random injected. The gateway and the readers use the process's own timers;
 * here these are simulated too, so that real sessions run in simulated time, and a call that slipped past the interfaces is
 * simulated instead of silently making runs differ. Chance that nobody injected is an error.
 */

import type { ScheduledEvent } from '../event-queue.ts'
import type { World } from './world.ts'

/** What `setTimeout` gives: as much of Node.js's class as anybody uses. */
class SealedTimer {
  readonly #schedule: () => ScheduledEvent
  #event: ScheduledEvent

  constructor(schedule: () => ScheduledEvent) {
    this.#schedule = schedule
    this.#event = schedule()
  }

  /** Its time begins anew. */
  refresh(): this {
    this.#event.cancel()
    this.#event = this.#schedule()
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  cancel(): void {
    this.#event.cancel()
  }
}

/** `setImmediate` comes after what else happens at this time. */
const TURN_US = 5

function noChance(): never {
  throw new Error('Math.random() inside a simulation: chance must be injected')
}

/** What is left over at the end of a run belongs to machines that are gone. */
function ignoringErrors(action: () => void): void {
  try {
    action()
  } catch {
    // Its files are closed.
  }
}

/** Replaces the process's time and chance by the world's; the function that is returned puts them back. */
export function sealTime(world: World): () => void {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setImmediate: globalThis.setImmediate,
    clearImmediate: globalThis.clearImmediate,
    performanceNow: performance.now.bind(performance),
    dateNow: Date.now,
    mathRandom: Math.random,
  }
  const turns = new Set<() => void>()
  const after = (action: () => void, delayMs: number = 0): SealedTimer => {
    const { current } = world
    return new SealedTimer(() => world.after(current, Math.max(1, Math.round(delayMs * 1000)), action))
  }
  const soon = (action: () => void): SealedTimer => {
    turns.add(action)
    const run = (): void => {
      turns.delete(action)
      action()
    }
    const { current } = world
    return new SealedTimer(() => world.after(current, TURN_US, run))
  }
  const cancel = (timer: unknown): void => {
    if (timer instanceof SealedTimer) timer.cancel()
    else real.clearTimeout(timer as NodeJS.Timeout)
  }
  Object.assign(globalThis, {
    setTimeout: after,
    clearTimeout: cancel,
    setImmediate: soon,
    clearImmediate: cancel,
  })
  performance.now = () => world.nowUs / 1000
  Date.now = () => WALL_START_MS + world.nowUs / 1000
  Math.random = noChance
  return () => {
    const { performanceNow, dateNow, mathRandom, ...timers } = real
    Object.assign(globalThis, timers)
    performance.now = performanceNow
    Date.now = dateNow
    Math.random = mathRandom
    // Modules remember whether they have asked for a turn; the next run begins with none asked for.
    for (const action of turns) ignoringErrors(action)
  }
}

/** Every run begins at this moment of the calendar. */
export const WALL_START_MS: number = Date.UTC(2030, 0, 1)
