/**
 * Interactive transactions: BEGIN, statements one by one, COMMIT. Each holds the writer from `begin` to its end, so there is at most one
 * of them at work, and bounded time for it: between statements, and in total.
 */

import { HarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { Engine } from '../engine/engine.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { AppliedIndex } from './applied-index.ts'
import type { CommitLog } from './commit-log.ts'
import { InteractiveTransaction } from './interactive-transaction.ts'
import { newStamp } from './entry-stamp.ts'
import type { GroupLimits } from './limits.ts'
import type { StateMachine } from './state-machine.ts'
import type { WriterLease, WriterQueue } from './writer-lease.ts'

export interface BeginOptions {
  readonly context: SessionContext
  /** Applied index that the client has read at; null if it has read nothing. */
  readonly snapshotIndex: bigint | null
  readonly idempotencyKey: string | null
  readonly waitTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
}

export interface TransactionsOptions {
  readonly database: string
  readonly clock: Clock
  readonly random: Random
  readonly limits: GroupLimits
  readonly writer: WriterQueue
  readonly machine: StateMachine
  readonly log: CommitLog
  readonly applied: AppliedIndex
  /** Called when a transaction is over and the writer is free again. */
  readonly onEnd: () => void
}

export class Transactions {
  readonly #options: TransactionsOptions
  #open: InteractiveTransaction | null = null
  #waitingCount = 0
  #begunCount = 0
  #refusal: HarmonyError | null = null

  constructor(options: TransactionsOptions) {
    this.#options = options
  }

  get openCount(): number {
    return this.#open === null ? 0 : 1
  }

  get waitingCount(): number {
    return this.#waitingCount
  }

  get begunCount(): number {
    return this.#begunCount
  }

  /**
   * Rejects with OVERLOADED, TRANSACTION_BUSY or TRANSACTION_CONFLICT: nothing was done and it may be tried again; with
   * REQUEST_INVALID if the idempotency key was used.
   */
  async begin(options: BeginOptions): Promise<InteractiveTransaction> {
    this.#checkSnapshot(options)
    if (this.#waitingCount >= this.#options.limits.waitingTransactionsMax) throw this.#overloaded()
    this.#waitingCount++
    let lease: WriterLease
    try {
      lease = await this.#options.writer.acquire(options.waitTimeoutMs)
    } finally {
      this.#waitingCount--
    }
    const engine = await this.#beginOnEngine(lease, options)
    const transaction = this.#opened(lease, options, engine)
    if (this.#refusal === null) return transaction
    // Shutdown came while the engine began.
    await transaction.end(this.#refusal)
    throw this.#refusal
  }

  /** Ends the open transaction and lets none begin from now on. */
  async refuse(reason: HarmonyError): Promise<void> {
    this.#refusal = reason
    await this.#open?.end(reason)
  }

  /** The engine with the transaction begun. If it rejects, the lease is released. */
  async #beginOnEngine(lease: WriterLease, options: BeginOptions): Promise<Engine> {
    const { machine } = this.#options
    try {
      if (this.#refusal !== null) throw this.#refusal
      // The wait may have been long. While this holds the writer, nobody else can move the database on.
      this.#checkSnapshot(options)
      return await this.#beginOnce(options).catch(async (error: unknown) => {
        // The process ended, not for this: nothing of the client's has run yet, and it can begin in another one.
        if (!(error instanceof EngineEndedError) || error.end === 'stopped') throw error
        await machine.noteEngineError(error)
        return this.#beginOnce(options)
      })
    } catch (error) {
      await machine.noteEngineError(error)
      await machine.rollbackOpen()
      lease.release()
      throw error
    }
  }

  async #beginOnce({ context, idempotencyKey }: BeginOptions): Promise<Engine> {
    const { machine, clock, random } = this.#options
    const engine = await machine.wake()
    const begun = await engine.begin({ context, idempotencyKey, stamp: newStamp(clock, random) })
    if (begun.kind === 'known') throw keyUsed(begun.outcome.kind)
    return engine
  }

  #opened(lease: WriterLease, options: BeginOptions, engine: Engine): InteractiveTransaction {
    const { machine, clock, log, applied, database, onEnd } = this.#options
    const { idleTimeoutMs, totalTimeoutMs } = options
    const transaction = new InteractiveTransaction({
      database,
      clock,
      machine,
      engine,
      log,
      applied,
      idleTimeoutMs,
      totalTimeoutMs,
      onEnd: () => {
        this.#open = null
        lease.release()
        onEnd()
      },
    })
    this.#begunCount++
    this.#open = transaction
    return transaction
  }

  #checkSnapshot({ snapshotIndex }: BeginOptions): void {
    const { applied, database } = this.#options
    if (snapshotIndex === null || snapshotIndex === applied.index) return
    throw new HarmonyError(
      'TRANSACTION_CONFLICT',
      `The database ${database} has changed since this transaction read it (index ${snapshotIndex}, now ` +
        `${applied.index}). Nothing was done; begin the transaction again.`,
    )
  }

  #overloaded(): HarmonyError {
    return new HarmonyError(
      'OVERLOADED',
      `${this.#waitingCount} transactions wait for the writer of the database ${this.#options.database}; ` +
        'it takes no more. Nothing was done; try again later.',
    )
  }
}

function keyUsed(outcome: 'committed' | 'failed'): HarmonyError {
  return new HarmonyError(
    'REQUEST_INVALID',
    `A transaction with this idempotency key is ${outcome} already. Read what it did instead of running it again.`,
  )
}
