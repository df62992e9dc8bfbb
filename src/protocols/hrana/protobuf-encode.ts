/**
 * types.ts to Hrana's Protobuf (HRANA_3_SPEC.md, "Protobuf schema"; fields 5 to 8 of StmtResult:
 * libsql-hrana/src/proto.rs). The order is that of json-encode.ts.
 */

import type { ResultColumn, SqlValue } from '../../base/value.ts'
import type { ExecuteResult, StatementDescription } from '../../gateway/session.ts'
import { MessageWriter } from './protobuf-fields.ts'
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

function nothing(): void {
  // Some of Hrana's messages have no fields.
}

function encodeValue(message: MessageWriter, value: SqlValue): void {
  if (value === null) message.message(1, null, nothing)
  else if (typeof value === 'bigint') message.sint64(2, value)
  else if (typeof value === 'number') message.double(3, value)
  else if (typeof value === 'string') message.string(4, value)
  else message.bytes(5, value)
}

function encodeRow(message: MessageWriter, row: readonly SqlValue[]): void {
  message.messages(1, row, encodeValue)
}

function encodeColumn(message: MessageWriter, column: ResultColumn): void {
  message.string(1, column.name).string(2, column.declaredType)
}

function encodeResult(message: MessageWriter, result: ExecuteResult): void {
  message.messages(1, result.columns, encodeColumn).messages(2, result.rows, encodeRow)
  message.uint64(3, result.changes)
  if (result.lastInsertRowid !== null) message.sint64(4, result.lastInsertRowid)
  message.uint64(5, result.index).uint64(6, BigInt(result.rows.length)).uint64(7, result.changes)
  message.double(8, result.durationMs)
}

/** There is no field for the extended code. */
function encodeError(message: MessageWriter, error: HranaError): void {
  message.string(1, error.message).string(2, error.code)
}

/** `map<uint32, T>`: an entry is a message of the key (1) and the value (2); skipped steps have none. */
function encodeSteps<T>(
  message: MessageWriter,
  field: number,
  steps: readonly (T | null)[],
  encode: (message: MessageWriter, step: T) => void,
): void {
  steps.forEach((step, index) => {
    if (step === null) return
    message.message(field, step, (entry, value) => entry.uint32(1, index).message(2, value, encode))
  })
}

function encodeBatchResult(message: MessageWriter, result: BatchResult): void {
  encodeSteps(message, 1, result.results, encodeResult)
  encodeSteps(message, 2, result.errors, encodeError)
}

function encodeDescription(message: MessageWriter, description: StatementDescription): void {
  message
    .messages(1, description.parameters, (parameter, name) => parameter.string(1, name))
    .messages(2, description.columns, encodeColumn)
    .bool(3, description.isExplain)
    .bool(4, description.isReadOnly)
}

/** The message inside a response to work on a stream: the same over HTTP and WebSocket. */
function encodeResponseFields(message: MessageWriter, response: StreamResponse | ConnectionResponse): void {
  if (response.type === 'execute') message.message(1, response.result, encodeResult)
  else if (response.type === 'batch') message.message(1, response.result, encodeBatchResult)
  else if (response.type === 'describe') message.message(1, response.result, encodeDescription)
  else if (response.type === 'get_autocommit') message.bool(1, response.isAutocommit)
}

// Hrana over HTTP.

const HTTP_FIELDS: Readonly<Record<StreamResponse['type'], number>> = {
  close: 1,
  execute: 2,
  batch: 3,
  sequence: 4,
  describe: 5,
  store_sql: 6,
  close_sql: 7,
  get_autocommit: 8,
}

function encodeStreamResponse(message: MessageWriter, response: StreamResponse): void {
  message.message(HTTP_FIELDS[response.type], response, encodeResponseFields)
}

/** As field 3 of PipelineRespBody, tag included, so that encoded results only need to be put behind one another. */
export function encodeStreamResult(result: StreamResult): Uint8Array {
  const encode = (message: MessageWriter): void => {
    if (result.type === 'ok') message.message(1, result.response, encodeStreamResponse)
    else message.message(2, result.error, encodeError)
  }
  return new MessageWriter().message(3, null, encode).finish()
}

function encodeContinuation(message: MessageWriter, continuation: StreamContinuation): void {
  message.string(1, continuation.baton).string(2, continuation.baseUrl)
}

export function encodePipeline(continuation: StreamContinuation, results: readonly Uint8Array[]): Uint8Array {
  const head = new MessageWriter()
  encodeContinuation(head, continuation)
  return Buffer.concat([head.finish(), ...results])
}

export function encodeCursorHead(continuation: StreamContinuation): Uint8Array {
  return new MessageWriter().delimited(continuation, encodeContinuation).finish()
}

function encodeEntry(message: MessageWriter, entry: CursorEntry): void {
  switch (entry.type) {
    case 'step_begin':
      message.message(1, entry, (inner) =>
        inner.uint32(1, entry.step).messages(2, entry.columns, encodeColumn),
      )
      break
    case 'step_end':
      message.message(2, entry, (inner) => {
        inner.uint64(1, entry.changes)
        if (entry.lastInsertRowid !== null) inner.sint64(2, entry.lastInsertRowid)
      })
      break
    case 'step_error':
      message.message(3, entry, (inner) => inner.uint32(1, entry.step).message(2, entry.error, encodeError))
      break
    case 'row':
      message.message(4, entry.row, encodeRow)
      break
    case 'error':
      message.message(5, entry.error, encodeError)
      break
  }
}

export function encodeCursorEntries(entries: readonly CursorEntry[]): Uint8Array {
  const writer = new MessageWriter()
  for (const entry of entries) writer.delimited(entry, encodeEntry)
  return writer.finish()
}

// Hrana over WebSocket.

const WS_FIELDS: Readonly<Record<ConnectionResponse['type'], number>> = {
  open_stream: 2,
  close_stream: 3,
  execute: 4,
  batch: 5,
  open_cursor: 6,
  close_cursor: 7,
  fetch_cursor: 8,
  sequence: 9,
  describe: 10,
  store_sql: 11,
  close_sql: 12,
  get_autocommit: 13,
}

function encodeConnectionResponse(message: MessageWriter, response: ConnectionResponse): void {
  if (response.type === 'fetch_cursor')
    message.messages(1, response.entries, encodeEntry).bool(2, response.done)
  else encodeResponseFields(message, response)
}

function encodeMessageField(message: MessageWriter, server: ServerMessage): void {
  switch (server.type) {
    case 'hello_ok':
      message.message(1, null, nothing)
      break
    case 'hello_error':
      message.message(2, server.error, (inner, error) => inner.message(1, error, encodeError))
      break
    case 'response_ok': {
      const { response } = server
      message.message(3, response, (inner) => {
        inner.int32(1, server.requestId).message(WS_FIELDS[response.type], response, encodeConnectionResponse)
      })
      break
    }
    case 'response_error':
      message.message(4, server.error, (inner, error) =>
        inner.int32(1, server.requestId).message(2, error, encodeError),
      )
      break
  }
}

export function encodeServerMessage(message: ServerMessage): Uint8Array {
  const writer = new MessageWriter()
  encodeMessageField(writer, message)
  return writer.finish()
}
