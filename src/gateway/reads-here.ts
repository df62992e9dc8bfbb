/**
 * Lone linearizable reads where the leader has to be asked first, without a promise between the protocol and the answer of the leader: the promises of all
 * layers cost as much as the read. Whatever is not quite that plain goes the long way in `statement-runner.ts`, which gives the same answers.
 */

import type { SqlStatement } from '../base/value.ts'
import type { OpenDatabase } from './open-database.ts'
import type { ResultReceiver } from './session.ts'
import type { SessionState } from './session-state.ts'
import type { SessionObserver } from './statistics.ts'
import { timeInTurn } from './turn.ts'

/** In autocommit. False with nothing done where it can't. Throws why the database can't be used. */
export function readHere(
  database: OpenDatabase,
  state: SessionState,
  observer: SessionObserver,
  statement: SqlStatement,
  receiver: Required<ResultReceiver>,
): boolean {
  const { reader, configuration } = database
  if (state.consistency.level !== 'linearizable') return false
  const startMs = performance.now()
  const reject = (error: Error): void => receiver.reject(error)
  const read = (appliedIndex: bigint): void => {
    // Others want their turn, too.
    if (timeInTurn() === null) return receiver.notHere()
    const { resultSizeBytesMax, statementTimeoutMs: timeoutMs } = configuration
    const { context } = state
    const result = reader.readInline({ statement, context, resultSizeBytesMax, timeoutMs, appliedIndex })
    if (result === null) return receiver.notHere()
    state.defersForeignKeys = false
    state.seen(result.index)
    const durationMs = performance.now() - startMs
    observer.statementDone('read', durationMs)
    receiver.resolve({ ...result, durationMs })
  }
  const resolve = (appliedIndex: bigint): void => {
    try {
      read(appliedIndex)
    } catch (error) {
      reject(error as Error)
    }
  }
  return database.linearizableFor({ resolve, reject })
}
