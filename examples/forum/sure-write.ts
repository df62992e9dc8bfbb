/** Writes that are done exactly once, whatever happens to the leader meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises'
import { HarmonyError, isRetryable } from 'harmonydb'

const DEADLINE_MS = 10_000
const PAUSE_MS = 100

/**
 * Tries `write` again after errors that a moment cures, OUTCOME_UNKNOWN included: `write` must bring an idempotency key, so that of
 * all tries at most one counts. When this process itself is closing, the browser tries another one.
 */
export async function sureWrite<T>(write: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + DEADLINE_MS
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadlineMs) throw error
      await sleep(PAUSE_MS)
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof HarmonyError) || error.code === 'SHUTTING_DOWN') return false
  return error.code === 'OUTCOME_UNKNOWN' || isRetryable(error)
}
