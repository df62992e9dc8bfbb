/**
 * Hrana's messages as both encodings (JSON and Protobuf) and both transports (HTTP and WebSocket) share them.
 * Names follow the specification (HRANA_3_SPEC.md, tursodatabase/libsql), in camel case; values, columns and
 * conditions are the gateway's own types, so that no result is copied between decoding and execution.
 */

import type { BatchCondition, ExecuteResult, StatementDescription } from '../../gateway/session.ts'
import type { ResultColumn, SqlArguments, SqlValue } from '../../base/value.ts'

/** SQL as text, or by the id under which the client stored it. Exactly one of the two is not null. */
export interface SqlText {
  readonly sql: string | null
  readonly sqlId: number | null
}

export interface Statement extends SqlText {
  readonly args: SqlArguments
  readonly wantRows: boolean
}

export interface Batch {
  readonly steps: readonly {
    readonly statement: Statement
    /** Names earlier steps only: the decoders refuse anything else. */
    readonly condition: BatchCondition | null
  }[]
}

/** What a client asks of one stream, over either transport. */
export type StreamRequest =
  | { readonly type: 'close' }
  | { readonly type: 'execute'; readonly statement: Statement }
  | { readonly type: 'batch'; readonly batch: Batch }
  | { readonly type: 'sequence'; readonly text: SqlText }
  | { readonly type: 'describe'; readonly text: SqlText }
  | { readonly type: 'store_sql'; readonly sqlId: number; readonly sql: string }
  | { readonly type: 'close_sql'; readonly sqlId: number }
  | { readonly type: 'get_autocommit' }

export type StreamResponse =
  | { readonly type: 'close' }
  | { readonly type: 'sequence' | 'store_sql' | 'close_sql' }
  | { readonly type: 'execute'; readonly result: ExecuteResult }
  | { readonly type: 'batch'; readonly result: BatchResult }
  | { readonly type: 'describe'; readonly result: StatementDescription }
  | { readonly type: 'get_autocommit'; readonly isAutocommit: boolean }

/** Both arrays have one place per step; both hold null at the place of a skipped step. */
export interface BatchResult {
  readonly results: readonly (ExecuteResult | null)[]
  readonly errors: readonly (HranaError | null)[]
}

export interface HranaError {
  readonly message: string
  /** A code that libSQL clients know where there is one (error.ts). */
  readonly code: string
  /** Says more than `code` does; null if there is nothing more to say. */
  readonly extendedCode: string | null
}

/** The result of a batch, piece by piece. */
export type CursorEntry =
  | { readonly type: 'step_begin'; readonly step: number; readonly columns: readonly ResultColumn[] }
  | { readonly type: 'row'; readonly row: readonly SqlValue[] }
  | { readonly type: 'step_end'; readonly changes: bigint; readonly lastInsertRowid: bigint | null }
  | { readonly type: 'step_error'; readonly step: number; readonly error: HranaError }
  /** The whole batch has failed; always the last entry. */
  | { readonly type: 'error'; readonly error: HranaError }

// Hrana over HTTP.

export interface PipelineRequest {
  /** Null opens a stream. */
  readonly baton: string | null
  readonly requests: readonly StreamRequest[]
}

export interface CursorRequest {
  readonly baton: string | null
  readonly batch: Batch
}

export type StreamResult =
  | { readonly type: 'ok'; readonly response: StreamResponse }
  | { readonly type: 'error'; readonly error: HranaError }

/** How a stream goes on: a null baton says that it is closed. */
export interface StreamContinuation {
  readonly baton: string | null
  readonly baseUrl: string | null
}

// Hrana over WebSocket.

export type ClientMessage =
  | { readonly type: 'hello'; readonly jwt: string | null }
  | { readonly type: 'request'; readonly requestId: number; readonly request: ConnectionRequest }
  /** The request has an id, so that it can be answered, but is wrong in itself. */
  | { readonly type: 'invalid_request'; readonly requestId: number; readonly error: Error }

export type ConnectionRequest =
  | { readonly type: 'open_stream'; readonly streamId: number }
  | { readonly type: 'close_stream'; readonly streamId: number }
  /** Everything that works on one stream as it does over HTTP. */
  | { readonly type: 'stream'; readonly streamId: number; readonly request: StreamRequest }
  | {
      readonly type: 'open_cursor'
      readonly streamId: number
      readonly cursorId: number
      readonly batch: Batch
    }
  | { readonly type: 'fetch_cursor'; readonly cursorId: number; readonly maxCount: number }
  | { readonly type: 'close_cursor'; readonly cursorId: number }
  | { readonly type: 'store_sql'; readonly sqlId: number; readonly sql: string }
  | { readonly type: 'close_sql'; readonly sqlId: number }

export type ConnectionResponse =
  | Exclude<StreamResponse, { type: 'close' }>
  | { readonly type: 'open_stream' | 'close_stream' | 'open_cursor' | 'close_cursor' }
  | { readonly type: 'fetch_cursor'; readonly entries: readonly CursorEntry[]; readonly done: boolean }

export type ServerMessage =
  | { readonly type: 'hello_ok' }
  | { readonly type: 'hello_error'; readonly error: HranaError }
  | { readonly type: 'response_ok'; readonly requestId: number; readonly response: ConnectionResponse }
  | { readonly type: 'response_error'; readonly requestId: number; readonly error: HranaError }
