/**
 * What a PostgreSQL statement becomes. A plan is shared by all sessions of a database, so it holds nothing of a session; what
 * it needs of one (the user's name, the time of the transaction) it names in `sessionValues`.
 */

import type { SqlValue } from '../../../base/value.ts'
import type { PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import type { WriteTarget } from './write-target.ts'

/** A value that a session knows and a statement may use. They are bound behind the client's parameters. */
export type SessionValue =
  | { readonly kind: 'user' }
  | { readonly kind: 'database' }
  | { readonly kind: 'processId' }
  /** now() and its kin, in the storage form of the type. */
  | { readonly kind: 'now'; readonly as: 'timestamptz' | 'timestamp' | 'date' | 'time' }
  /** A literal without a zone, which means the session's. */
  | { readonly kind: 'timestamptz'; readonly text: string; readonly modifier: number }
  /** Nothing, after so long a time: pg_sleep in FROM. */
  | { readonly kind: 'sleep'; readonly seconds: number }
  /** Rows that an earlier step of the plan gave, as JSON. */
  | { readonly kind: 'carried'; readonly step: number }
  /** Rows of a catalog relation, as JSON. */
  | { readonly kind: 'catalog'; readonly relation: string }
  | { readonly kind: 'setting'; readonly name: string; readonly isMissingOk: boolean }

/** One statement for SQLite. Its parameters are `?1` … up to `parameterCount`. */
export interface PlanStep {
  readonly sql: string
  /** Highest parameter number that the text uses: SQLite wants exactly as many values. */
  readonly parameterCount: number
  /**
   * For SQLite's own text, where `$1` is a name and not a number: which of the client's parameters each of SQLite's is.
   * null where the two are the same.
   */
  readonly parameterOrder: readonly number[] | null
}

export interface ColumnPlan {
  readonly name: string
  /** null: the type that SQLite tells. */
  readonly type: TypeWithModifier | null
  readonly tableOid: number
  readonly columnNumber: number
  /** Of a statement that writes: whether its values fit the type is seen when they are there. */
  readonly isComputed: boolean
}

/** A function with an effect on the server. */
export type CallName = 'pg_notify' | 'pg_sleep' | 'set_config' | 'pg_cancel_backend' | 'pg_terminate_backend'

export interface QueryPlan {
  readonly kind: 'query'
  /** All of them or none are done. */
  readonly steps: readonly PlanStep[]
  /** The step whose rows and changes the client sees. */
  readonly resultStep: number
  /** The word in CommandComplete. */
  readonly command: string
  readonly returnsRows: boolean
  /** null where the names and types are SQLite's to tell. */
  readonly columns: readonly ColumnPlan[] | null
  readonly sessionValues: readonly SessionValue[]
  /** Position of the first session value: client parameters are numbered up to here. */
  readonly clientParameterCount: number
  /** What means the session's time zone where SQLite knows only UTC: in any other zone it is refused by this name. */
  readonly utcOnly: string | null
  readonly isRead: boolean
  readonly changesSchema: boolean
  /** By column of the result; empty without any. */
  readonly effects: readonly (CallName | null)[]
  /** Warnings that PostgreSQL's own answer would carry. */
  readonly notices: readonly string[]
  /** What it writes to; null for what only reads, and where more than one table is written to. */
  readonly target: WriteTarget | null
  /** For text that only SQLite may understand: what PostgreSQL's parser said, if SQLite refuses it too. */
  readonly syntaxError: PgError | null
}

/** A scalar that a utility call takes: a constant, or a client's parameter. */
export type CallArgument =
  | { readonly kind: 'constant'; readonly value: SqlValue }
  | { readonly kind: 'parameter'; readonly number: number }

export type CopyFormat = 'text' | 'csv' | 'binary'

export interface CopyOptions {
  readonly format: CopyFormat
  readonly delimiter: string
  readonly nullText: string
  readonly header: boolean
  readonly quote: string
  readonly escape: string
  readonly forceQuote: readonly string[] | '*' | null
  readonly forceNotNull: readonly string[]
  readonly forceNull: readonly string[]
}

export interface CopyColumn {
  readonly name: string
  readonly type: TypeWithModifier
}

/** Statements that are not SQLite's to run. */
export type UtilityPlan =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'begin'
      readonly isReadOnly: boolean | null
      readonly command: string
      /** SQLite's BEGIN IMMEDIATE: nothing that others write can be in the way of this transaction's writes. */
      readonly isImmediate?: boolean
    }
  | { readonly kind: 'commit'; readonly isChained: boolean }
  | { readonly kind: 'rollback'; readonly isChained: boolean }
  | { readonly kind: 'prepareTransaction' }
  | { readonly kind: 'savepoint' | 'release' | 'rollbackTo'; readonly name: string }
  | { readonly kind: 'setTransaction'; readonly isReadOnly: boolean | null; readonly isSession: boolean }
  | { readonly kind: 'set'; readonly name: string; readonly value: string | null; readonly isLocal: boolean }
  | { readonly kind: 'resetAll' }
  | { readonly kind: 'show'; readonly name: string }
  | { readonly kind: 'showAll' }
  | { readonly kind: 'discard'; readonly target: 'all' | 'plans' | 'sequences' | 'temp' }
  | { readonly kind: 'deallocate'; readonly name: string | null }
  | {
      readonly kind: 'prepare'
      readonly name: string
      readonly sql: string
      readonly parameterTypes: readonly number[]
    }
  | { readonly kind: 'executePrepared'; readonly name: string; readonly arguments: readonly CallArgument[] }
  | {
      readonly kind: 'declareCursor'
      readonly name: string
      readonly query: QueryPlan
      readonly isHold: boolean
    }
  | {
      readonly kind: 'fetch'
      readonly name: string
      /** null is ALL; negative is backward. */
      readonly count: number | null
      /** Null for so many rows; otherwise the one row that is `count` from there (ABSOLUTE, RELATIVE). */
      readonly from: 'start' | 'here' | null
      readonly isMove: boolean
    }
  | { readonly kind: 'closeCursor'; readonly name: string | null }
  | { readonly kind: 'listen'; readonly channel: string }
  | { readonly kind: 'unlisten'; readonly channel: string | null }
  | { readonly kind: 'notify'; readonly channel: string; readonly payload: string }
  | {
      readonly kind: 'call'
      readonly function: CallName
      readonly arguments: readonly CallArgument[]
      readonly columnName: string
    }
  | {
      readonly kind: 'copyIn'
      readonly table: string
      readonly columns: readonly CopyColumn[]
      readonly options: CopyOptions
    }
  | {
      readonly kind: 'copyOut'
      readonly query: QueryPlan
      readonly options: CopyOptions
    }
  | { readonly kind: 'createDatabase' | 'dropDatabase'; readonly name: string; readonly isIfExists: boolean }
  /** Accepted, and nothing to do: what it asks for is so already, or tunes PostgreSQL only. */
  | { readonly kind: 'nothing'; readonly command: string; readonly notice: string | null }

export type Plan = QueryPlan | UtilityPlan

/** A statement ready to be bound: its plan and the types of its parameters. */
export interface CompiledStatement {
  readonly plan: Plan
  readonly parameterTypes: readonly TypeWithModifier[]
}
