/**
 * What the application's thread and the core's thread say to each other. Plain data, so that structured cloning carries it: rows stay
 * arrays until they are on the application's side. Each request has a number and gets one answer.
 */

import type { ErrorData } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import type { DatabaseInfo } from '../gateway/core.ts'
import type { Consistency, ExecuteResult } from '../gateway/session.ts'
import type { PeerOptions } from './cluster-link.ts'
import type { ServeOptions } from './serve-options.ts'

export interface CoreOptions {
  readonly folder: string
  readonly statementTimeoutMs: number | null
  readonly name: string | null
  /** Null for a member that is alone. */
  readonly peers: PeerOptions | null
  readonly serve: ServeOptions
}

/** Where network clients are served, as HOST:PORT with the port that was chosen; null for nowhere. */
export interface ServedAt {
  readonly http: string | null
  readonly postgres: string | null
}

export type CoreRequest =
  | { readonly kind: 'attach'; readonly database: string }
  | {
      readonly kind: 'execute'
      readonly database: string
      readonly statement: SqlStatement
      readonly consistency: Consistency | null
      readonly idempotencyKey: string | null
    }
  | {
      readonly kind: 'batch'
      readonly database: string
      readonly statements: readonly SqlStatement[]
      readonly idempotencyKey: string | null
    }
  | {
      readonly kind: 'begin'
      readonly database: string
      readonly mode: TransactionMode
      readonly foreignKeys: boolean
    }
  /** In the transaction that `begin` gave the number of. */
  | { readonly kind: 'step'; readonly transaction: number; readonly statement: SqlStatement }
  | { readonly kind: 'commit'; readonly transaction: number }
  | { readonly kind: 'rollback'; readonly transaction: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'create'; readonly database: string }
  | { readonly kind: 'drop'; readonly database: string }
  | { readonly kind: 'close' }

export type TransactionMode = 'deferred' | 'immediate' | 'readonly'

export interface Attached {
  readonly dataFile: string
  /** Of a `FilePosition`. */
  readonly memory: SharedArrayBuffer
}

/** The answer to each kind of request. */
export interface CoreAnswers {
  readonly attach: Attached
  readonly execute: ExecuteResult
  readonly batch: readonly ExecuteResult[]
  readonly begin: number
  readonly step: ExecuteResult
  readonly commit: null
  readonly rollback: null
  readonly list: readonly DatabaseInfo[]
  readonly create: null
  readonly drop: null
  readonly close: null
}

export type ToCore =
  | { readonly id: number; readonly request: CoreRequest }
  /** Stop the request with this number, if it can still be stopped. */
  | { readonly cancel: number }

export type FromCore =
  | { readonly kind: 'ready'; readonly servedAt: ServedAt }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** Of the request with this number; null: the core could not start, or can't go on. */
  | { readonly kind: 'failure'; readonly id: number | null; readonly error: ErrorData }
