/**
 * Interactive transactions: BEGIN, statements one by one, COMMIT. Each holds the writer from `begin` to its end, so there is at most one
 * of them at work, and bounded time for it: between statements, and in total.
 */

import { HarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { AppliedIndex } from './applied-index.ts'
import type { CommitLog } from './commit-log.ts'
import { InteractiveTransaction } from './interactive-transaction.ts'
import { newStamp } from './entry-stamp.ts'
import type { GroupLimits } from './limits.ts'
import type { Leading, StateMachine } from './state-machine.ts'
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
    const refusal = this.#options.log.refusal()
    if (refusal !== null) throw refusal
    this.#checkSnapshot(options)
    if (this.#waitingCount >= this.#options.limits.waitingTransactionsMax) throw this.#overloaded()
    this.#waitingCount++
    let lease: WriterLease
    try {
      lease = await this.#options.writer.acquire(options.waitTimeoutMs)
    } finally {
      this.#waitingCount--
    }
    const leading = await this.#beginOnEngine(lease, options)
    const transaction = this.#opened(lease, options, leading)
    // Either may have come while the engine began.
    const reason =
      this.#refusal ?? (this.#options.log.isLeading(leading.term) ? null : this.#leadershipLost())
    if (reason === null) return transaction
    await transaction.end(reason)
    throw reason
  }

  /** The open transaction can't be committed any more: it ends, unless its commit is under way. */
  leadershipLost(): void {
    void this.#open?.end(this.#leadershipLost())
  }

  /** Ends the open transaction and lets none begin from now on. */
  async refuse(reason: HarmonyError): Promise<void> {
    this.#refusal = reason
    await this.#open?.end(reason)
  }

  /** The engine with the transaction begun. If it rejects, the lease is released. */
  async #beginOnEngine(lease: WriterLease, options: BeginOptions): Promise<Leading> {
    const { machine } = this.#options
    try {
      if (this.#refusal !== null) throw this.#refusal
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

  async #beginOnce(options: BeginOptions): Promise<Leading> {
    const { machine, clock, random } = this.#options
    const { context, idempotencyKey } = options
    const leading = await machine.lead()
    // The wait may have been long. While this holds the writer, nobody else can move the database on.
    this.#checkSnapshot(options)
    const stamp = newStamp(clock, random)
    const begun = await leading.engine.begin({ context, idempotencyKey, stamp })
    if (begun.kind === 'known') throw keyUsed(begun.outcome.kind)
    return leading
  }

  #opened(lease: WriterLease, options: BeginOptions, { engine, term }: Leading): InteractiveTransaction {
    const { machine, clock, log, applied, database, onEnd } = this.#options
    const { idleTimeoutMs, totalTimeoutMs } = options
    const transaction = new InteractiveTransaction({
      database,
      clock,
      machine,
      engine,
      term,
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

  /** What the file has tells, not the applied index: entries of the group's own change nothing that a client could have read. */
  #checkSnapshot({ snapshotIndex }: BeginOptions): void {
    const { machine, database } = this.#options
    const { fileIndex } = machine
    if (snapshotIndex === null || fileIndex === null || snapshotIndex >= fileIndex) return
    throw new HarmonyError(
      'TRANSACTION_CONFLICT',
      `The database ${database} has changed since this transaction read it (index ${snapshotIndex}, now ` +
        `${fileIndex}). Nothing was done; begin the transaction again.`,
    )
  }

  #leadershipLost(): HarmonyError {
    return new HarmonyError(
      'TRANSACTION_CONFLICT',
      `This member has lost the leadership of the database ${this.#options.database} while the transaction was open, and it was ` +
        'rolled back. Nothing was done; begin the transaction again.',
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
