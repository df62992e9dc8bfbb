/**
 * Upkeep of one database between its transactions: checkpoints, which bound the work at a restart and let the journal be
 * shorter. A checkpoint takes the writer like a transaction does, because SQLite can't checkpoint past an open one.
 */

import type { StateMachine } from './state-machine.ts'
import type { WriterQueue } from './writer-lease.ts'

export class Checkpoints {
  readonly #machine: StateMachine
  readonly #writer: WriterQueue
  #running: Promise<void> | null = null

  constructor(machine: StateMachine, writer: WriterQueue) {
    this.#machine = machine
    this.#writer = writer
  }

  /** Makes a checkpoint in the background if enough was applied since the last one. */
  poke(): void {
    if (this.#running !== null || !this.#machine.wantsCheckpoint) return
    this.#running = this.#run().finally(() => (this.#running = null))
  }

  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const lease = await this.#writer.acquire(null)
    try {
      if (this.#machine.isAwake) await this.#machine.checkpoint()
    } catch (error) {
      // The log still has everything, so nothing is lost; the next batch tries again.
      await this.#machine.noteEngineError(error)
    } finally {
      lease.release()
    }
  }
}
