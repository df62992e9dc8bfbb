/** Keeps the catalog's row of this member true: its addresses, when they have changed. */

import type { Clock, Timer } from '../host/clock.ts'
import type { Catalog } from './catalog.ts'
import type { MemberRow } from './catalog-reader.ts'
import type { MemberAddresses } from './cluster-state.ts'
import type { TransportLog } from './transport/context.ts'

export interface SelfReportOptions {
  readonly self: number
  readonly clock: Clock
  readonly log: TransportLog
  readonly catalog: Catalog
  /** What should be there. A null is what is not known (yet), and leaves the catalog as it is. */
  readonly addresses: () => MemberAddresses
}

const RETRY_MS = 2_000

export class SelfReport {
  readonly #options: SelfReportOptions
  #row: MemberRow | undefined
  #timer: Timer | null = null
  #isWriting = false
  #isRunning = false

  constructor(options: SelfReportOptions) {
    this.#options = options
  }

  start(): void {
    this.#isRunning = true
    this.check(this.#row)
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
  }

  /** `row`: what the catalog says. */
  check(row: MemberRow | undefined): void {
    this.#row = row
    if (!this.#isRunning || this.#isWriting || row?.status !== 'active') return
    const wanted = this.#wanted(row)
    if (
      wanted.peer === row.peerAddress &&
      wanted.http === row.httpAddress &&
      wanted.postgres === row.postgresAddress
    )
      return
    void this.#write(wanted)
  }

  #wanted(row: MemberRow): MemberAddresses {
    const { peer, http, postgres } = this.#options.addresses()
    return {
      peer: peer ?? row.peerAddress,
      http: http ?? row.httpAddress,
      postgres: postgres ?? row.postgresAddress,
    }
  }

  async #write(addresses: MemberAddresses): Promise<void> {
    const { catalog, self, log, clock } = this.#options
    this.#isWriting = true
    try {
      await catalog.setAddresses(self, addresses)
    } catch (error) {
      log('warn', 'The addresses of this member could not be written to the catalog', {
        reason: (error as Error).message,
      })
    } finally {
      this.#isWriting = false
    }
    if (!this.#isRunning) return
    this.#timer?.cancel()
    this.#timer = clock.after(RETRY_MS, () => this.check(this.#row))
  }
}
