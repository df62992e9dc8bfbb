/** One database as a gateway has it open: its core, its reader, and how fresh reads get (DESIGN section 4, promise P2). */

import { unreachable } from '../base/assert.ts'
import type { IndexReceiver } from '../base/transaction.ts'
import type { DatabaseCore } from './core.ts'
import type { GatewayConfiguration } from './configuration.ts'
import { Freshness } from './freshness.ts'
import type { DatabaseReader } from './reader.ts'
import type { Consistency } from './session.ts'

export class OpenDatabase {
  readonly core: DatabaseCore
  readonly reader: DatabaseReader
  readonly configuration: GatewayConfiguration
  readonly #freshness: Freshness

  constructor(
    core: DatabaseCore,
    reader: DatabaseReader,
    configuration: GatewayConfiguration,
    nowMs: () => number = () => performance.now(),
  ) {
    this.core = core
    this.reader = reader
    this.configuration = configuration
    this.#freshness = new Freshness(core, configuration, nowMs)
  }

  /** Like `fresh`, in this moment, which is `nowMs` by `performance.now()`; null where something must be waited for, or the leader asked. */
  freshNow(consistency: Consistency, sessionIndex: bigint, nowMs?: number): bigint | null {
    return this.#freshness.now(consistency, sessionIndex, nowMs)
  }

  /** `fresh` for a linearizable read that waits without a promise; false, with nothing done, where the core can't. */
  linearizableFor(receiver: IndexReceiver): boolean {
    return this.#freshness.linearizableFor(receiver)
  }

  /**
   * Resolves when a read here and now is as fresh as asked, with the applied index at which it may be made.
   * `sessionIndex` is the highest index that the session has written or read at.
   */
  async fresh(consistency: Consistency | undefined, sessionIndex: bigint): Promise<bigint> {
    if (consistency === undefined) return this.#freshness.linearizable()
    switch (consistency.level) {
      case 'linearizable':
        return this.#freshness.linearizable()
      case 'session': {
        const token = consistency.index ?? 0n
        return this.#freshness.applied(token > sessionIndex ? token : sessionIndex)
      }
      case 'stale':
        return consistency.maxStalenessMs === undefined
          ? this.#freshness.applied(this.core.appliedIndex)
          : this.#freshness.bounded(consistency.maxStalenessMs)
      default:
        return unreachable(consistency)
    }
  }
}
