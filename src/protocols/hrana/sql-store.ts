/**
 * SQL texts that a client has stored under ids of its own: per stream over HTTP, per connection over WebSocket.
 * Storing under an id in use replaces the text (PROTOCOL.md 6.5; HRANA_3_SPEC calls it an error, but no client that
 * obeys it can tell the difference).
 */

import { unreachable } from '../../base/assert.ts'
import { LazyMap } from '../../base/lazy-map.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { Batch, SqlText, StreamRequest } from './types.ts'

export interface SqlStoreLimits {
  readonly storedSqlMax: number
  readonly storedSqlBytesMax: number
}

export class SqlStore {
  readonly #limits: SqlStoreLimits
  readonly #texts = new LazyMap<number, string>()
  #length = 0

  constructor(limits: SqlStoreLimits) {
    this.#limits = limits
  }

  store(sqlId: number, sql: string): void {
    const length = this.#length + sql.length - (this.#texts.get(sqlId)?.length ?? 0)
    if (length > this.#limits.storedSqlBytesMax)
      throw new HarmonyError(
        'SQL_STORE_TOO_LARGE',
        `Storing this SQL text (${sql.length} characters) would pass the limit of ` +
          `${this.#limits.storedSqlBytesMax} characters for all stored texts. Close some, or send the text itself.`,
      )
    if (this.#texts.size >= this.#limits.storedSqlMax && !this.#texts.has(sqlId))
      throw new HarmonyError(
        'SQL_STORE_TOO_MANY',
        `${this.#texts.size} SQL texts are stored already, which is the limit. Close some with close_sql first.`,
      )
    this.#texts.set(sqlId, sql)
    this.#length = length
  }

  /** Closing what is not stored is no error. */
  close(sqlId: number): void {
    this.#length -= this.#texts.get(sqlId)?.length ?? 0
    this.#texts.delete(sqlId)
  }

  resolve(text: SqlText): string {
    if (text.sqlId === null) return text.sql ?? ''
    const sql = this.#texts.get(text.sqlId)
    if (sql !== undefined) return sql
    throw new HarmonyError(
      'SQL_NOT_STORED',
      `No SQL text is stored under the id ${text.sqlId}. Store it with store_sql on the same stream or connection first.`,
    )
  }

  resolveBatch(batch: Batch): Batch {
    if (batch.steps.every(({ statement }) => statement.sqlId === null)) return batch
    return {
      steps: batch.steps.map((step) => ({ ...step, statement: this.#withText(step.statement) })),
    }
  }

  /** `request` with its stored texts in place of their ids. */
  resolveRequest(request: StreamRequest): StreamRequest {
    switch (request.type) {
      case 'execute':
        return { ...request, statement: this.#withText(request.statement) }
      case 'batch':
        return { ...request, batch: this.resolveBatch(request.batch) }
      case 'sequence':
      case 'describe':
        return { ...request, text: this.#withText(request.text) }
      case 'store_sql':
      case 'close_sql':
      case 'get_autocommit':
      case 'close':
        return request
      default:
        return unreachable(request)
    }
  }

  #withText<T extends SqlText>(text: T): T {
    return text.sqlId === null ? text : { ...text, sql: this.resolve(text), sqlId: null }
  }
}
