/**
 * types.ts to Hrana's JSON. The text is put together by hand: no tree of objects is built for JSON.stringify, which
 * is the larger part of the cost of answering a point read, and integers keep all their digits.
 */

import { unreachable } from '../../base/assert.ts'
import type { ResultColumn, SqlValue } from '../../base/value.ts'
import type { ExecuteResult, StatementDescription } from '../../gateway/session.ts'
import type {
  BatchResult,
  ConnectionResponse,
  CursorEntry,
  HranaError,
  ServerMessage,
  StreamContinuation,
  StreamResponse,
  StreamResult,
} from './types.ts'

/** Unpadded, as sqld sends it. */
function base64(bytes: Uint8Array): string {
  const padded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  const end = padded.indexOf('=')
  return end < 0 ? padded : padded.slice(0, end)
}

/** JSON has no NaN and no infinity: they become null (PROTOCOL.md 8.2). */
function float(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  return Object.is(value, -0) ? '-0.0' : String(value)
}

export function encodeValue(value: SqlValue): string {
  if (value === null) return '{"type":"null"}'
  if (typeof value === 'string') return `{"type":"text","value":${JSON.stringify(value)}}`
  if (typeof value === 'bigint') return `{"type":"integer","value":"${value}"}`
  if (typeof value === 'number') return `{"type":"float","value":${float(value)}}`
  return `{"type":"blob","base64":"${base64(value)}"}`
}

const nullable = (text: string | null): string => (text === null ? 'null' : JSON.stringify(text))

function encodeColumn(column: ResultColumn): string {
  return `{"name":${JSON.stringify(column.name)},"decltype":${nullable(column.declaredType)}}`
}

/** Items with commas between them, without the brackets and the array that map and join would make. */
function join<T>(items: readonly T[], encode: (item: T) => string): string {
  let text = ''
  for (const item of items) text += text === '' ? encode(item) : `,${encode(item)}`
  return text
}

const encodeRow = (row: readonly SqlValue[]): string => `[${join(row, encodeValue)}]`

/** `rows_read` counts the rows returned: SQLite tells no other number of rows per statement. */
export function encodeResult(result: ExecuteResult): string {
  const rowid = result.lastInsertRowid === null ? 'null' : `"${result.lastInsertRowid}"`
  return (
    `{"cols":[${join(result.columns, encodeColumn)}],"rows":[${join(result.rows, encodeRow)}],` +
    `"affected_row_count":${result.changes},"last_insert_rowid":${rowid},"replication_index":"${result.index}",` +
    `"rows_read":${result.rows.length},"rows_written":${result.changes},` +
    `"query_duration_ms":${float(result.durationMs)}}`
  )
}

export function encodeError(error: HranaError): string {
  const extended = error.extendedCode === null ? '' : `,"extended_code":"${error.extendedCode}"`
  return `{"message":${JSON.stringify(error.message)},"code":"${error.code}"${extended}}`
}

export function encodeBatchResult(result: BatchResult): string {
  const results = join(result.results, (step) => (step === null ? 'null' : encodeResult(step)))
  const errors = join(result.errors, (step) => (step === null ? 'null' : encodeError(step)))
  return `{"step_results":[${results}],"step_errors":[${errors}]}`
}

function encodeDescription(description: StatementDescription): string {
  const parameters = join(description.parameters, (name) => `{"name":${nullable(name)}}`)
  return (
    `{"params":[${parameters}],"cols":[${join(description.columns, encodeColumn)}],` +
    `"is_explain":${description.isExplain},"is_readonly":${description.isReadOnly}}`
  )
}

/** The fields behind `type`; most responses have none. */
function encodeResponseFields(response: StreamResponse | ConnectionResponse): string {
  if (response.type === 'execute') return `,"result":${encodeResult(response.result)}`
  if (response.type === 'batch') return `,"result":${encodeBatchResult(response.result)}`
  if (response.type === 'describe') return `,"result":${encodeDescription(response.result)}`
  if (response.type === 'get_autocommit') return `,"is_autocommit":${response.isAutocommit}`
  if (response.type !== 'fetch_cursor') return ''
  return `,"entries":[${join(response.entries, encodeFetchedEntry)}],"done":${response.done}`
}

function encodeResponse(response: StreamResponse | ConnectionResponse): string {
  return `{"type":"${response.type}"${encodeResponseFields(response)}}`
}

// Hrana over HTTP.

export function encodeStreamResult(result: StreamResult): string {
  return result.type === 'ok'
    ? `{"type":"ok","response":${encodeResponse(result.response)}}`
    : `{"type":"error","error":${encodeError(result.error)}}`
}

function encodeContinuation(continuation: StreamContinuation): string {
  return `"baton":${nullable(continuation.baton)},"base_url":${nullable(continuation.baseUrl)}`
}

export function encodePipeline(continuation: StreamContinuation, results: readonly string[]): string {
  return `{${encodeContinuation(continuation)},"results":[${results.join(',')}]}`
}

export function encodeCursorHead(continuation: StreamContinuation): string {
  return `{${encodeContinuation(continuation)}}\n`
}

/**
 * An entry without its rowid's form, which the transports write differently: a string over WebSocket, as the
 * specification says and @libsql/hrana-client needs; a bare number in a cursor over HTTP, as sqld sends it and the
 * Rust client needs (libsql-hrana/src/proto.rs, StepEndEntry).
 */
function encodeEntry(entry: CursorEntry, rowidQuote: '"' | ''): string {
  switch (entry.type) {
    case 'row':
      return `{"type":"row","row":${encodeRow(entry.row)}}`
    case 'step_begin':
      return `{"type":"step_begin","step":${entry.step},"cols":[${join(entry.columns, encodeColumn)}]}`
    case 'step_end': {
      const rowid = entry.lastInsertRowid === null ? 'null' : rowidQuote + entry.lastInsertRowid + rowidQuote
      return `{"type":"step_end","affected_row_count":${entry.changes},"last_insert_rowid":${rowid}}`
    }
    case 'step_error':
      return `{"type":"step_error","step":${entry.step},"error":${encodeError(entry.error)}}`
    case 'error':
      return `{"type":"error","error":${encodeError(entry.error)}}`
    default:
      return unreachable(entry)
  }
}

const encodeFetchedEntry = (entry: CursorEntry): string => encodeEntry(entry, '"')

export function encodeCursorLines(entries: readonly CursorEntry[]): string {
  let lines = ''
  for (const entry of entries) lines += `${encodeEntry(entry, '')}\n`
  return lines
}

/** Without this last line newer clients take the cursor for broken (PROTOCOL.md 7.2.6). */
export function encodeCursorEnd(replicationIndex: bigint): string {
  return `{"type":"replication_index","replication_index":${replicationIndex}}\n`
}

// Hrana over WebSocket.

export function encodeServerMessage(message: ServerMessage): string {
  switch (message.type) {
    case 'hello_ok':
      return '{"type":"hello_ok"}'
    case 'hello_error':
      return `{"type":"hello_error","error":${encodeError(message.error)}}`
    case 'response_ok':
      return `{"type":"response_ok","request_id":${message.requestId},"response":${encodeResponse(message.response)}}`
    case 'response_error':
      return `{"type":"response_error","request_id":${message.requestId},"error":${encodeError(message.error)}}`
    default:
      return unreachable(message)
  }
}
