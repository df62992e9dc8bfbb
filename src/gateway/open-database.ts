/** One database as a gateway has it open: its core, its reader, and how fresh reads get (DESIGN section 4, promise P2). */

import { unreachable } from '../base/assert.ts'
import type { DatabaseCore } from './core.ts'
import type { GatewayConfiguration } from './configuration.ts'
import type { DatabaseReader } from './reader.ts'
import type { Consistency } from './session.ts'

export class OpenDatabase {
  readonly core: DatabaseCore
  readonly reader: DatabaseReader
  readonly configuration: GatewayConfiguration
  /** When the last read index that is applied here was asked for. */
  #confirmedAtMs = -Infinity

  constructor(core: DatabaseCore, reader: DatabaseReader, configuration: GatewayConfiguration) {
    this.core = core
    this.reader = reader
    this.configuration = configuration
  }

  /**
   * Resolves when a read here and now is as fresh as asked, with the applied index at which it may be made.
   * `sessionIndex` is the highest index that the session has written or read at.
   */
  async fresh(consistency: Consistency | undefined, sessionIndex: bigint): Promise<bigint> {
    if (consistency === undefined) return this.#linearizable()
    switch (consistency.level) {
      case 'linearizable':
        return this.#linearizable()
      case 'session': {
        const token = consistency.index ?? 0n
        return this.#applied(token > sessionIndex ? token : sessionIndex)
      }
      case 'stale': {
        const ageMs = performance.now() - this.#confirmedAtMs
        return consistency.maxStalenessMs !== undefined && ageMs > consistency.maxStalenessMs
          ? this.#linearizable()
          : this.#applied(this.core.appliedIndex)
      }
      default:
        return unreachable(consistency)
    }
  }

  async #linearizable(): Promise<bigint> {
    const askedAtMs = performance.now()
    const index = await this.core.readIndex()
    this.#confirmedAtMs = askedAtMs
    return this.core.appliedIndex >= index ? this.core.appliedIndex : this.#applied(index)
  }

  async #applied(index: bigint): Promise<bigint> {
    // Asked also where it is applied: the core says so when the database was dropped or the member stops.
    await this.core.waitApplied(index, this.configuration.appliedWaitTimeoutMs)
    return this.core.appliedIndex
  }
}
