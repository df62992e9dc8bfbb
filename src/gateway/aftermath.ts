/**
 * What a session waits for after a transaction that is over although its client has not ended it. Statements may be on their way that were meant
 * for it: in autocommit, they would be half of the client's work.
 *
 *   a COMMIT that failed ──▶ waits for ROLLBACK, as in SQLite, where the transaction would still be open
 *   ended by itself, and one statement was told why ──▶ waits for ROLLBACK, COMMIT (which fails) or the next BEGIN
 */

import { HarmonyError } from '../base/errors.ts'
import type { StatementClass } from './reader.ts'

type Wait =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed commit'; readonly cause: HarmonyError }
  | { readonly kind: 'lost'; readonly reason: HarmonyError }

const NOTHING: Wait = { kind: 'nothing' }

export class Aftermath {
  #wait: Wait = NOTHING

  get isOver(): boolean {
    return this.#wait.kind === 'nothing'
  }

  commitFailed(cause: HarmonyError): void {
    this.#wait = { kind: 'failed commit', cause }
  }

  /** The statement `told` has got the reason, or has another error that says it. */
  lost(reason: HarmonyError, told: StatementClass | null): void {
    if (typeOf(told) !== 'commit' && typeOf(told) !== 'begin') this.#wait = { kind: 'lost', reason }
  }

  /** Whether `statement` is all that was waited for, and has nothing to do. Throws why it can't run. */
  isEndedBy(statement: StatementClass): boolean {
    const wait = this.#wait
    const type = typeOf(statement)
    if (wait.kind === 'nothing') return false
    if (type === 'rollback') {
      this.#wait = NOTHING
      return true
    }
    if (wait.kind === 'failed commit') throw failedCommit(wait.cause)
    if (type === 'commit' || type === 'begin') this.#wait = NOTHING
    if (type === 'begin') return false
    throw wait.reason
  }

  /** Throws why statements that begin a transaction of their own can't. */
  check(): void {
    if (this.#wait.kind === 'lost') throw this.#wait.reason
    if (this.#wait.kind === 'failed commit') throw failedCommit(this.#wait.cause)
  }
}

function typeOf(statement: StatementClass | null): string | null {
  return statement?.kind === 'control' ? statement.control.type : null
}

function failedCommit(cause: HarmonyError): HarmonyError {
  return new HarmonyError(
    'TRANSACTION_ABORTED',
    `COMMIT has failed (${cause.message}) and the transaction was rolled back: send ROLLBACK to go on.`,
    { cause },
  )
}
