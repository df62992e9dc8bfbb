/**
 * What came of a call, as the retry policy sees it: the peer answered; nothing was done; or nobody knows. DESIGN.md has the table of
 * every failure.
 */

import { unreachable } from '../../base/assert.ts'
import type { HarmonyErrorCode } from '../../base/errors.ts'
import type { CallOutcome } from '../transport/calls.ts'

/** Why a call came to nothing, and whether that is certain. */
export type CallFailure =
  /** Certainly nothing was done. `code` is what the client hears if no time is left for another try. */
  | { readonly kind: 'not-done'; readonly code: HarmonyErrorCode; readonly detail: string }
  /** It may have been done, may be done yet, or not. */
  | { readonly kind: 'unknown'; readonly detail: string }

export type Reply<T> = { readonly kind: 'answered'; readonly answer: T } | CallFailure

/** With these the peer's transport, or the door of its routing, says that nothing was done. */
const NOTHING_DONE: ReadonlySet<string> = new Set(['OVERLOADED', 'REQUEST_INVALID', 'SHUTTING_DOWN'])

/** Null if it was answered. */
export function failureOf(member: number, outcome: CallOutcome): CallFailure | null {
  switch (outcome.kind) {
    case 'answered':
      return null
    case 'not-sent': {
      const code = outcome.reason === 'overloaded' ? 'OVERLOADED' : 'NOT_LEADER'
      return { kind: 'not-done', code, detail: `member ${member} could not be asked (${outcome.reason})` }
    }
    case 'failed': {
      const detail = `member ${member} said: ${outcome.code}: ${outcome.message}`
      if (!NOTHING_DONE.has(outcome.code)) return { kind: 'unknown', detail }
      return { kind: 'not-done', code: outcome.code as HarmonyErrorCode, detail }
    }
    case 'unanswered':
      return {
        kind: 'unknown',
        detail: `member ${member} was asked and has not answered (${outcome.reason})`,
      }
    default:
      return unreachable(outcome)
  }
}
