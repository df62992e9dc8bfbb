import { test } from 'node:test'
import assert from 'node:assert/strict'
import { CONDITION_DEPTH_MAX } from './condition.ts'
import {
  decodeClientMessage,
  decodeCursor,
  decodePipeline as decodeLimitedPipeline,
  decodeV1Execute,
  decodeValue,
} from './json-decode.ts'
import type { PipelineRequest } from './types.ts'

const decodePipeline = (body: Uint8Array): PipelineRequest => decodeLimitedPipeline(body, 100)
const bytes = (text: string): Uint8Array => Buffer.from(text)

function pipeline(...requests: unknown[]): PipelineRequest {
  return decodePipeline(bytes(JSON.stringify({ baton: null, requests })))
}

function statement(fields: object): unknown {
  const request = pipeline({ type: 'execute', stmt: { sql: 'SELECT 1', ...fields } }).requests[0]
  assert.equal(request?.type, 'execute')
  return request.statement
}

function refuses(act: () => unknown, message: RegExp): void {
  assert.throws(act, { code: 'REQUEST_INVALID', message })
}

test('values keep their storage class and every bit', () => {
  assert.equal(decodeValue({ type: 'null' }), null)
  assert.equal(decodeValue({ type: 'integer', value: '9223372036854775807' }), 9223372036854775807n)
  assert.equal(decodeValue({ type: 'integer', value: '-9223372036854775808' }), -9223372036854775808n)
  assert.equal(decodeValue({ type: 'float', value: 5 }), 5)
  assert.equal(decodeValue({ type: 'text', value: 'žluťoučký\u0000kůň' }), 'žluťoučký\u0000kůň')
  assert.deepEqual(decodeValue({ type: 'blob', base64: '' }), Buffer.alloc(0))
})

test('base64 is taken padded and unpadded', () => {
  assert.deepEqual(decodeValue({ type: 'blob', base64: 'AQ==' }), Buffer.from([1]))
  assert.deepEqual(decodeValue({ type: 'blob', base64: 'AQ' }), Buffer.from([1]))
  assert.deepEqual(decodeValue({ type: 'blob', base64: 'AQI=' }), Buffer.from([1, 2]))
  assert.deepEqual(decodeValue({ type: 'blob', base64: '+/8' }), Buffer.from([0xfb, 0xff]))
})

test('names of arguments lose their prefix', () => {
  const named_args = [':a', '@b', '$c', 'd'].map((name) => ({ name, value: { type: 'null' } }))
  assert.deepEqual(statement({ named_args }), {
    sql: 'SELECT 1',
    sqlId: null,
    args: {
      positional: [],
      named: [
        ['a', null],
        ['b', null],
        ['c', null],
        ['d', null],
      ],
    },
    wantRows: true,
  })
})

test('optional fields may be null, left away or unknown', () => {
  const plain = statement({})
  assert.deepEqual(statement({ args: null, named_args: null, sql_id: null, want_rows: null }), plain)
  assert.deepEqual(statement({ replication_index: '7', future: { anything: [] } }), plain)
  assert.deepEqual(decodePipeline(bytes('{"requests":[]}')), { baton: null, requests: [] })
})

test('every kind of request on a stream', () => {
  const { requests } = pipeline(
    { type: 'execute', stmt: { sql_id: 3 } },
    { type: 'batch', batch: { steps: [{ stmt: { sql: 'A' } }] } },
    { type: 'sequence', sql: 'B' },
    { type: 'describe', sql_id: -1 },
    { type: 'store_sql', sql_id: 1, sql: 'C' },
    { type: 'close_sql', sql_id: 1 },
    { type: 'get_autocommit' },
    { type: 'close' },
  )
  assert.deepEqual(
    requests.map(({ type }) => type),
    ['execute', 'batch', 'sequence', 'describe', 'store_sql', 'close_sql', 'get_autocommit', 'close'],
  )
  assert.deepEqual(requests[3], { type: 'describe', text: { sql: null, sqlId: -1 } })
})

test('conditions nest', () => {
  const condition = {
    type: 'and',
    conds: [
      { type: 'ok', step: 0 },
      { type: 'not', cond: { type: 'or', conds: [{ type: 'error', step: 0 }, { type: 'is_autocommit' }] } },
    ],
  }
  const batch = { steps: [{ stmt: { sql: 'A' } }, { stmt: { sql: 'B' }, condition }] }
  const decoded = decodeCursor(bytes(JSON.stringify({ batch })))
  assert.deepEqual(decoded.batch.steps[1]?.condition, {
    type: 'and',
    conditions: [
      { type: 'ok', step: 0 },
      {
        type: 'not',
        condition: { type: 'or', conditions: [{ type: 'error', step: 0 }, { type: 'is_autocommit' }] },
      },
    ],
  })
})

const ownStepBatch = (step: number): unknown => ({
  type: 'batch',
  batch: { steps: [{ stmt: { sql: 'A' }, condition: { type: 'ok', step } }] },
})

test('a condition that names its own or a later step fails the request', () => {
  refuses(
    () => pipeline(ownStepBatch(0)),
    /requests\[0\]\.batch\.steps\[0\]\.condition\.step must name an earlier step/,
  )
  refuses(() => pipeline(ownStepBatch(1)), /earlier step/)
  refuses(() => pipeline(ownStepBatch(-1)), /32-bit unsigned integer, but is -1/)
})

test('conditions nest to a bounded depth', () => {
  const nested = (depth: number): object =>
    depth === 0 ? { type: 'is_autocommit' } : { type: 'not', cond: nested(depth - 1) }
  const batch = (depth: number): unknown => ({
    type: 'batch',
    batch: { steps: [{ stmt: { sql: 'A' }, condition: nested(depth) }] },
  })
  pipeline(batch(CONDITION_DEPTH_MAX - 1))
  refuses(() => pipeline(batch(CONDITION_DEPTH_MAX)), /nested deeper than/)
})

const BAD_PIPELINES: readonly (readonly [what: string, body: string, message: RegExp])[] = [
  ['no JSON', '{"requests":[', /the message is not JSON/],
  ['nothing', '', /not JSON/],
  ['an array', '[]', /the message must be an object, but is an array/],
  ['no requests', '{}', /requests must be an array, but is missing/],
  ['requests of another type', '{"requests":{}}', /requests must be an array, but is of type object/],
  ['a baton of another type', '{"baton":1,"requests":[]}', /baton must be a string, but is of type number/],
  [
    'an unknown request',
    '{"requests":[{"type":"drop_everything"}]}',
    /requests\[0\]\.type must be one of close/,
  ],
  ['a request without a type', '{"requests":[{}]}', /requests\[0\]\.type .* but is missing/],
  [
    'no statement',
    '{"requests":[{"type":"execute"}]}',
    /requests\[0\]\.stmt must be an object, but is missing/,
  ],
  [
    'no SQL',
    '{"requests":[{"type":"execute","stmt":{}}]}',
    /requests\[0\]\.stmt must have exactly one of "sql" and "sql_id"/,
  ],
  [
    'both kinds of SQL',
    '{"requests":[{"type":"sequence","sql":"A","sql_id":1}]}',
    /requests\[0\] must have exactly one of/,
  ],
  [
    'an integer as a number',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"null"},{"type":"integer","value":1}]}}]}',
    /requests\[0\]\.stmt\.args\[1\]\.value must be a string of decimal digits/,
  ],
  [
    'an integer that is too large',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"integer","value":"9223372036854775808"}]}}]}',
    /64 bits can't hold/,
  ],
  [
    'an integer that is none',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"integer","value":"0x10"}]}}]}',
    /decimal digits/,
  ],
  [
    'a float that is null',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"float","value":null}]}}]}',
    /args\[0\]\.value must be a number, but is null/,
  ],
  [
    'an unknown type of value',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"date","value":1}]}}]}',
    /args\[0\]\.type must be one of null, integer, float, text and blob, but is "date"/,
  ],
  [
    'base64 that is none',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"blob","base64":"A*=="}]}}]}',
    /args\[0\]\.base64 must be base64/,
  ],
  [
    'base64url',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","args":[{"type":"blob","base64":"-_8"}]}}]}',
    /must be base64/,
  ],
  [
    'a lone surrogate',
    '{"requests":[{"type":"execute","stmt":{"sql":"\\ud800"}}]}',
    /stmt\.sql must be Unicode text, but holds a lone surrogate/,
  ],
  [
    'a named argument without a name',
    '{"requests":[{"type":"execute","stmt":{"sql":"A","named_args":[{"value":{"type":"null"}}]}}]}',
    /named_args\[0\]\.name must be a string, but is missing/,
  ],
  [
    'an id beyond 32 bits',
    '{"requests":[{"type":"close_sql","sql_id":2147483648}]}',
    /requests\[0\]\.sql_id must be a 32-bit signed integer, but is 2147483648/,
  ],
  [
    'a request behind close',
    '{"requests":[{"type":"close"},{"type":"get_autocommit"}]}',
    /requests\[1\] follows a "close" request/,
  ],
]

for (const [what, body, message] of BAD_PIPELINES) {
  test(`a pipeline with ${what} is refused, the field named`, () => {
    refuses(() => decodePipeline(bytes(body)), message)
  })
}

test('a body that is not UTF-8 is refused instead of being changed', () => {
  const body = Buffer.from('{"requests":[{"type":"sequence","sql":"SELECT \'?\'"}]}')
  body[body.indexOf('?')] = 0xff
  refuses(() => decodePipeline(body), /the message is not UTF-8/)
})

test('version 1 sends one statement without a stream', () => {
  const request = decodeV1Execute(bytes('{"stmt":{"sql":"SELECT 1","want_rows":false}}'))
  assert.deepEqual(request, {
    type: 'execute',
    statement: { sql: 'SELECT 1', sqlId: null, args: { positional: [], named: [] }, wantRows: false },
  })
})

const request = (fields: object): unknown =>
  decodeClientMessage(JSON.stringify({ type: 'request', request_id: 7, request: fields }))
const message = (of: object): object => ({ type: 'request', requestId: 7, request: of })

test('messages of a WebSocket connection', () => {
  assert.deepEqual(decodeClientMessage('{"type":"hello","jwt":null}'), { type: 'hello', jwt: null })
  assert.deepEqual(decodeClientMessage('{"type":"hello"}'), { type: 'hello', jwt: null })
  assert.deepEqual(
    request({ type: 'open_stream', stream_id: 1 }),
    message({ type: 'open_stream', streamId: 1 }),
  )
  assert.deepEqual(
    request({ type: 'get_autocommit', stream_id: 1 }),
    message({ type: 'stream', streamId: 1, request: { type: 'get_autocommit' } }),
  )
  assert.deepEqual(
    request({ type: 'open_cursor', stream_id: 1, cursor_id: 2, batch: { steps: [] } }),
    message({ type: 'open_cursor', streamId: 1, cursorId: 2, batch: { steps: [] } }),
  )
  assert.deepEqual(
    request({ type: 'fetch_cursor', cursor_id: 2, max_count: 100 }),
    message({ type: 'fetch_cursor', cursorId: 2, maxCount: 100 }),
  )
})

test('a bad request that has an id can be answered by it', () => {
  const message = decodeClientMessage('{"type":"request","request_id":7,"request":{"type":"dance"}}')
  assert.equal(message.type, 'invalid_request')
  assert.equal(message.requestId, 7)
  assert.match(message.error.message, /request\.type must be one of open_stream/)
})

test('a message without an id can not', () => {
  refuses(
    () => decodeClientMessage('{"type":"request","request":{"type":"dance"}}'),
    /request_id must be a 32-bit/,
  )
  refuses(
    () => decodeClientMessage('{"type":"goodbye"}'),
    /type must be one of hello and request, but is "goodbye"/,
  )
  refuses(() => decodeClientMessage('null'), /must be an object, but is null/)
})
