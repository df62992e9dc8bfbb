/** What clients do in a run, and what must be true of it afterwards. There are `clientsPerWorkload` of them, and each goes to any machine that is up. */

import type { SqlValue } from '../../../src/base/value.ts'
import type { ClientParts } from '../client.ts'
import { Client } from '../client.ts'
import { DATABASE } from '../open-member.ts'

export interface WorkloadCounts {
  ok: number
  refused: number
  unknown: number
}

/** The content of a database when everything is at rest. */
export interface FinalContent {
  rows(sql: string): SqlValue[][]
}

export abstract class Workload {
  abstract readonly name: string
  readonly counts: WorkloadCounts = { ok: 0, refused: 0, unknown: 0 }
  readonly #clients: readonly Client[]

  constructor(parts: readonly ClientParts[]) {
    this.#clients = parts.map((one) => new Client(one, DATABASE))
  }

  /** None is under way. */
  get isDone(): boolean {
    return this.#clients.every((client) => client.isDone)
  }

  /** Requests begin. */
  start(): void {
    for (const [at, client] of this.#clients.entries()) void this.serve(client, at)
  }

  /** No new ones begin. */
  stop(): void {
    for (const client of this.#clients) client.stop()
  }

  /** What one client does until it is stopped. */
  protected abstract serve(client: Client, at: number): Promise<void>

  /** Throws a Violation. `final` is what every replica has. */
  check(_final: FinalContent): void {}
}
