/**
 * Hrana's JSON as clients send it, to types.ts. Structures that both transports share, then Hrana over HTTP
 * (`/v1`, `/v2`, `/v3`), then Hrana over WebSocket (hrana1, hrana2, hrana3). One decoder serves all versions: each is
 * a superset of the one before, and refusing a newer request from an older client would help nobody.
 */

import { HarmonyError } from '../../base/errors.ts'
import { INT64_MAX, INT64_MIN, NO_ARGUMENTS, type SqlArguments, type SqlValue } from '../../base/value.ts'
import type { BatchCondition } from '../../gateway/session.ts'
import { checkDepth, checkEarlierStep } from './condition.ts'
import { FieldError, toRequestInvalid } from './field-error.ts'
import * as json from './json-fields.ts'
import type {
  Batch,
  ClientMessage,
  ConnectionRequest,
  CursorRequest,
  PipelineRequest,
  SqlText,
  Statement,
  StreamRequest,
} from './types.ts'

// Values.

const DECIMAL = /^-?\d{1,20}$/

/** A string, never a JSON number: those are read as 64-bit floats and would be rounded beyond 2^53. */
function integer(value: unknown): bigint {
  if (typeof value !== 'string')
    throw new FieldError('must be a string of decimal digits, so that 64 bits stay exact')
  if (!DECIMAL.test(value)) throw new FieldError('must be a string of decimal digits')
  const parsed = BigInt(value)
  if (parsed < INT64_MIN || parsed > INT64_MAX) throw new FieldError(`is ${value}, which 64 bits can't hold`)
  return parsed
}

/** Padded and unpadded both. Buffer leaves out what is not base64, which would change the value silently. */
function base64(value: unknown): Uint8Array {
  const text = json.string(value)
  const digits = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
  if (digits % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new FieldError('must be base64')
  return Buffer.from(text, 'base64')
}

export function decodeValue(encoded: unknown): SqlValue {
  const value = json.object(encoded)
  switch (value['type']) {
    case 'null':
      return null
    case 'integer':
      return json.field(value, 'value', integer)
    case 'float':
      return json.field(value, 'value', json.number)
    case 'text':
      return json.field(value, 'value', json.string)
    case 'blob':
      return json.field(value, 'base64', base64)
    default:
      return json.unknownType(value['type'], 'null, integer, float, text and blob')
  }
}

// Statements.

function namedArgument(encoded: unknown): readonly [string, SqlValue] {
  const argument = json.object(encoded)
  const name = json.field(argument, 'name', json.string)
  return [/^[:@$]/.test(name) ? name.slice(1) : name, json.field(argument, 'value', decodeValue)]
}

const values = (encoded: unknown): SqlValue[] => json.list(encoded, decodeValue)
const namedArguments = (encoded: unknown): (readonly [string, SqlValue])[] =>
  json.list(encoded, namedArgument)

function decodeArguments(statement: json.JsonObject): SqlArguments {
  const positional = json.optional(statement, 'args', values)
  const named = json.optional(statement, 'named_args', namedArguments)
  if (positional === null && named === null) return NO_ARGUMENTS
  return { positional: positional ?? [], named: named ?? [] }
}

function decodeSqlText(parent: json.JsonObject): SqlText {
  const sql = json.optional(parent, 'sql', json.string)
  const sqlId = json.optional(parent, 'sql_id', json.int32)
  if ((sql === null) === (sqlId === null)) throw new FieldError('must have exactly one of "sql" and "sql_id"')
  return { sql, sqlId }
}

function decodeStatement(encoded: unknown): Statement {
  const statement = json.object(encoded)
  const { sql, sqlId } = decodeSqlText(statement)
  const args = decodeArguments(statement)
  return { sql, sqlId, args, wantRows: json.optional(statement, 'want_rows', json.boolean) ?? true }
}

// Batches.

function decodeCondition(encoded: unknown, ownStep: number, depth: number): BatchCondition {
  checkDepth(depth)
  const condition = json.object(encoded)
  const nested = (inner: unknown): BatchCondition => decodeCondition(inner, ownStep, depth + 1)
  const conditions = (inner: unknown): BatchCondition[] => json.list(inner, nested)
  const step = (value: unknown): number => checkEarlierStep(json.uint32(value), ownStep)
  const { type } = condition
  switch (type) {
    case 'ok':
    case 'error':
      return { type, step: json.field(condition, 'step', step) }
    case 'not':
      return { type, condition: json.field(condition, 'cond', nested) }
    case 'and':
    case 'or':
      return { type, conditions: json.field(condition, 'conds', conditions) }
    case 'is_autocommit':
      return { type }
    default:
      return json.unknownType(type, 'ok, error, not, and, or and is_autocommit')
  }
}

function decodeStep(encoded: unknown, index: number): Batch['steps'][number] {
  const step = json.object(encoded)
  const decode = (condition: unknown): BatchCondition => decodeCondition(condition, index, 1)
  return {
    statement: json.field(step, 'stmt', decodeStatement),
    condition: json.optional(step, 'condition', decode),
  }
}

const steps = (encoded: unknown): Batch['steps'] => json.list(encoded, decodeStep)

function decodeBatch(encoded: unknown): Batch {
  return { steps: json.field(json.object(encoded), 'steps', steps) }
}

// Requests on one stream.

type StoreRequest = Extract<StreamRequest, { type: 'store_sql' | 'close_sql' }>

function decodeStoreRequest(type: StoreRequest['type'], request: json.JsonObject): StoreRequest {
  const sqlId = json.field(request, 'sql_id', json.int32)
  return type === 'close_sql'
    ? { type, sqlId }
    : { type, sqlId, sql: json.field(request, 'sql', json.string) }
}

/** Null if `request` is of no type that works on a stream. */
function decodeStreamWork(request: json.JsonObject): StreamRequest | null {
  const { type } = request
  switch (type) {
    case 'execute':
      return { type, statement: json.field(request, 'stmt', decodeStatement) }
    case 'batch':
      return { type, batch: json.field(request, 'batch', decodeBatch) }
    case 'sequence':
    case 'describe':
      return { type, text: decodeSqlText(request) }
    case 'get_autocommit':
      return { type }
    default:
      return null
  }
}

const HTTP_TYPES = 'close, execute, batch, sequence, describe, store_sql, close_sql and get_autocommit'

function decodeStreamRequest(encoded: unknown): StreamRequest {
  const request = json.object(encoded)
  const { type } = request
  if (type === 'close') return { type }
  if (type === 'store_sql' || type === 'close_sql') return decodeStoreRequest(type, request)
  return decodeStreamWork(request) ?? json.unknownType(type, HTTP_TYPES)
}

// Hrana over HTTP.

function decodeBody<T>(bytes: Uint8Array, decode: (body: json.JsonObject) => T): T {
  try {
    return decode(json.object(json.parseJson(bytes)))
  } catch (thrown) {
    throw toRequestInvalid(thrown)
  }
}

/** `close` ends the stream, so that nothing may follow it (PROTOCOL.md 6.8). */
export function checkCloseIsLast(requests: readonly StreamRequest[]): readonly StreamRequest[] {
  const at = requests.findIndex((request) => request.type === 'close')
  if (at >= 0 && at < requests.length - 1)
    throw new FieldError('follows a "close" request, which must be the last', `[${at + 1}]`)
  return requests
}

/** Called before the requests are decoded, or as they are, so that too many of them cost little. */
export function checkRequestCount(count: number, requestsMax: number): void {
  if (count <= requestsMax) return
  throw new HarmonyError(
    'REQUEST_TOO_LARGE',
    `One pipeline may have ${requestsMax} requests; this one has more. Nothing of it has run. Send them in several ` +
      'pipelines, or raise the limit hrana.pipelineRequestsMax of the member.',
  )
}

/** Throws REQUEST_TOO_LARGE if there are more than `requestsMax` requests. */
export function decodePipeline(bytes: Uint8Array, requestsMax: number): PipelineRequest {
  const requests = (encoded: unknown): readonly StreamRequest[] => {
    if (Array.isArray(encoded)) checkRequestCount(encoded.length, requestsMax)
    return checkCloseIsLast(json.list(encoded, decodeStreamRequest))
  }
  return decodeBody(bytes, (body) => ({
    baton: json.optional(body, 'baton', json.string),
    requests: json.field(body, 'requests', requests),
  }))
}

export function decodeCursor(bytes: Uint8Array): CursorRequest {
  return decodeBody(bytes, (body) => ({
    baton: json.optional(body, 'baton', json.string),
    batch: json.field(body, 'batch', decodeBatch),
  }))
}

/** `POST /v1/execute` (HTTP_V1_SPEC.md). */
export function decodeV1Execute(bytes: Uint8Array): StreamRequest {
  return decodeBody(bytes, (body) => ({
    type: 'execute',
    statement: json.field(body, 'stmt', decodeStatement),
  }))
}

/** `POST /v1/batch`. */
export function decodeV1Batch(bytes: Uint8Array): StreamRequest {
  return decodeBody(bytes, (body) => ({ type: 'batch', batch: json.field(body, 'batch', decodeBatch) }))
}

// Hrana over WebSocket.

function decodeCursorRequest(
  type: 'fetch_cursor' | 'close_cursor',
  request: json.JsonObject,
): ConnectionRequest {
  const cursorId = json.field(request, 'cursor_id', json.int32)
  if (type === 'close_cursor') return { type, cursorId }
  return { type, cursorId, maxCount: json.field(request, 'max_count', json.uint32) }
}

const WS_TYPES =
  'open_stream, close_stream, execute, batch, open_cursor, close_cursor, fetch_cursor, sequence, describe, ' +
  'store_sql, close_sql and get_autocommit'

function decodeConnectionRequest(encoded: unknown): ConnectionRequest {
  const request = json.object(encoded)
  const { type } = request
  if (type === 'store_sql' || type === 'close_sql') return decodeStoreRequest(type, request)
  if (type === 'fetch_cursor' || type === 'close_cursor') return decodeCursorRequest(type, request)
  const work = decodeStreamWork(request)
  if (work !== null)
    return { type: 'stream', streamId: json.field(request, 'stream_id', json.int32), request: work }
  if (type === 'open_stream' || type === 'close_stream')
    return { type, streamId: json.field(request, 'stream_id', json.int32) }
  if (type !== 'open_cursor') return json.unknownType(type, WS_TYPES)
  return {
    type,
    streamId: json.field(request, 'stream_id', json.int32),
    cursorId: json.field(request, 'cursor_id', json.int32),
    batch: json.field(request, 'batch', decodeBatch),
  }
}

function decodeRequestMessage(message: json.JsonObject): ClientMessage {
  const requestId = json.field(message, 'request_id', json.int32)
  try {
    const request = json.field(message, 'request', decodeConnectionRequest)
    return { type: 'request', requestId, request }
  } catch (thrown) {
    return { type: 'invalid_request', requestId, error: toRequestInvalid(thrown) as Error }
  }
}

/** Throws REQUEST_INVALID where the message can't be answered by its id: the connection must end then. */
export function decodeClientMessage(text: string): ClientMessage {
  try {
    const message = json.object(json.parseJsonText(text))
    if (message['type'] === 'request') return decodeRequestMessage(message)
    if (message['type'] !== 'hello') return json.unknownType(message['type'], 'hello and request')
    return { type: 'hello', jwt: json.optional(message, 'jwt', json.string) }
  } catch (thrown) {
    throw toRequestInvalid(thrown)
  }
}
