/**
 * rqlite's HTTP API (its documentation, "Data API"): one statement a request, with parameters. Reads are linearizable, as HarmonyDB's are by default.
 * It has no interactive transactions, so workloads that need them don't run on it.
 */

import type { Row, SqlConnection, Value } from '../target.ts'
import { HttpConnection } from './http-connection.ts'

interface RqliteAnswer {
  readonly results?: readonly { readonly values?: readonly Row[]; readonly error?: string }[]
  readonly error?: string
}

export class RqliteClient implements SqlConnection {
  readonly kind = 'sql'
  readonly dialect = 'sqlite'
  readonly retries = 0
  readonly #http: HttpConnection

  private constructor(http: HttpConnection) {
    this.#http = http
  }

  static async connect(baseUrl: string): Promise<RqliteClient> {
    return new RqliteClient(await HttpConnection.connect(baseUrl))
  }

  async execute(sql: string, args: readonly Value[] = []): Promise<readonly Row[]> {
    const path = /^\s*SELECT/i.test(sql) ? '/db/query?level=linearizable' : '/db/execute'
    const answer = JSON.parse(await this.#http.post(path, JSON.stringify([[sql, ...args]]))) as RqliteAnswer
    const error = answer.error ?? answer.results?.[0]?.error
    if (error !== undefined) throw new Error(`rqlite: ${error}`)
    return answer.results?.[0]?.values ?? []
  }

  transaction<T>(): Promise<T> {
    return Promise.reject(new Error('rqlite has no interactive transactions'))
  }

  close(): Promise<void> {
    this.#http.close()
    return Promise.resolve()
  }
}
