/** How engines are opened, for the layers above, which do not know the engine's folder. */

import { availableParallelism } from 'node:os'
import type { Engine, EngineOpener, EngineOptions } from '../engine/engine.ts'
import { EngineThread } from '../engine/engine-thread.ts'
import { LocalEngine } from '../engine/local-engine.ts'

/** In this thread: for the simulator, tests and tools. A slow statement stalls everything else here. */
export const openEngineHere: EngineOpener = (options) => LocalEngine.open(options)

/** More writers than that contend for the same disk; and the core, the gateways and the query workers need the machine too. */
const THREADS_MAX = 4

interface Slot {
  thread: EngineThread | null
  /** Open engines on it. */
  engineCount: number
}

/**
 * Worker threads that own the engines of a member's databases: each database on one of them, started with the first
 * database that needs it. A thread that dies is replaced with the next opening; its databases are opened again by their groups.
 */
export class EnginePool {
  readonly #slots: readonly Slot[]
  readonly #onDeath: (error: Error) => void

  constructor(
    threadCount: number = Math.min(THREADS_MAX, Math.max(1, availableParallelism() - 1)),
    onDeath: (error: Error) => void = () => {},
  ) {
    this.#slots = Array.from({ length: threadCount }, () => ({ thread: null, engineCount: 0 }))
    this.#onDeath = onDeath
  }

  /** Opens an engine on the thread with the fewest. */
  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    const slot = this.#slots.reduce((best, one) => (one.engineCount < best.engineCount ? one : best))
    slot.engineCount++
    try {
      const engine = await this.#threadOf(slot).open(options)
      return closingOnce(engine, () => slot.engineCount--)
    } catch (error) {
      slot.engineCount--
      throw error
    }
  }

  /** Ends the threads. Their engines must be closed before. */
  async stop(): Promise<void> {
    for (const slot of this.#slots) await slot.thread?.stop()
  }

  #threadOf(slot: Slot): EngineThread {
    slot.thread ??= new EngineThread((error) => {
      slot.thread = null
      this.#onDeath(error)
    })
    return slot.thread
  }
}

/** `engine`, telling `onClose` when it is closed, whether that works or not. */
function closingOnce(engine: Engine, onClose: () => void): Engine {
  const close = engine.close.bind(engine)
  let isClosed = false
  return Object.assign(engine, {
    close: async () => {
      if (!isClosed) onClose()
      isClosed = true
      await close()
    },
  })
}
