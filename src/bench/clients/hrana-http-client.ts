/** `POST /v2/pipeline`, as `@libsql/client` sends for `execute()`: [execute, close], or within a transaction [execute] with the stream's baton. */

import type { Executor, Row, SqlConnection, Value, TransactionMode } from '../target.ts'
import { HRANA_WORDS, rowsOf, statementOf, type HranaAnswer } from './hrana-statement.ts'
import { HttpConnection } from './http-connection.ts'
import { runTransaction } from './transactions.ts'

interface PipelineAnswer {
  readonly baton: string | null
  readonly results: readonly HranaAnswer[]
}

export class HranaHttpClient implements SqlConnection {
  readonly kind = 'sql'
  readonly dialect = 'sqlite'
  retries = 0
  readonly #http: HttpConnection

  private constructor(http: HttpConnection) {
    this.#http = http
  }

  static async connect(baseUrl: string): Promise<HranaHttpClient> {
    return new HranaHttpClient(await HttpConnection.connect(baseUrl))
  }

  async execute(sql: string, args: readonly Value[] = []): Promise<readonly Row[]> {
    const execute = { type: 'execute', stmt: statementOf(sql, args) }
    const { results } = await this.#send(null, [execute, { type: 'close' }])
    return rowsOf(results[0])
  }

  transaction<T>(work: (executor: Executor) => Promise<T>, mode: TransactionMode = 'write'): Promise<T> {
    let baton: string | null = null
    const executor: Executor = {
      execute: async (sql, args = []) => {
        if (sql === HRANA_WORDS.begin[mode]) baton = null
        const isEnd = sql === HRANA_WORDS.commit || sql === HRANA_WORDS.rollback
        const requests: unknown[] = [{ type: 'execute', stmt: statementOf(sql, args) }]
        const answer = await this.#send(baton, isEnd ? [...requests, { type: 'close' }] : requests)
        baton = answer.baton
        return rowsOf(answer.results[0])
      },
    }
    return runTransaction(executor, HRANA_WORDS, work, mode, () => this.retries++)
  }

  close(): Promise<void> {
    this.#http.close()
    return Promise.resolve()
  }

  async #send(baton: string | null, requests: readonly unknown[]): Promise<PipelineAnswer> {
    return JSON.parse(
      await this.#http.post('/v2/pipeline', JSON.stringify({ baton, requests })),
    ) as PipelineAnswer
  }
}
