/** The catalog on this member: group 0, always awake, and what its SQLite file says, read again whenever that moves. */

import { isRetryable } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import { sleep } from '../host/clock.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import type { CatalogContent } from './catalog-reader.ts'
import { EMPTY_CATALOG, readCatalog } from './catalog-reader.ts'
import type { TransportLog } from './transport/context.ts'

export interface CatalogReplicaOptions {
  readonly group: DatabaseGroup
  readonly clock: Clock
  readonly log: TransportLog
  /** The content has moved. */
  readonly onChange: (content: CatalogContent) => void
}

const RETRY_MS = 100

export class CatalogReplica {
  readonly #options: CatalogReplicaOptions
  #content: CatalogContent = EMPTY_CATALOG
  #appliedIndex = -1n
  #isScheduled = false
  #isStopped = false

  constructor(options: CatalogReplicaOptions) {
    this.#options = options
  }

  get content(): CatalogContent {
    return this.#content
  }

  /** Resolves when the file is there and was read. A member that has just joined waits here for the leader of the catalog. */
  async start(): Promise<void> {
    const { group, clock } = this.#options
    while (!this.#isStopped) {
      try {
        await group.wake()
        break
      } catch (error) {
        if (!isRetryable(error)) throw error
        await sleep(clock, RETRY_MS)
      }
    }
    if (this.#isStopped) return
    group.onApplied(() => this.#schedule())
    group.onFileReplaced(() => this.#schedule())
    this.#read()
  }

  /** Resolves when `content` is that of `index` or later. Rejects if it is not within `timeoutMs`. */
  async reach(index: bigint, timeoutMs: number): Promise<void> {
    await this.#options.group.waitApplied(index, timeoutMs)
    if (this.#appliedIndex < index) this.#read()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Once for everything that is applied in this turn. */
  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    this.#options.clock.soon(() => {
      this.#isScheduled = false
      this.#readOrRetry()
    })
  }

  #readOrRetry(): void {
    if (this.#isStopped) return
    try {
      this.#read()
    } catch (error) {
      this.#options.log('warn', 'The catalog could not be read', { reason: (error as Error).message })
      this.#options.clock.after(RETRY_MS, () => this.#schedule())
    }
  }

  #read(): void {
    const { group, onChange } = this.#options
    const { appliedIndex } = group
    this.#content = readCatalog(group.dataFile)
    this.#appliedIndex = appliedIndex
    onChange(this.#content)
  }
}
