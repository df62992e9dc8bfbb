/**
 * Files of databases that are gone: a crash, or a full disk, came before they were deleted.
 *
 * A file is made only after its row in the catalog was seen, so one without a row is that of a dropped database. But the row must be looked for in the
 * catalog as it is now. What this member has of it may be older than its own files: a power cut takes back what was applied, and with it
 * the knowledge of what is committed, while a file that was made since then stays. So the leader of the catalog is asked first, and
 * nothing is deleted while it can't be.
 */

import type { Clock, Timer } from '../host/clock.ts'
import type { DatabaseRow } from './catalog-reader.ts'
import type { Databases } from './databases.ts'
import type { TransportLog } from './transport/context.ts'

export interface OrphansOptions {
  readonly databases: Databases
  readonly clock: Clock
  readonly log: TransportLog
  /** As this member has them. */
  readonly rows: () => readonly DatabaseRow[]
  /** Resolves when `rows` gives all that was committed before this call. Rejects if that can't be found out. */
  readonly untilCurrent: () => Promise<void>
  /** Does `work` when nothing else opens or deletes databases; calls `deleteLater` if it rejects. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>
}

const RETRY_MS = 10_000

export class Orphans {
  readonly #options: OrphansOptions
  #timer: Timer | null = null
  #deleting: Promise<void> | null = null
  #isStopped = false

  constructor(options: OrphansOptions) {
    this.#options = options
  }

  /** Resolves when they are deleted, or after the first attempt; then it is tried again by itself. */
  delete(): Promise<void> {
    this.#deleting ??= this.#attempt().finally(() => (this.#deleting = null))
    return this.#deleting
  }

  deleteLater(): void {
    this.#timer?.cancel()
    this.#timer = this.#isStopped ? null : this.#options.clock.after(RETRY_MS, () => void this.delete())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #attempt(): Promise<void> {
    const { databases, rows, untilCurrent, inTurn, log } = this.#options
    try {
      const files = await databases.orphans(rows())
      if (files.length === 0) return
      await untilCurrent()
      if (!this.#isStopped) await inTurn(() => databases.deleteOrphans(files, rows()))
    } catch (error) {
      log('warn', 'Files of databases that are gone could not be deleted', { reason: String(error) })
      this.deleteLater()
    }
  }
}
