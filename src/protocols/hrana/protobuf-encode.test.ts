import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ExecuteResult } from '../../gateway/session.ts'
import {
  encodeCursorEntries,
  encodeCursorHead,
  encodePipeline,
  encodeServerMessage,
  encodeStreamResult,
} from './protobuf-encode.ts'
import { decode, decodeDelimited } from './testing/protobuf-schema.ts'
import type { ConnectionResponse, CursorEntry, HranaError, StreamResult } from './types.ts'

const RESULT: ExecuteResult = {
  columns: [
    { name: 'id', declaredType: 'INTEGER' },
    { name: 'x', declaredType: null },
  ],
  rows: [
    [null, 9223372036854775807n, -9223372036854775808n],
    [-0.5, 'kůň', Buffer.from([0, 255])],
  ],
  changes: 2n,
  lastInsertRowid: -1n,
  durationMs: 0.25,
  index: 41n,
}

const RESULT_DECODED = {
  cols: [{ name: 'id', decltype: 'INTEGER' }, { name: 'x' }],
  rows: [
    { values: [{ null: {} }, { integer: '9223372036854775807' }, { integer: '-9223372036854775808' }] },
    { values: [{ float: -0.5 }, { text: 'kůň' }, { blob: Buffer.from([0, 255]) }] },
  ],
  affectedRowCount: '2',
  lastInsertRowid: '-1',
  replicationIndex: '41',
  rowsRead: '2',
  rowsWritten: '2',
  queryDurationMs: 0.25,
}

const ERROR: HranaError = {
  message: 'no',
  code: 'SQLITE_CONSTRAINT',
  extendedCode: 'SQLITE_CONSTRAINT_UNIQUE',
}
const ERROR_DECODED = { message: 'no', code: 'SQLITE_CONSTRAINT' }

function pipeline(...results: StreamResult[]): unknown {
  const encoded = encodePipeline({ baton: 'B', baseUrl: null }, results.map(encodeStreamResult))
  return decode('PipelineRespBody', encoded)
}

test('a pipeline with every kind of response', () => {
  const responses: StreamResult[] = [
    { type: 'ok', response: { type: 'execute', result: RESULT } },
    { type: 'error', error: ERROR },
    {
      type: 'ok',
      response: { type: 'batch', result: { results: [RESULT, null, null], errors: [null, null, ERROR] } },
    },
    { type: 'ok', response: { type: 'sequence' } },
    {
      type: 'ok',
      response: {
        type: 'describe',
        result: { parameters: [':a', null], columns: [], isExplain: true, isReadOnly: false },
      },
    },
    { type: 'ok', response: { type: 'store_sql' } },
    { type: 'ok', response: { type: 'close_sql' } },
    { type: 'ok', response: { type: 'get_autocommit', isAutocommit: true } },
    { type: 'ok', response: { type: 'close' } },
  ]
  assert.deepEqual(pipeline(...responses), {
    baton: 'B',
    results: [
      { ok: { execute: { result: RESULT_DECODED } } },
      { error: ERROR_DECODED },
      {
        ok: {
          batch: {
            result: {
              stepResults: [{ key: 0, value: RESULT_DECODED }],
              stepErrors: [{ key: 2, value: ERROR_DECODED }],
            },
          },
        },
      },
      { ok: { sequence: {} } },
      { ok: { describe: { result: { params: [{ name: ':a' }, {}], isExplain: true, isReadonly: false } } } },
      { ok: { storeSql: {} } },
      { ok: { closeSql: {} } },
      { ok: { getAutocommit: { isAutocommit: true } } },
      { ok: { close: {} } },
    ],
  })
})

const ENTRIES: readonly CursorEntry[] = [
  { type: 'step_begin', step: 0, columns: RESULT.columns },
  { type: 'row', row: [1n] },
  { type: 'step_end', changes: 1n, lastInsertRowid: 9007199254740993n },
  { type: 'step_error', step: 1, error: ERROR },
  { type: 'error', error: ERROR },
]

const ENTRIES_DECODED = [
  { stepBegin: { step: 0, cols: RESULT_DECODED.cols } },
  { row: { values: [{ integer: '1' }] } },
  { stepEnd: { affectedRowCount: '1', lastInsertRowid: '9007199254740993' } },
  { stepError: { step: 1, error: ERROR_DECODED } },
  { error: ERROR_DECODED },
]

test('a cursor over HTTP: messages, each behind its length', () => {
  const head = encodeCursorHead({ baton: null, baseUrl: 'https://one.example' })
  const body = Buffer.concat([head, encodeCursorEntries(ENTRIES)])
  assert.deepEqual(
    decodeDelimited((index) => (index === 0 ? 'CursorRespBody' : 'CursorEntry'), body),
    [{ baseUrl: 'https://one.example' }, ...ENTRIES_DECODED],
  )
})

const WS_RESPONSES: readonly (readonly [ConnectionResponse, object])[] = [
  [{ type: 'open_stream' }, { openStream: {} }],
  [{ type: 'close_stream' }, { closeStream: {} }],
  [{ type: 'execute', result: RESULT }, { execute: { result: RESULT_DECODED } }],
  [{ type: 'batch', result: { results: [], errors: [] } }, { batch: { result: {} } }],
  [{ type: 'open_cursor' }, { openCursor: {} }],
  [{ type: 'close_cursor' }, { closeCursor: {} }],
  [
    { type: 'fetch_cursor', entries: ENTRIES, done: true },
    { fetchCursor: { entries: ENTRIES_DECODED, done: true } },
  ],
  [{ type: 'sequence' }, { sequence: {} }],
  [{ type: 'store_sql' }, { storeSql: {} }],
  [{ type: 'close_sql' }, { closeSql: {} }],
  [{ type: 'get_autocommit', isAutocommit: false }, { getAutocommit: { isAutocommit: false } }],
]

for (const [response, decoded] of WS_RESPONSES) {
  test(`the response to ${response.type} over WebSocket`, () => {
    const encoded = encodeServerMessage({ type: 'response_ok', requestId: -7, response })
    assert.deepEqual(decode('ServerMsg', encoded), { responseOk: { requestId: -7, ...decoded } })
  })
}

test('the other messages over WebSocket', () => {
  assert.deepEqual(decode('ServerMsg', encodeServerMessage({ type: 'hello_ok' })), { helloOk: {} })
  assert.deepEqual(decode('ServerMsg', encodeServerMessage({ type: 'hello_error', error: ERROR })), {
    helloError: { error: ERROR_DECODED },
  })
  assert.deepEqual(
    decode('ServerMsg', encodeServerMessage({ type: 'response_error', requestId: 3, error: ERROR })),
    { responseError: { requestId: 3, error: ERROR_DECODED } },
  )
})
