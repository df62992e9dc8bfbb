/**
 * What members say to each other about a database that one of them leads: a call and its answer. `call-codec.ts` and
 * `answer-codec.ts` have the bytes.
 *
 * A transaction that is open at the leader is known by a number that the calling member chose, so that it can take back a BEGIN
 * whose answer it never got.
 */

import type {
  ErrorData,
  SessionContext,
  TransactionOutcome,
  TransactionRequest,
} from '../../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../../base/value.ts'
import type { BeginOptions, StatementDescription } from './parts.ts'

export type RoutingCall =
  /** Transactions of several clients, independent of each other. */
  | { readonly type: 'submit'; readonly group: number; readonly requests: readonly TransactionRequest[] }
  | {
      readonly type: 'begin'
      readonly group: number
      readonly transaction: number
      readonly options: BeginOptions
    }
  | {
      readonly type: 'execute'
      readonly transaction: number
      readonly statement: SqlStatement
      readonly resultSizeBytesMax: number
    }
  | { readonly type: 'describe'; readonly transaction: number; readonly sql: string }
  | { readonly type: 'commit'; readonly transaction: number }
  | { readonly type: 'rollback'; readonly transaction: number }
  /** A piece of a call that is too large for one: the bytes from `offset` on, of `sizeBytes` altogether. */
  | {
      readonly type: 'part'
      readonly parcel: number
      readonly sizeBytes: number
      readonly offset: number
      readonly bytes: Uint8Array
    }
  /** All parts are there: they are the call. */
  | { readonly type: 'parcel'; readonly parcel: number }
  /** A piece of an answer that is too large for one. */
  | { readonly type: 'fetch'; readonly parcel: number; readonly offset: number }
  /** Who leads? */
  | { readonly type: 'find-leader'; readonly group: number }

/** Nothing of what was asked for was done, unless the error is OUTCOME_UNKNOWN. */
export interface Rejection {
  readonly kind: 'rejected'
  readonly error: ErrorData
  /** Who leads, as far as the rejecting member knows. */
  readonly leader: number | null
}

export type SubmitAnswer =
  | TransactionOutcome
  | Rejection
  /** The results were too large to be kept for the caller. */
  | { readonly kind: 'results-lost'; readonly index: bigint }

export type RoutingAnswer =
  /** As many as there were requests, in their order. */
  | { readonly kind: 'submitted'; readonly answers: readonly SubmitAnswer[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'result'; readonly result: StatementResult }
  | { readonly kind: 'description'; readonly description: StatementDescription }
  | { readonly kind: 'committed'; readonly index: bigint; readonly context: SessionContext }
  /** Of a statement or COMMIT of an open transaction. `ended` tells why that is over, null if it goes on. */
  | { readonly kind: 'statement-failed'; readonly error: ErrorData; readonly ended: ErrorData | null }
  /** The transaction is not known here (any more): it was rolled back, or its commit was answered before. */
  | { readonly kind: 'no-transaction' }
  | Rejection
  | { readonly kind: 'part'; readonly bytes: Uint8Array }
  /** The answer has `sizeBytes` bytes and is to be fetched. */
  | { readonly kind: 'parcel'; readonly parcel: number; readonly sizeBytes: number }
  | { readonly kind: 'leader'; readonly leader: number | null }
