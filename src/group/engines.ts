/** How engines are opened, for the layers above, which do not know the engine's folder. */

import { EngineEndedError } from '../engine/engine-ended.ts'
import type { Engine, EngineOpener, EngineOptions } from '../engine/engine.ts'
import { forkChild, type StartChild } from '../engine/engine-child.ts'
import { EngineProcess } from '../engine/engine-process.ts'
import { LocalEngine } from '../engine/local-engine.ts'
import { SplitEngine } from '../engine/split-engine.ts'
import { SystemClock } from '../host/clock.ts'
import { GROUP_DEFAULTS, type GroupLimits } from './limits.ts'

export type { EngineEndedError } from '../engine/engine-ended.ts'
export { WRITER_LOCK_SUFFIX } from '../engine/writer-lock.ts'

/** In this thread: for the simulator, tests and tools. Nothing can stop a statement there, and a slow one stalls everything else. */
export const openEngineHere: EngineOpener = (options) => LocalEngine.open(options)

export type EnginePoolLimits = Pick<GroupLimits, 'engineProcessesMax' | 'engineMemoryBytesMax'>

/** Each takes some 200 KB, and up to 32 MB of pages. */
const NEAR_ENGINES_MAX = 64

/** What a simulator brings in place of the machine's. */
export interface EnginePoolParts {
  readonly start: StartChild
  readonly nearEnginesMax: number
}

const PARTS: EnginePoolParts = { start: forkChild, nearEnginesMax: NEAR_ENGINES_MAX }

interface Slot {
  process: EngineProcess | null
  /** Engines open, or being opened, on it. */
  engineCount: number
}

/**
 * The processes that own the engines of a member's databases. Several, because a long write holds up all databases of its process, and
 * stopping it ends their open transactions; few, because each takes memory. A process starts with the first database that needs it
 * and ends with the last, but for one, which stays warm. One that dies is replaced with the next opening; its databases are
 * opened again by their groups.
 */
export class EnginePool {
  readonly #limits: EnginePoolLimits
  readonly #onEnd: (error: EngineEndedError) => void
  readonly #parts: EnginePoolParts
  readonly #slots: readonly Slot[]
  readonly #clock = new SystemClock()
  /** Second connections of engines, in this process. */
  #nearEngines = 0
  #isStopped = false

  /** `onEnd` is called when a process has ended that nobody stopped. */
  constructor(
    limits: EnginePoolLimits = GROUP_DEFAULTS,
    onEnd: (error: EngineEndedError) => void = () => {},
    parts: EnginePoolParts = PARTS,
  ) {
    this.#limits = limits
    this.#onEnd = onEnd
    this.#parts = parts
    const length = limits.engineProcessesMax
    this.#slots = Array.from({ length }, () => ({ process: null, engineCount: 0 }))
  }

  get processIds(): readonly number[] {
    return this.#slots.flatMap(({ process }) => process?.processId ?? [])
  }

  /** Starts the first process, so that the first database finds it ready. */
  warm(): void {
    for (const slot of this.#slots.slice(0, 1)) this.#processOf(slot)
  }

  /** Opens an engine in the process with the fewest. Rejects as `LocalEngine.open` does, with DATA_LOCKED, SHUTTING_DOWN or as EngineEndedError. */
  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    if (this.#isStopped)
      throw new EngineEndedError('stopped', 'The member is stopping. Nothing was done; try again.')
    const slot = this.#slots.reduce((best, one) => (one.engineCount < best.engineCount ? one : best))
    slot.engineCount++
    try {
      const far = await this.#processOf(slot).open(options)
      const engine = new SplitEngine(far, {
        engine: options,
        nowMs: () => this.#clock.nowMs(),
        takePlace: () => this.#takePlace(),
        leavePlace: () => this.#nearEngines--,
      })
      return closingOnce(engine, () => this.#leave(slot))
    } catch (error) {
      this.#leave(slot)
      throw error
    }
  }

  /** Ends all processes at once, whatever they do, and lets none start. What waits is rejected with SHUTTING_DOWN. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#slots.map(async (slot) => slot.process?.stop()))
  }

  #takePlace(): boolean {
    if (this.#nearEngines >= this.#parts.nearEnginesMax) return false
    this.#nearEngines++
    return true
  }

  #processOf(slot: Slot): EngineProcess {
    if (slot.process !== null) return slot.process
    const onEnd = (error: EngineEndedError): void => {
      if (slot.process === started) slot.process = null
      this.#onEnd(error)
    }
    const options = { memoryBytesMax: this.#limits.engineMemoryBytesMax }
    const started = new EngineProcess(options, onEnd, this.#parts.start)
    slot.process = started
    return started
  }

  #leave(slot: Slot): void {
    slot.engineCount--
    if (slot.engineCount > 0 || slot === this.#slots[0]) return
    const { process } = slot
    slot.process = null
    void process?.stop()
  }
}

/** `engine`, telling `onClosed` once it is closed, whether that worked or not. */
function closingOnce(engine: Engine, onClosed: () => void): Engine {
  const close = engine.close.bind(engine)
  let isClosed = false
  return Object.assign(engine, {
    close: async () => {
      if (isClosed) return
      isClosed = true
      try {
        await close()
      } finally {
        onClosed()
      }
    },
  })
}
