/**
 * One Hrana stream: a session of the gateway and the SQL texts stored for it. Both transports run their requests
 * through it, one at a time.
 */

import { unreachable } from '../../base/assert.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { SqlStatement } from '../../base/value.ts'
import type { BatchStep, Consistency, ExecuteOptions, ExecuteResult, Session } from '../../gateway/session.ts'
import { collectBatch, Cursor } from './cursor.ts'
import type { SqlStore } from './sql-store.ts'
import type { Batch, Statement, StreamRequest, StreamResponse } from './types.ts'

export class HranaStream {
  readonly session: Session
  /** What the request that runs asks for its reads; null leaves it to the session. */
  consistency: Consistency | null = null
  readonly #store: SqlStore
  readonly #responseBytesMax: number
  #isClosed = false

  constructor(session: Session, store: SqlStore, responseBytesMax: number) {
    this.session = session
    this.#store = store
    this.#responseBytesMax = responseBytesMax
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Rejects with what the client is to be told. */
  async run(request: StreamRequest): Promise<StreamResponse> {
    const { type } = request
    switch (type) {
      case 'execute':
        return { type, result: await this.#execute(request.statement) }
      case 'batch': {
        const steps = this.#resolveBatch(request.batch)
        const options = { ...this.#options(), rowsBytesMax: this.#responseBytesMax }
        const result = await collectBatch(this.session.batch(steps, options), steps)
        return { type, result }
      }
      case 'sequence':
        await this.session.sequence(this.#store.resolve(request.text), this.#options())
        return { type }
      case 'describe':
        return { type, result: await this.session.describe(this.#store.resolve(request.text)) }
      case 'store_sql':
        this.#store.store(request.sqlId, request.sql)
        return { type }
      case 'close_sql':
        this.#store.close(request.sqlId)
        return { type }
      case 'get_autocommit':
        return { type, isAutocommit: this.session.isAutocommit }
      case 'close':
        await this.close()
        return { type }
      default:
        return unreachable(type)
    }
  }

  /** A point read is answered at once where that can be. */
  #execute(given: Statement): Promise<ExecuteResult> | ExecuteResult {
    const statement = this.#resolve(given)
    const { wantRows } = given
    const quick = this.consistency === null && wantRows ? this.session.executeNow?.(statement) : null
    return quick ?? this.session.execute(statement, { ...this.#options(), wantRows })
  }

  /** Throws SQL_NOT_STORED and ARGS_BOTH_POSITIONAL_AND_NAMED; anything else comes as the cursor's last entry. */
  openCursor(batch: Batch): Cursor {
    return new Cursor(this.session.batch(this.#resolveBatch(batch), this.#options()))
  }

  /** Rolls back what is open. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.session.close()
  }

  #options(): ExecuteOptions {
    return this.consistency === null ? {} : { consistency: this.consistency }
  }

  #resolve(statement: Statement): SqlStatement {
    const { args } = statement
    if (args.positional.length > 0 && args.named.length > 0)
      throw new HarmonyError(
        'ARGS_BOTH_POSITIONAL_AND_NAMED',
        'The statement has both positional and named arguments. Use one kind.',
      )
    return { sql: this.#store.resolve(statement), args }
  }

  #resolveBatch(batch: Batch): BatchStep[] {
    return batch.steps.map(({ statement, condition }) => ({
      statement: this.#resolve(statement),
      condition,
      wantRows: statement.wantRows,
    }))
  }
}
