/** What a connection is doing, for pg_stat_activity. */

import type { TransactionStatus } from '../wire/encoder.ts'

export interface ActivityRow {
  readonly processId: number
  readonly database: string
  readonly user: string
  readonly applicationName: string
  readonly clientAddress: string | null
  readonly state: string
  /** The one that runs, or the last one. Point reads that are answered at once leave no trace here: it would cost more than they do. */
  readonly query: string
  readonly connectedAtMs: number
  readonly queryStartedAtMs: number | null
}

const IDLE_STATES: Readonly<Record<TransactionStatus, string>> = {
  I: 'idle',
  T: 'idle in transaction',
  E: 'idle in transaction (aborted)',
}

export class Activity {
  readonly connectedAtMs: number = Date.now()
  #query = ''
  #startedAtMs: number | null = null
  #status: TransactionStatus | 'active' = 'I'

  get query(): string {
    return this.#query
  }

  get queryStartedAtMs(): number | null {
    return this.#startedAtMs
  }

  get state(): string {
    return this.#status === 'active' ? 'active' : IDLE_STATES[this.#status]
  }

  begin(query: string): void {
    this.#query = query
    this.#startedAtMs = Date.now()
    this.#status = 'active'
  }

  end(status: TransactionStatus): void {
    this.#status = status
  }
}
