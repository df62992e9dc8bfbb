/**
 * Hrana's Protobuf (HRANA_3_SPEC.md, "Protobuf schema") as clients send it, to types.ts. The order is that of
 * json-decode.ts. A field that may come once and comes twice counts as its last.
 */

import { unreachable } from '../../base/assert.ts'
import type { SqlValue } from '../../base/value.ts'
import type { BatchCondition } from '../../gateway/session.ts'
import { checkDepth, checkEarlierStep } from './condition.ts'
import { FieldError, toRequestInvalid } from './field-error.ts'
import { checkCloseIsLast, checkRequestCount } from './json-decode.ts'
import { MessageReader, required } from './protobuf-fields.ts'
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

/** `undefined` while the message holds no value: SQL's NULL is a value. */
function decodeValue(message: MessageReader): SqlValue {
  let value: SqlValue | undefined
  while (message.next()) {
    switch (message.field) {
      case 1:
        message.skip()
        value = null
        break
      case 2:
        value = message.sint64()
        break
      case 3:
        value = message.double()
        break
      case 4:
        value = message.string()
        break
      case 5:
        value = message.bytes()
        break
      default:
        message.skip()
    }
  }
  if (value === undefined) throw new FieldError('holds no value')
  return value
}

function decodeNamedArgument(message: MessageReader): readonly [string, SqlValue] {
  let name = ''
  let value: { is: SqlValue } | null = null
  while (message.next()) {
    if (message.field === 1) name = message.string()
    else if (message.field === 2) value = { is: message.message('value', decodeValue) }
    else message.skip()
  }
  return [/^[:@$]/.test(name) ? name.slice(1) : name, required(value, 'value').is]
}

// Statements.

function sqlText(sql: string | null, sqlId: number | null): SqlText {
  if ((sql === null) === (sqlId === null)) throw new FieldError('must have exactly one of "sql" and "sql_id"')
  return { sql, sqlId }
}

function decodeStatement(message: MessageReader): Statement {
  let sql: string | null = null
  let sqlId: number | null = null
  let wantRows = true
  const positional: SqlValue[] = []
  const named: (readonly [string, SqlValue])[] = []
  while (message.next()) {
    switch (message.field) {
      case 1:
        sql = message.string()
        break
      case 2:
        sqlId = message.int32()
        break
      case 3:
        positional.push(message.message('args', decodeValue, positional.length))
        break
      case 4:
        named.push(message.message('named_args', decodeNamedArgument, named.length))
        break
      case 5:
        wantRows = message.bool()
        break
      default:
        message.skip()
    }
  }
  return { ...sqlText(sql, sqlId), args: { positional, named }, wantRows }
}

// Batches.

function decodeConditionList(message: MessageReader, ownStep: number, depth: number): BatchCondition[] {
  const conditions: BatchCondition[] = []
  const decode = (inner: MessageReader): BatchCondition => decodeCondition(inner, ownStep, depth)
  while (message.next()) {
    if (message.field === 1) conditions.push(message.message('conds', decode, conditions.length))
    else message.skip()
  }
  return conditions
}

function decodeCondition(message: MessageReader, ownStep: number, depth: number): BatchCondition {
  checkDepth(depth)
  let condition: BatchCondition | null = null
  const nested = (inner: MessageReader): BatchCondition => decodeCondition(inner, ownStep, depth + 1)
  const list = (inner: MessageReader): BatchCondition[] => decodeConditionList(inner, ownStep, depth + 1)
  while (message.next()) {
    switch (message.field) {
      case 1:
        condition = { type: 'ok', step: checkEarlierStep(message.uint32(), ownStep) }
        break
      case 2:
        condition = { type: 'error', step: checkEarlierStep(message.uint32(), ownStep) }
        break
      case 3:
        condition = { type: 'not', condition: message.message('not', nested) }
        break
      case 4:
        condition = { type: 'and', conditions: message.message('and', list) }
        break
      case 5:
        condition = { type: 'or', conditions: message.message('or', list) }
        break
      case 6:
        message.skip()
        condition = { type: 'is_autocommit' }
        break
      default:
        message.skip()
    }
  }
  if (condition === null) throw new FieldError('holds no condition')
  return condition
}

function decodeStep(message: MessageReader, index: number): Batch['steps'][number] {
  let condition: BatchCondition | null = null
  let statement: Statement | null = null
  const decode = (inner: MessageReader): BatchCondition => decodeCondition(inner, index, 1)
  while (message.next()) {
    if (message.field === 1) condition = message.message('condition', decode)
    else if (message.field === 2) statement = message.message('stmt', decodeStatement)
    else message.skip()
  }
  return { condition, statement: required(statement, 'stmt') }
}

function decodeBatch(message: MessageReader): Batch {
  const steps: Batch['steps'][number][] = []
  const decode = (inner: MessageReader): Batch['steps'][number] => decodeStep(inner, steps.length)
  while (message.next()) {
    if (message.field === 1) steps.push(message.message('steps', decode, steps.length))
    else message.skip()
  }
  return { steps }
}

// Requests on one stream. Over WebSocket the same messages have a stream id in front (field 1), which shifts the
// numbers of the other fields by one: `shift` is 0 over HTTP and 1 over WebSocket.

interface RequestFields {
  readonly streamId: number
  readonly sql: string | null
  readonly sqlId: number | null
  readonly statement: Statement | null
  readonly batch: Batch | null
}

type Payload = 'stmt' | 'batch' | 'sql' | 'none'

function decodeRequestFields(message: MessageReader, payload: Payload, shift: number): RequestFields {
  let streamId = 0
  let sql: string | null = null
  let sqlId: number | null = null
  let statement: Statement | null = null
  let batch: Batch | null = null
  while (message.next()) {
    const field = message.field - shift
    if (field === 0) streamId = message.int32()
    else if (payload === 'stmt' && field === 1) statement = message.message('stmt', decodeStatement)
    else if (payload === 'batch' && field === 1) batch = message.message('batch', decodeBatch)
    else if (payload === 'sql' && field === 1) sql = message.string()
    else if (payload === 'sql' && field === 2) sqlId = message.int32()
    else message.skip()
  }
  return { streamId, sql, sqlId, statement, batch }
}

type WorkType = 'execute' | 'batch' | 'sequence' | 'describe' | 'get_autocommit'

const PAYLOADS: Readonly<Record<WorkType, Payload>> = {
  execute: 'stmt',
  batch: 'batch',
  sequence: 'sql',
  describe: 'sql',
  get_autocommit: 'none',
}

function toWork(type: WorkType, fields: RequestFields): StreamRequest {
  switch (type) {
    case 'execute':
      return { type, statement: required(fields.statement, 'stmt') }
    case 'batch':
      return { type, batch: required(fields.batch, 'batch') }
    case 'sequence':
    case 'describe':
      return { type, text: sqlText(fields.sql, fields.sqlId) }
    case 'get_autocommit':
      return { type }
    default:
      return unreachable(type)
  }
}

function decodeHttpWork(message: MessageReader, type: WorkType): StreamRequest {
  return message.message(type, (inner) => toWork(type, decodeRequestFields(inner, PAYLOADS[type], 0)))
}

function decodeWsWork(message: MessageReader, type: WorkType): ConnectionRequest {
  return message.message(type, (inner) => {
    const fields = decodeRequestFields(inner, PAYLOADS[type], 1)
    return { type: 'stream', streamId: fields.streamId, request: toWork(type, fields) }
  })
}

type StoreRequest = Extract<StreamRequest, { type: 'store_sql' | 'close_sql' }>

function decodeStore(message: MessageReader, type: StoreRequest['type']): StoreRequest {
  return message.message(type, (inner) => {
    let sqlId = 0
    let sql = ''
    while (inner.next()) {
      if (inner.field === 1) sqlId = inner.int32()
      else if (inner.field === 2 && type === 'store_sql') sql = inner.string()
      else inner.skip()
    }
    return type === 'store_sql' ? { type, sqlId, sql } : { type, sqlId }
  })
}

function decodeStreamRequestField(message: MessageReader): StreamRequest | null {
  switch (message.field) {
    case 1:
      message.skip()
      return { type: 'close' }
    case 2:
      return decodeHttpWork(message, 'execute')
    case 3:
      return decodeHttpWork(message, 'batch')
    case 4:
      return decodeHttpWork(message, 'sequence')
    case 5:
      return decodeHttpWork(message, 'describe')
    case 6:
      return decodeStore(message, 'store_sql')
    case 7:
      return decodeStore(message, 'close_sql')
    case 8:
      return decodeHttpWork(message, 'get_autocommit')
    default:
      message.skip()
      return null
  }
}

function decodeStreamRequest(message: MessageReader): StreamRequest {
  let request: StreamRequest | null = null
  while (message.next()) request = decodeStreamRequestField(message) ?? request
  if (request === null) throw new FieldError('holds no request that this server knows')
  return request
}

// Hrana over HTTP.

function decodeBody<T>(bytes: Uint8Array, decode: (message: MessageReader) => T): T {
  try {
    return decode(new MessageReader(bytes))
  } catch (thrown) {
    throw toRequestInvalid(thrown)
  }
}

/** Throws REQUEST_TOO_LARGE if there are more than `requestsMax` requests. */
export function decodePipeline(bytes: Uint8Array, requestsMax: number): PipelineRequest {
  return decodeBody(bytes, (message) => {
    let baton: string | null = null
    const requests: StreamRequest[] = []
    while (message.next()) {
      if (message.field === 1) baton = message.string()
      else if (message.field === 2) {
        checkRequestCount(requests.length + 1, requestsMax)
        requests.push(message.message('requests', decodeStreamRequest, requests.length))
      } else message.skip()
    }
    return { baton, requests: checkCloseIsLast(requests) }
  })
}

export function decodeCursor(bytes: Uint8Array): CursorRequest {
  return decodeBody(bytes, (message) => {
    let baton: string | null = null
    let batch: Batch | null = null
    while (message.next()) {
      if (message.field === 1) baton = message.string()
      else if (message.field === 2) batch = message.message('batch', decodeBatch)
      else message.skip()
    }
    return { baton, batch: required(batch, 'batch') }
  })
}

// Hrana over WebSocket.

function decodeStreamId(message: MessageReader, type: 'open_stream' | 'close_stream'): ConnectionRequest {
  return message.message(type, (inner) => ({
    type,
    streamId: decodeRequestFields(inner, 'none', 1).streamId,
  }))
}

function decodeOpenCursor(message: MessageReader): ConnectionRequest {
  let streamId = 0
  let cursorId = 0
  let batch: Batch | null = null
  while (message.next()) {
    if (message.field === 1) streamId = message.int32()
    else if (message.field === 2) cursorId = message.int32()
    else if (message.field === 3) batch = message.message('batch', decodeBatch)
    else message.skip()
  }
  return { type: 'open_cursor', streamId, cursorId, batch: required(batch, 'batch') }
}

function decodeCursorId(message: MessageReader, type: 'fetch_cursor' | 'close_cursor'): ConnectionRequest {
  return message.message(type, (inner) => {
    let cursorId = 0
    let maxCount = 0
    while (inner.next()) {
      if (inner.field === 1) cursorId = inner.int32()
      else if (inner.field === 2 && type === 'fetch_cursor') maxCount = inner.uint32()
      else inner.skip()
    }
    return type === 'fetch_cursor' ? { type, cursorId, maxCount } : { type, cursorId }
  })
}

/** Field numbers of RequestMsg. Null for a field that is not known. */
const REQUEST_FIELDS: ReadonlyMap<number, (message: MessageReader) => ConnectionRequest> = new Map([
  [2, (message) => decodeStreamId(message, 'open_stream')],
  [3, (message) => decodeStreamId(message, 'close_stream')],
  [4, (message) => decodeWsWork(message, 'execute')],
  [5, (message) => decodeWsWork(message, 'batch')],
  [6, (message) => message.message('open_cursor', decodeOpenCursor)],
  [7, (message) => decodeCursorId(message, 'close_cursor')],
  [8, (message) => decodeCursorId(message, 'fetch_cursor')],
  [9, (message) => decodeWsWork(message, 'sequence')],
  [10, (message) => decodeWsWork(message, 'describe')],
  [11, (message) => decodeStore(message, 'store_sql')],
  [12, (message) => decodeStore(message, 'close_sql')],
  [13, (message) => decodeWsWork(message, 'get_autocommit')],
])

/** A request that is wrong in itself is read to its end all the same, because its id may come after it. */
function decodeRequestMessage(message: MessageReader): ClientMessage {
  let requestId = 0
  let request: ConnectionRequest | null = null
  let error: unknown = new FieldError('holds no request that this server knows', 'request')
  while (message.next()) {
    const decode = REQUEST_FIELDS.get(message.field)
    if (message.field === 1) requestId = message.int32()
    else if (decode === undefined) message.skip()
    else
      try {
        request = decode(message)
      } catch (thrown) {
        error = thrown
      }
  }
  if (request !== null) return { type: 'request', requestId, request }
  return { type: 'invalid_request', requestId, error: toRequestInvalid(error) as Error }
}

function decodeHello(message: MessageReader): ClientMessage {
  let jwt: string | null = null
  while (message.next()) {
    if (message.field === 1) jwt = message.string()
    else message.skip()
  }
  return { type: 'hello', jwt }
}

/** Throws REQUEST_INVALID where the message can't be answered by its id: the connection must end then. */
export function decodeClientMessage(bytes: Uint8Array): ClientMessage {
  return decodeBody(bytes, (message) => {
    let decoded: ClientMessage | null = null
    while (message.next()) {
      if (message.field === 1) decoded = message.message('hello', decodeHello)
      else if (message.field === 2) decoded = message.message('request', decodeRequestMessage)
      else message.skip()
    }
    if (decoded === null) throw new FieldError('must be a hello or a request')
    return decoded
  })
}
