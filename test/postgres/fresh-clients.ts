/** One member for a file of tests, each of which begins with a connection of its own. */

import { after, before, beforeEach } from 'node:test'
import { must } from '../../src/base/assert.ts'
import { openWithTable, type PostgresHarness } from './harness.ts'
import { query, RawClient } from './raw-client.ts'

export class FreshClients {
  #harness: PostgresHarness | null = null
  #client: RawClient | null = null

  /** With the table of `openWithTable`. `prepare` runs before each test, on its connection. */
  constructor(prepare: (client: RawClient) => Promise<unknown> = async () => undefined) {
    before(async () => {
      this.#harness = await openWithTable()
    })
    after(async () => {
      await this.#client?.[Symbol.asyncDispose]()
      await this.#harness?.[Symbol.asyncDispose]()
    })
    beforeEach(async () => {
      await this.#client?.[Symbol.asyncDispose]()
      this.#client = await RawClient.ready(this.port)
      await prepare(this.#client)
    })
  }

  get port(): number {
    return must(this.#harness).port
  }

  /** Of the test that runs. */
  get client(): RawClient {
    return must(this.#client)
  }

  /** A simple query, and the short forms of what came back. */
  readonly ask = (sql: string): Promise<string[]> => this.client.ask(query(sql))
}
