/**
 * Reads that are answered within the call: quick statements, where nothing has to be waited for. In autocommit they are the most frequent thing
 * that clients ask for, and in transactions the next. No comment asks for a level of its own. Null means that nothing was done and that the long way in
 * `statement-runner.ts` has to be gone, which gives the same answer.
 */

import type { SqlStatement } from '../base/value.ts'
import type { OpenDatabase } from './open-database.ts'
import type { OpenTransaction } from './open-transaction.ts'
import type { InlineResult } from './reader.ts'
import type { SessionState } from './session-state.ts'

export class ReadsAtOnce {
  readonly #database: OpenDatabase
  readonly #state: SessionState

  constructor(database: OpenDatabase, state: SessionState) {
    this.#database = database
    this.#state = state
  }

  /** In autocommit, at `nowMs` by `performance.now()`. */
  read(statement: SqlStatement, resultSizeBytesMax: number, nowMs: number): InlineResult | null {
    const { reader, configuration } = this.#database
    const { context, consistency, lastIndex } = this.#state
    const appliedIndex = this.#database.freshNow(consistency, lastIndex, nowMs)
    if (appliedIndex === null) return null
    const timeoutMs = configuration.statementTimeoutMs
    const result = reader.readInline({ statement, context, resultSizeBytesMax, timeoutMs, appliedIndex })
    if (result === null) return null
    this.#state.defersForeignKeys = false
    this.#state.seen(result.index)
    return result
  }

  /** At the snapshot of a transaction that has not written. */
  readIn(
    transaction: OpenTransaction,
    statement: SqlStatement,
    resultSizeBytesMax: number,
    nowMs: number,
  ): InlineResult | null {
    const { context, consistency, lastIndex } = this.#state
    const timeoutMs = this.#database.configuration.statementTimeoutMs
    const request = { statement, context, resultSizeBytesMax, timeoutMs }
    const result = transaction.readNow(request, () =>
      this.#database.freshNow(transaction.consistency ?? consistency, lastIndex, nowMs),
    )
    if (result === null) return null
    this.#state.seen(transaction.snapshotIndex ?? 0n)
    return { ...result, index: this.#state.lastIndex }
  }
}
