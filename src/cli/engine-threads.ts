/**
 * Worker threads for engines. Several, because a long write in one database would hold up all databases of its thread; few,
 * because each costs some memory. The first starts at once, the others when databases need them.
 */

import { availableParallelism } from 'node:os'
import { EngineThread } from '../engine/engine-thread.ts'
import type { Engine, EngineOptions } from '../engine/engine.ts'
import type { HarmonyError } from '../base/errors.ts'

const THREADS_MAX = 4

export class EngineThreads {
  readonly #onDeath: (error: HarmonyError) => void
  readonly #threads: EngineThread[] = []
  readonly #threadsMax: number
  #opened = 0

  /** `onDeath` is called when a thread ends by itself: its databases can not be written any more. */
  constructor(onDeath: (error: HarmonyError) => void) {
    this.#onDeath = onDeath
    this.#threadsMax = Math.min(THREADS_MAX, Math.max(1, availableParallelism() - 1))
    this.#thread(0)
  }

  open(options: EngineOptions): Promise<Engine> {
    const thread = this.#thread(this.#opened++ % this.#threadsMax)
    return thread.open(options)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()))
  }

  #thread(at: number): EngineThread {
    return (this.#threads[at] ??= new EngineThread(this.#onDeath))
  }
}
