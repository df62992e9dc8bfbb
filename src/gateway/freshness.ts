/**
 * How fresh the file on this member is, and how to make it fresh enough for a read (DESIGN section 4, promise P2).
 *
 * A *confirmation* is a read index that is applied here: from then on the file holds everything that was acknowledged before the moment at
 * which that index was asked for. That moment is what a bound on staleness is measured from. A member that is cut off gets no
 * confirmation, so its last one grows old, and reads with a bound fail instead of telling what was true long ago.
 */

import type { IndexReceiver } from '../base/transaction.ts'
import type { DatabaseCore } from './core.ts'
import type { GatewayConfiguration } from './configuration.ts'
import type { Consistency } from './session.ts'

/**
 * Reads that wait for nothing ask the core once in so long all the same: it wakes a database that is behind, and nobody else would on
 * a member whose clients are content with what it has.
 */
const USE_INTERVAL_MS = 500

interface Confirmation {
  readonly askedAtMs: number
  readonly index: Promise<bigint>
}

export class Freshness {
  readonly #core: DatabaseCore
  readonly #configuration: GatewayConfiguration
  readonly #nowMs: () => number
  /** The file holds everything that was acknowledged before. */
  #confirmedAtMs = -Infinity
  /** When the core was last asked for an index. */
  #usedAtMs = -Infinity
  /** The newest confirmation that is under way for reads with a bound: they share it. */
  #pending: Confirmation | null = null

  constructor(core: DatabaseCore, configuration: GatewayConfiguration, nowMs: () => number) {
    this.#core = core
    this.#configuration = configuration
    this.#nowMs = nowMs
  }

  /** Everything that was acknowledged anywhere before this call. Resolves with the applied index at which to read. */
  linearizable(): Promise<bigint> {
    return this.#confirm(this.#nowMs())
  }

  /** `linearizable` for who waits without a promise; false, with nothing done, where the core can't. Throws why it can't be used. */
  linearizableFor(receiver: IndexReceiver): boolean {
    const core = this.#core
    if (core.readIndexFor === undefined) return false
    const askedAtMs = this.#nowMs()
    const reject = (error: Error): void => receiver.reject(error)
    const confirmed = (at: bigint): void => {
      this.#noteConfirmed(askedAtMs)
      receiver.resolve(at)
    }
    const resolve = (index: bigint): void => {
      const { appliedIndex } = core
      if (appliedIndex >= index) confirmed(appliedIndex)
      else this.applied(index).then(confirmed, reject)
    }
    return core.readIndexFor({ resolve, reject }, this.#configuration.readIndexTimeoutMs)
  }

  /** The index at which a read may be made in this moment; null where something must be waited for, or somebody asked. */
  now(consistency: Consistency, sessionIndex: bigint, nowMs: number = this.#nowMs()): bigint | null {
    if (this.#core.readIndexNow === undefined) return null
    // Throws where the database was dropped or the member stops.
    const index = this.#core.readIndexNow()
    const { appliedIndex } = this.#core
    if (index !== null && appliedIndex >= index) {
      this.#confirmedAtMs = nowMs
      return appliedIndex
    }
    const isEnough =
      this.#usedAtMs + USE_INTERVAL_MS > nowMs && this.#isEnough(consistency, sessionIndex, nowMs)
    return isEnough ? appliedIndex : null
  }

  #isEnough(consistency: Consistency, sessionIndex: bigint, nowMs: number): boolean {
    const { appliedIndex } = this.#core
    if (consistency.level === 'session')
      return appliedIndex >= sessionIndex && appliedIndex >= (consistency.index ?? 0n)
    if (consistency.level === 'stale')
      return this.#confirmedAtMs >= nowMs - (consistency.maxStalenessMs ?? Infinity)
    return false
  }

  /** Everything up to `index`. */
  async applied(index: bigint): Promise<bigint> {
    this.#usedAtMs = this.#nowMs()
    // Asked also where it is applied: the core says so when the database was dropped or the member stops.
    await this.#core.waitApplied(index, this.#configuration.appliedWaitTimeoutMs)
    return this.#core.appliedIndex
  }

  /** Everything that was acknowledged `maxStalenessMs` before this call. Rejects where that can't be confirmed. */
  async bounded(maxStalenessMs: number): Promise<bigint> {
    const oldestMs = this.#nowMs() - maxStalenessMs
    if (this.#confirmedAtMs >= oldestMs) return this.applied(this.#core.appliedIndex)
    if (this.#pending === null || this.#pending.askedAtMs < oldestMs) this.#pending = this.#begin()
    return this.#pending.index
  }

  #begin(): Confirmation {
    const askedAtMs = this.#nowMs()
    const confirmation = { askedAtMs, index: this.#confirm(askedAtMs) }
    const over = (): void => {
      if (this.#pending === confirmation) this.#pending = null
    }
    confirmation.index.then(over, over)
    return confirmation
  }

  async #confirm(askedAtMs: number): Promise<bigint> {
    const index = await this.#core.readIndex(this.#configuration.readIndexTimeoutMs)
    const { appliedIndex } = this.#core
    const at = appliedIndex >= index ? appliedIndex : await this.applied(index)
    // Only now: what is committed and not applied here is not in the file yet.
    this.#noteConfirmed(askedAtMs)
    return at
  }

  #noteConfirmed(askedAtMs: number): void {
    if (askedAtMs > this.#confirmedAtMs) this.#confirmedAtMs = askedAtMs
  }
}
