/**
 * What a gateway and its query workers say to each other, over the channel of `child_process.fork` with advanced
 * serialization (bigint and Uint8Array cross unchanged). One request at a time:
 *
 *   run ──▶ page* ──▶ page(isLast)          next ──▶ page …           stop ──▶ stopped
 *   begin ──▶ begun        describe ──▶ description        end ──▶ ended       any ──▶ error
 *
 * A worker sends a page and waits for `next`: nothing runs ahead of what the client takes.
 */

import type { SessionContext } from '../../base/transaction.ts'
import type { ResultColumn, SqlStatement } from '../../base/value.ts'
import type { Description, Row } from './read-connection.ts'

export interface WorkerOptions {
  readonly valueSizeBytesMax: number
  readonly rowSizeBytesMax: number
  readonly mmapSizeBytes: number
  readonly pageRowsMax: number
  readonly pageSizeBytesMax: number
  readonly memoryBytesMax: number
}

export type WorkerRequest =
  | {
      readonly type: 'run'
      readonly dataFile: string
      readonly statement: SqlStatement
      readonly context: SessionContext
      readonly resultSizeBytesMax: number
      /** The worker ends itself when one stretch of work takes longer, in case its gateway is gone. */
      readonly timeoutMs: number
    }
  | { readonly type: 'next' }
  /** Drop the rest of the statement. */
  | { readonly type: 'stop' }
  | { readonly type: 'describe'; readonly dataFile: string; readonly sql: string; readonly timeoutMs: number }
  /** Open a read transaction; `run` uses it until `end`. */
  | { readonly type: 'begin'; readonly dataFile: string }
  | { readonly type: 'end' }

export type WorkerReply =
  | { readonly type: 'ready' }
  | {
      readonly type: 'page'
      /** With the first page only. */
      readonly columns: readonly ResultColumn[] | null
      readonly rows: readonly Row[]
      /** Applied index of the state that the statement sees. */
      readonly index: bigint
      readonly isLast: boolean
    }
  | { readonly type: 'stopped' }
  | { readonly type: 'description'; readonly description: Description; readonly compileTimeMs: number }
  /** `index` is the applied index that the transaction sees. */
  | { readonly type: 'begun'; readonly index: bigint }
  | { readonly type: 'ended' }
  | { readonly type: 'error'; readonly code: string; readonly message: string }
