/** What may be tried again without the client knowing, and what it must be told. DESIGN.md has the table. */

import { HarmonyError } from '../../base/errors.ts'
import type { HarmonyErrorCode } from '../../base/errors.ts'
import type { FailedTry } from './leader-search.ts'
import type { Rejection } from './message.ts'
import { fromErrorData } from '../../base/error-data.ts'
import type { CallFailure } from './reply.ts'

export type Verdict =
  | { readonly kind: 'repeat'; readonly failed: FailedTry }
  | { readonly kind: 'tell'; readonly error: HarmonyError }

/** The member that was asked can't do it, but another one may lead, or soon. */
const LEADER_IS_ILL: ReadonlySet<string> = new Set([
  'DISK_FULL',
  'DISK_FAILED',
  'DATA_CORRUPT',
  'REPLICA_DIVERGED',
])

export interface Tried {
  readonly database: string
  readonly asked: number
  /** This member's number. */
  readonly own: number
  readonly hasIdempotencyKey: boolean
}

/** Of an error that the asked replica gave. */
export function verdictOfRejection(tried: Tried, { error, leader }: Omit<Rejection, 'kind'>): Verdict {
  const failed = {
    asked: tried.asked,
    hint: leader,
    code: error.code as HarmonyErrorCode,
    detail: error.message,
  }
  const isElsewhere = leader !== null && leader !== tried.asked
  const mayRepeat =
    error.code === 'NOT_LEADER' ||
    (error.code === 'SHUTTING_DOWN' && tried.asked !== tried.own) ||
    (LEADER_IS_ILL.has(error.code) && isElsewhere) ||
    (error.code === 'OUTCOME_UNKNOWN' && tried.hasIdempotencyKey)
  return mayRepeat ? { kind: 'repeat', failed } : { kind: 'tell', error: fromErrorData(error) }
}

/** Of a call that was not answered. */
export function verdictOfFailure(tried: Tried, failure: CallFailure): Verdict {
  const { asked, database, hasIdempotencyKey } = tried
  const { detail } = failure
  if (failure.kind === 'not-done')
    return { kind: 'repeat', failed: { asked, hint: null, code: failure.code, detail } }
  if (hasIdempotencyKey)
    return { kind: 'repeat', failed: { asked, hint: null, code: 'OUTCOME_UNKNOWN', detail } }
  return { kind: 'tell', error: outcomeUnknown(database, detail) }
}

export function outcomeUnknown(database: string, detail: string, cause?: unknown): HarmonyError {
  return new HarmonyError(
    'OUTCOME_UNKNOWN',
    `The transaction was sent to the leader of the database ${database}, but ${detail}. It was applied as a whole, will be, or ` +
      'never is. Read what it would have changed to find out; with an idempotency key it can simply be sent again.',
    { cause },
  )
}

/** It is certain that it was applied; only what it gave back is lost. */
export function resultsLost(database: string, index: bigint): HarmonyError {
  return new HarmonyError(
    'OUTCOME_UNKNOWN',
    `The transaction on the database ${database} was applied at index ${index}, but its results were too large to be brought here. ` +
      'Do not send it again; read what it returned, with less at a time.',
  )
}
