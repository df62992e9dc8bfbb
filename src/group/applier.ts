/**
 * Brings what is committed into the SQLite file where no transaction of this member does: on followers, and after a change of the
 * leader. It takes the writer like a transaction, so there is one order of everything that changes the file: that of the log.
 */

import { toHarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { CommitLog } from './commit-log.ts'
import type { StateMachine } from './state-machine.ts'
import type { WriterQueue } from './writer-lease.ts'

/** After a failure, such as a full disk, before the next attempt. */
const RETRY_PAUSE_MS = 1_000

export interface ApplierOptions {
  readonly log: CommitLog
  readonly machine: StateMachine
  readonly writer: WriterQueue
  readonly clock: Clock
  /** Something was applied, and the writer is free again. */
  readonly onApplied: () => void
}

export class Applier {
  readonly #options: ApplierOptions
  #running: Promise<void> | null = null
  #retryTimer: Timer | null = null
  #isStopped = false

  constructor(options: ApplierOptions) {
    this.#options = options
  }

  /** Something was committed, or the writer got free. */
  poke(): void {
    const { log, machine } = this.#options
    // Whoever waits for the fate of a proposal has the writer, and applies the entry itself or tells when it is over.
    if (this.#isStopped || this.#running !== null || this.#retryTimer !== null) return
    if (log.isPending || machine.isCommitting) return
    if (machine.skipOwnEntries()) return
    this.#running = this.#run().finally(() => (this.#running = null))
  }

  /** The file was replaced: there is no reason to wait any longer. */
  retryNow(): void {
    this.#retryTimer?.cancel()
    this.#retryTimer = null
    this.poke()
  }

  /** Resolves when nothing is being applied; nothing is from then on. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#retryTimer?.cancel()
    await this.#running
  }

  async #run(): Promise<void> {
    const { machine, writer, onApplied } = this.#options
    while (!this.#isStopped && !machine.skipOwnEntries()) {
      const lease = await writer.acquire(null)
      try {
        if (this.#isStopped) return
        await machine.current()
      } catch (error) {
        await machine.noteEngineError(error)
        this.#retryLater(toHarmonyError(error).code)
        return
      } finally {
        lease.release()
      }
      onApplied()
    }
  }

  /** A file that is damaged stays so until it is replaced. */
  #retryLater(code: string): void {
    if (this.#isStopped) return
    const pauseMs =
      code === 'DATA_CORRUPT' || code === 'REPLICA_DIVERGED' ? 10 * RETRY_PAUSE_MS : RETRY_PAUSE_MS
    this.#retryTimer = this.#options.clock.after(pauseMs, () => {
      this.#retryTimer = null
      this.poke()
    })
  }
}
