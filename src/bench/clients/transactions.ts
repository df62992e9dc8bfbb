/** An interactive transaction over any connection that runs statements one by one. */

import type { Executor, TransactionMode } from '../target.ts'

const ATTEMPTS_MAX = 1_000
/** PostgreSQL's serialization_failure and deadlock_detected, HarmonyDB's own names, SQLite's busy. */
const CONFLICT =
  /\b40001\b|\b40P01\b|TRANSACTION_CONFLICT|TRANSACTION_BUSY|NOT_LEADER|SQLITE_BUSY|database is locked/

export interface TransactionWords {
  readonly begin: Readonly<Record<TransactionMode, string>>
  readonly commit: string
  readonly rollback: string
}

export function isConflict(error: unknown): boolean {
  return error instanceof Error && CONFLICT.test(error.message)
}

/** Runs `work` until it is committed. `onRetry` is told of each time that it has to be run again. */
export async function runTransaction<T>(
  executor: Executor,
  words: TransactionWords,
  work: (executor: Executor) => Promise<T>,
  mode: TransactionMode,
  onRetry: () => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      await executor.execute(words.begin[mode])
      const result = await work(executor)
      await executor.execute(words.commit)
      return result
    } catch (error) {
      // Where it has been rolled back already, there is nothing to roll back.
      await executor.execute(words.rollback).catch(() => {})
      if (!isConflict(error) || attempt === ATTEMPTS_MAX) throw error
      onRetry()
    }
  }
}
