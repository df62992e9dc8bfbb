/**
 * One interactive transaction while it holds the writer.
 *
 *                  ┌──────────── statement failed with isEnded, timeout, shutdown ───────────┐
 *                  │                                                                         ▼
 *   begin ──▶ ┌────────┐ commit ▶ ┌────────────┐ durable, or not ──────────────────────▶ ┌───────┐
 *             │ open   │          │ committing │                                         │ ended │
 *             └────────┘          └────────────┘                                         └───────┘
 *                  └──────────── rollback ───────────────────────────────────────────────────┘
 *
 * The writer is passed on exactly once, when the engine's transaction is over: `#finish`.
 */

import { fromErrorData } from '../base/error-data.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../base/value.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { Description, Engine } from '../engine/engine.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { AppliedIndex } from './applied-index.ts'
import type { CommitLog } from './commit-log.ts'
import type { StateMachine } from './state-machine.ts'

export interface InteractiveTransactionOptions {
  readonly database: string
  readonly clock: Clock
  readonly machine: StateMachine
  readonly engine: Engine
  /** In which this member led when the transaction began. */
  readonly term: number
  readonly log: CommitLog
  readonly applied: AppliedIndex
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
  /** Passes the writer on. */
  readonly onEnd: () => void
}

export interface Committed {
  readonly index: bigint
  readonly context: SessionContext
}

export class InteractiveTransaction {
  readonly #options: InteractiveTransactionOptions
  #state: 'open' | 'committing' | 'ended' = 'open'
  #ended: HarmonyError | null = null
  #idleTimer: Timer | null = null
  readonly #totalTimer: Timer
  /** Resolves when the engine's transaction is over and the writer passed on. */
  readonly #over = Promise.withResolvers<void>()

  constructor(options: InteractiveTransactionOptions) {
    this.#options = options
    const { clock, totalTimeoutMs } = options
    this.#totalTimer = clock.after(totalTimeoutMs, () => this.#expire('was open', totalTimeoutMs))
    this.#watchIdle()
  }

  /** Why it is over although nobody ended it; null while it lives, and after commit and rollback. */
  get ended(): Error | null {
    return this.#ended
  }

  /** Runs one statement. A HarmonyError means that it had no effect; the transaction goes on unless `ended` is set. */
  async execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult> {
    const outcome = await this.#ask((engine) => engine.execute(statement, resultSizeBytesMax))
    if (outcome.kind === 'ok') {
      this.#watchIdle()
      return outcome.result
    }
    const error = fromErrorData(outcome.error)
    if (outcome.isEnded) await this.end(this.#aborted(error))
    else this.#watchIdle()
    throw error
  }

  /** What is known of a statement under the schema that this transaction sees. Nothing runs. */
  async describe(sql: string): Promise<Description> {
    const outcome = await this.#ask((engine) => engine.describe(sql))
    this.#watchIdle()
    if (outcome.kind === 'ok') return outcome.description
    throw fromErrorData(outcome.error)
  }

  /** One call of the engine. Where the engine itself fails, the transaction is over. */
  async #ask<T>(call: (engine: Engine) => Promise<T>): Promise<T> {
    this.#checkOpen()
    this.#idleTimer?.cancel()
    let answer
    try {
      answer = await call(this.#options.engine)
    } catch (error) {
      await this.#options.machine.noteEngineError(error)
      await this.end(this.#endOf(error))
      throw this.#ended ?? error
    }
    // A timeout or a shutdown may have come meanwhile: then the answer means nothing.
    if (this.#ended !== null) throw this.#ended
    return answer
  }

  /** Ended for something else than this transaction, it may begin again. */
  #endOf(error: unknown): HarmonyError {
    if (error instanceof HarmonyError && error.code === 'NOT_LEADER') return this.#leadershipMoved(error)
    if (!(error instanceof EngineEndedError) || error.end !== 'bystander') return toHarmonyError(error)
    return new HarmonyError(
      'TRANSACTION_CONFLICT',
      `The process that writes to the database ${this.#options.database} had to be started again while this transaction ` +
        'was open, and it was rolled back. Nothing was done; begin the transaction again.',
      { cause: error },
    )
  }

  /** What its statements read and did was in the engine here, so its COMMIT can't be sent on to whoever leads now. */
  #leadershipMoved(cause: HarmonyError): HarmonyError {
    return new HarmonyError(
      'TRANSACTION_CONFLICT',
      `Another member began to lead the database ${this.#options.database} before this transaction was committed, and it ` +
        'was rolled back. Nothing was done; begin the transaction again.',
      { cause },
    )
  }

  /**
   * Resolves when it is durable and visible. Rejects with OUTCOME_UNKNOWN where that can't be told, or not soon enough. It is over for the
   * client in any case.
   */
  async commit(): Promise<Committed> {
    this.#checkOpen()
    this.#state = 'committing'
    this.#stopTimers()
    const overdue = Promise.withResolvers<Committed>()
    const settled = this.#settle(overdue.reject)
    settled.catch(() => {})
    return Promise.race([settled, overdue.promise])
  }

  /** Goes on until the fate is known: so long the writer is not free. */
  async #settle(onOverdue: (error: HarmonyError) => void): Promise<Committed> {
    try {
      const result = await this.#commit(onOverdue)
      this.#finish(null)
      return result
    } catch (error) {
      await this.#options.machine.noteEngineError(error)
      await this.#options.machine.rollbackOpen()
      const reason = this.#endOf(error)
      this.#finish(reason)
      throw reason
    }
  }

  async rollback(): Promise<void> {
    this.#checkOpen()
    this.#state = 'ended'
    this.#stopTimers()
    await this.#options.machine.rollbackOpen()
    this.#finish(null)
  }

  /** Ends it because of `reason`, unless its commit is under way or it is over. Resolves when the writer is passed on. */
  async end(reason: HarmonyError): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'ended'
      this.#ended = reason
      this.#stopTimers()
      await this.#options.machine.rollbackOpen()
      this.#finish(reason)
    }
    await this.#over.promise
  }

  async #commit(onOverdue: (error: HarmonyError) => void): Promise<Committed> {
    const { engine, machine, log, applied, term } = this.#options
    const prepared = await engine.prepareCommit()
    if (prepared.kind === 'settled') {
      await log.confirmLeadership(term)
      return { index: applied.index, context: prepared.context }
    }
    const { applied: visible } = await machine.commitOpen(prepared.payload, term, onOverdue)
    const { outcomes } = await visible
    const outcome = outcomes[0]
    if (outcome?.kind === 'failed') throw fromErrorData(outcome.error)
    if (outcome === undefined) throw new HarmonyError('INTERNAL', 'The engine gave no outcome of a commit.')
    return { index: outcome.index, context: outcome.context }
  }

  #finish(ended: HarmonyError | null): void {
    this.#state = 'ended'
    this.#ended = ended
    this.#options.onEnd()
    this.#over.resolve()
  }

  #checkOpen(): void {
    if (this.#ended !== null) throw this.#ended
    if (this.#state !== 'open') {
      throw new HarmonyError('NO_TRANSACTION', 'This transaction is over: it was committed or rolled back.')
    }
  }

  #watchIdle(): void {
    const { clock, idleTimeoutMs } = this.#options
    this.#idleTimer?.cancel()
    this.#idleTimer = clock.after(idleTimeoutMs, () => this.#expire('was idle', idleTimeoutMs))
  }

  #expire(what: string, timeoutMs: number): void {
    const reason = new HarmonyError(
      'TRANSACTION_TIMEOUT',
      `The transaction on the database ${this.#options.database} ${what} for more than ${Math.round(timeoutMs)} ms and was ` +
        'rolled back. Begin it again, with less time between and within its statements.',
    )
    void this.end(reason)
  }

  #stopTimers(): void {
    this.#idleTimer?.cancel()
    this.#totalTimer.cancel()
  }

  #aborted(cause: HarmonyError): HarmonyError {
    return new HarmonyError(
      'TRANSACTION_ABORTED',
      `The transaction was rolled back by the database itself: ${cause.message}`,
      { cause },
    )
  }
}
