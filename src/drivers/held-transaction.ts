/**
 * A transaction that is begun and ended by calls, as query builders want it. The library's own takes a function and may run it again, so
 * this one is a function that waits until somebody says how it ends.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { isRetryable } from '../base/errors.ts'
import type { Database } from '../embed/database.ts'
import type { Transaction, TransactionOptions } from '../embed/transaction.ts'

type BeginOptions = Pick<TransactionOptions, 'mode' | 'foreignKeys'>

const BEGIN_TIMEOUT_MS = 10_000
const PAUSE_MS = 20
const ROLLED_BACK = new Error('rolled back as asked')

export class HeldTransaction {
  /** What the statements of the transaction are run by. */
  readonly transaction: Transaction
  readonly #end: PromiseWithResolvers<void>
  readonly #done: Promise<void>

  /** Tries again until 10 s have passed where the writer is not free or the leader not there: nothing has happened yet. */
  static async begin(db: Database, options: BeginOptions): Promise<HeldTransaction> {
    const deadlineMs = performance.now() + BEGIN_TIMEOUT_MS
    for (;;) {
      try {
        return await HeldTransaction.#beginOnce(db, options)
      } catch (error) {
        if (!isRetryable(error) || performance.now() > deadlineMs) throw error
        await sleep(PAUSE_MS)
      }
    }
  }

  static async #beginOnce(db: Database, options: BeginOptions): Promise<HeldTransaction> {
    const begun = Promise.withResolvers<Transaction>()
    const end = Promise.withResolvers<void>()
    const work = (transaction: Transaction): Promise<void> => {
      begun.resolve(transaction)
      return end.promise
    }
    const done = db.transaction(work, { ...options, retryTimeoutMs: 0 })
    // Before it has begun, its failure is that of `begin`; afterwards whoever ends it hears of it.
    done.catch(begun.reject)
    return new HeldTransaction(await begun.promise, end, done)
  }

  private constructor(transaction: Transaction, end: PromiseWithResolvers<void>, done: Promise<void>) {
    this.transaction = transaction
    this.#end = end
    this.#done = done
  }

  /** Resolves when it is durable. Rejects as `COMMIT` does: TRANSACTION_CONFLICT, OUTCOME_UNKNOWN, and so on. */
  async commit(): Promise<void> {
    this.#end.resolve()
    await this.#done
  }

  async rollback(): Promise<void> {
    this.#end.reject(ROLLED_BACK)
    await this.#done.catch((error: unknown) => {
      if (error !== ROLLED_BACK) throw error
    })
  }
}
