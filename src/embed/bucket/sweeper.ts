/**
 * Deletes what has expired. Nobody sees such entries any more; sweeping takes them out of the file, and in a database where nothing else is written it
 * moves log time on, so that they end at all. It is an ordinary transaction: every member does the same at the same place in the log.
 *
 * Every process that uses buckets looks once a second, which is one point read. They would all sweep at the same moment, so each waits a random time
 * and looks again; a second sweep finds nothing, which is harmless.
 */

import { SystemRandom } from '../../host/random.ts'
import type { BucketReader } from './reader.ts'
import { FIRST_EXPIRY, SWEEP } from './statements.ts'

const LOOK_EVERY_MS = 1_000
const RANDOM = new SystemRandom()

export class Sweeper {
  readonly #reader: BucketReader
  readonly #execute: (sql: string) => Promise<{ readonly changes: number }>

  constructor(reader: BucketReader, execute: (sql: string) => Promise<{ readonly changes: number }>) {
    this.#reader = reader
    this.#execute = execute
  }

  /** Until the database is closed. Keeps no process alive. */
  start(): void {
    setTimeout(() => void this.#look(), LOOK_EVERY_MS * (0.5 + RANDOM.float())).unref()
  }

  async #look(): Promise<void> {
    try {
      // As many as there are: each sweep is bounded.
      while (this.#isDue()) if ((await this.#execute(SWEEP)).changes === 0) break
    } catch (error) {
      // Whoever leads next time sweeps then; a closed database is swept by nobody.
      if ((error as { code?: unknown }).code === 'SHUTTING_DOWN') return
    }
    this.start()
  }

  #isDue(): boolean {
    if (!this.#reader.hasTables) return false
    const at = this.#reader.get<{ at: number }>(FIRST_EXPIRY)?.at
    return at !== undefined && at <= Date.now()
  }
}
