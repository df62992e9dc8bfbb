import { test } from 'node:test'
import assert from 'node:assert/strict'
import { CONDITION_DEPTH_MAX } from './condition.ts'
import * as json from './json-decode.ts'
import {
  decodeClientMessage,
  decodeCursor,
  decodePipeline as decodeLimitedPipeline,
} from './protobuf-decode.ts'
import { encode } from './testing/protobuf-schema.ts'
import type { PipelineRequest } from './types.ts'

const decodePipeline = (body: Uint8Array): PipelineRequest => decodeLimitedPipeline(body, 100)

function refuses(act: () => unknown, message: RegExp): void {
  assert.throws(act, { code: 'REQUEST_INVALID', message })
}

function sameAsJson(protobufBody: object, jsonBody: object): void {
  const fromProtobuf = decodePipeline(encode('PipelineReqBody', protobufBody))
  assert.deepEqual(fromProtobuf, json.decodePipeline(Buffer.from(JSON.stringify(jsonBody)), 100))
}

test('both encodings of a pipeline give the same', () => {
  sameAsJson(
    {
      baton: 'B',
      requests: [
        {
          execute: {
            stmt: {
              sql: 'SELECT ?',
              args: [
                { null: {} },
                { integer: '-9223372036854775808' },
                { integer: '9223372036854775807' },
                { integer: '1' },
                { float: 0.5 },
                { text: 'kůň' },
                { blob: Buffer.from([1, 2]) },
              ],
            },
          },
        },
        {
          execute: { stmt: { sqlId: 3, namedArgs: [{ name: ':a', value: { text: '' } }], wantRows: false } },
        },
        { sequence: { sql: 'A; B' } },
        { describe: { sqlId: -1 } },
        { storeSql: { sqlId: 1, sql: 'C' } },
        { closeSql: { sqlId: 1 } },
        { getAutocommit: {} },
        { close: {} },
      ],
    },
    {
      baton: 'B',
      requests: [
        {
          type: 'execute',
          stmt: {
            sql: 'SELECT ?',
            args: [
              { type: 'null' },
              { type: 'integer', value: '-9223372036854775808' },
              { type: 'integer', value: '9223372036854775807' },
              { type: 'integer', value: '1' },
              { type: 'float', value: 0.5 },
              { type: 'text', value: 'kůň' },
              { type: 'blob', base64: 'AQI' },
            ],
          },
        },
        {
          type: 'execute',
          stmt: {
            sql_id: 3,
            named_args: [{ name: 'a', value: { type: 'text', value: '' } }],
            want_rows: false,
          },
        },
        { type: 'sequence', sql: 'A; B' },
        { type: 'describe', sql_id: -1 },
        { type: 'store_sql', sql_id: 1, sql: 'C' },
        { type: 'close_sql', sql_id: 1 },
        { type: 'get_autocommit' },
        { type: 'close' },
      ],
    },
  )
})

test('both encodings of a batch give the same', () => {
  const nested = {
    and: { conds: [{ stepOk: 0 }, { or: { conds: [{ stepError: 0 }, { isAutocommit: {} }] } }] },
  }
  const inJson = {
    type: 'and',
    conds: [
      { type: 'ok', step: 0 },
      { type: 'or', conds: [{ type: 'error', step: 0 }, { type: 'is_autocommit' }] },
    ],
  }
  const batch = { steps: [{ stmt: { sql: 'A' } }, { stmt: { sql: 'B' }, condition: { not: nested } }] }
  const jsonBatch = {
    steps: [{ stmt: { sql: 'A' } }, { stmt: { sql: 'B' }, condition: { type: 'not', cond: inJson } }],
  }
  sameAsJson({ requests: [{ batch: { batch } }] }, { requests: [{ type: 'batch', batch: jsonBatch }] })
  assert.deepEqual(
    decodeCursor(encode('CursorReqBody', { batch })),
    json.decodeCursor(Buffer.from(JSON.stringify({ batch: jsonBatch }))),
  )
})

const WS_REQUESTS: readonly (readonly [protobuf: object, json: object])[] = [
  [{ openStream: { streamId: 1 } }, { type: 'open_stream', stream_id: 1 }],
  [{ closeStream: { streamId: -1 } }, { type: 'close_stream', stream_id: -1 }],
  [{ execute: { streamId: 1, stmt: { sql: 'A' } } }, { type: 'execute', stream_id: 1, stmt: { sql: 'A' } }],
  [{ batch: { streamId: 2, batch: { steps: [] } } }, { type: 'batch', stream_id: 2, batch: { steps: [] } }],
  [
    { openCursor: { streamId: 1, cursorId: 9, batch: { steps: [] } } },
    { type: 'open_cursor', stream_id: 1, cursor_id: 9, batch: { steps: [] } },
  ],
  [{ closeCursor: { cursorId: 9 } }, { type: 'close_cursor', cursor_id: 9 }],
  [{ fetchCursor: { cursorId: 9, maxCount: 100 } }, { type: 'fetch_cursor', cursor_id: 9, max_count: 100 }],
  [{ sequence: { streamId: 1, sql: 'A' } }, { type: 'sequence', stream_id: 1, sql: 'A' }],
  [{ describe: { streamId: 1, sqlId: 5 } }, { type: 'describe', stream_id: 1, sql_id: 5 }],
  [{ storeSql: { sqlId: 5, sql: 'A' } }, { type: 'store_sql', sql_id: 5, sql: 'A' }],
  [{ closeSql: { sqlId: 5 } }, { type: 'close_sql', sql_id: 5 }],
  [{ getAutocommit: { streamId: 1 } }, { type: 'get_autocommit', stream_id: 1 }],
]

for (const [inProtobuf, inJson] of WS_REQUESTS) {
  test(`both encodings of ${Object.keys(inProtobuf)[0]} over WebSocket give the same`, () => {
    assert.deepEqual(
      decodeClientMessage(encode('ClientMsg', { request: { requestId: 7, ...inProtobuf } })),
      json.decodeClientMessage(JSON.stringify({ type: 'request', request_id: 7, request: inJson })),
    )
  })
}

test('hello, with a token and without', () => {
  assert.deepEqual(decodeClientMessage(encode('ClientMsg', { hello: { jwt: 'T' } })), {
    type: 'hello',
    jwt: 'T',
  })
  assert.deepEqual(decodeClientMessage(encode('ClientMsg', { hello: {} })), { type: 'hello', jwt: null })
})

test('fields that are not known are left out', () => {
  const known = encode('PipelineReqBody', { requests: [{ close: {} }] })
  // Field 100: a varint, 8 bytes, a nested message, 4 bytes.
  const unknown = [
    Buffer.from([0xa0, 0x06, 0x05]),
    Buffer.from([0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]),
    Buffer.from([0xa2, 0x06, 0x02, 0x08, 0x01]),
    Buffer.from([0xa5, 0x06, 1, 2, 3, 4]),
  ]
  assert.deepEqual(decodePipeline(Buffer.concat([...unknown, known])), {
    baton: null,
    requests: [{ type: 'close' }],
  })
})

test('a message that ends too early, or a length that lies, is refused', () => {
  const body = encode('PipelineReqBody', { requests: [{ execute: { stmt: { sql: 'SELECT 1' } } }] })
  for (let length = 1; length < body.length; length++)
    refuses(
      () => decodePipeline(body.subarray(0, length)),
      /is not Protobuf|must have exactly one|no request/,
    )
  const long = Buffer.from(body)
  long[1] = 127
  refuses(() => decodePipeline(long), /is not Protobuf/)
})

test('a text that is not UTF-8 is refused instead of being changed', () => {
  const body = encode('PipelineReqBody', { requests: [{ sequence: { sql: 'SELECT ?' } }] })
  body[body.indexOf('?')] = 0xff
  refuses(() => decodePipeline(body), /requests\[0\]\.sequence has a text in field 1 that is not UTF-8/)
})

test('a field of another type is refused, and named', () => {
  // requests[0].execute.stmt with field 1 (sql) as a varint.
  const stmt = Buffer.from([0x08, 0x05])
  const execute = Buffer.concat([Buffer.from([0x0a, stmt.length]), stmt])
  const request = Buffer.concat([Buffer.from([0x12, execute.length]), execute])
  const body = Buffer.concat([Buffer.from([0x12, request.length]), request])
  refuses(() => decodePipeline(body), /requests\[0\]\.execute\.stmt has field 1 as varint instead of bytes/)
})

test('what is missing is named', () => {
  const refusesPipeline = (request: object, message: RegExp): void =>
    refuses(() => decodePipeline(encode('PipelineReqBody', { requests: [request] })), message)
  refusesPipeline({}, /requests\[0\] holds no request that this server knows/)
  refusesPipeline({ execute: {} }, /requests\[0\]\.execute\.stmt is missing/)
  refusesPipeline({ execute: { stmt: {} } }, /requests\[0\]\.execute\.stmt must have exactly one of/)
  refusesPipeline({ execute: { stmt: { sql: 'A', args: [{}] } } }, /stmt\.args\[0\] holds no value/)
  refusesPipeline({ sequence: {} }, /sequence must have exactly one of/)
  refusesPipeline({ batch: { batch: { steps: [{}] } } }, /batch\.steps\[0\]\.stmt is missing/)
  refuses(() => decodeCursor(encode('CursorReqBody', {})), /batch is missing/)
  refuses(() => decodeClientMessage(Buffer.alloc(0)), /must be a hello or a request/)
})

const withCondition = (condition: object): Buffer =>
  encode('CursorReqBody', { batch: { steps: [{ stmt: { sql: 'A' }, condition }] } })

test('conditions are checked as in JSON', () => {
  const nested = (depth: number): object => (depth === 0 ? { isAutocommit: {} } : { not: nested(depth - 1) })
  refuses(() => decodeCursor(withCondition({ stepOk: 0 })), /must name an earlier step/)
  refuses(() => decodeCursor(withCondition({})), /condition holds no condition/)
  decodeCursor(withCondition(nested(CONDITION_DEPTH_MAX - 1)))
  refuses(() => decodeCursor(withCondition(nested(CONDITION_DEPTH_MAX))), /nested deeper than/)
})

test('a bad request that has an id can be answered by it', () => {
  const message = decodeClientMessage(
    encode('ClientMsg', { request: { requestId: 7, execute: { streamId: 1 } } }),
  )
  assert.equal(message.type, 'invalid_request')
  assert.equal(message.requestId, 7)
  assert.match(message.error.message, /execute\.stmt is missing/)
})
