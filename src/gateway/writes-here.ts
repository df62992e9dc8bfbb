/**
 * Lone writes, here or at the member that leads, without a promise on the way from the protocol to the writer and back: a short write costs SQLite some
 * microseconds, and the promises of all layers as much again. Whatever is not quite that plain goes the long way in
 * `statement-runner.ts`, which gives the same answers.
 */

import { assert } from '../base/assert.ts'
import { fromErrorData } from '../base/error-data.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import type { OpenDatabase } from './open-database.ts'
import type { ExecuteResult, ResultReceiver } from './session.ts'
import type { SessionState } from './session-state.ts'
import type { SessionObserver } from './statistics.ts'

/** In autocommit. False with nothing done where it can't. Throws why the database can't be used. */
export function writeHere(
  database: OpenDatabase,
  state: SessionState,
  observer: SessionObserver,
  statement: SqlStatement,
  receiver: ResultReceiver,
): boolean {
  const { core, reader, configuration } = database
  if (core.submitHere === undefined || state.defersForeignKeys) return false
  const { sql } = statement
  if (reader.classify(sql).kind !== 'write' || !reader.isHarmless(sql, core.appliedIndex)) return false
  const startMs = performance.now()
  const { context } = state
  const { resultSizeBytesMax } = configuration
  const request = { statements: [statement], context, idempotencyKey: null, resultSizeBytesMax }
  const resolve = (outcome: TransactionOutcome): void => {
    const durationMs = performance.now() - startMs
    const result = resultOf(state, outcome, durationMs)
    if (result instanceof Error) return receiver.reject(result)
    observer.statementDone('write', durationMs)
    receiver.resolve(result)
  }
  const reject = (error: Error): void => receiver.reject(error)
  return core.submitHere({ resolve, reject, isEarly: true }, request)
}

/** Notes in the session what the transaction has left there. */
function resultOf(
  state: SessionState,
  outcome: TransactionOutcome,
  durationMs: number,
): ExecuteResult | Error {
  if (outcome.kind === 'failed') {
    for (const result of outcome.results) state.noteResult(result)
    return fromErrorData(outcome.error)
  }
  const result = outcome.results[0]
  assert(result !== undefined, 'a transaction of one statement has one result')
  state.committed(outcome.index, outcome.context)
  const { columns, rows, changes, lastInsertRowid } = result
  return { columns, rows, changes, lastInsertRowid, durationMs, index: outcome.index }
}
