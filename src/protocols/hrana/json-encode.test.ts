import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { ExecuteResult } from '../../gateway/session.ts'
import {
  encodeCursorEnd,
  encodeCursorHead,
  encodeCursorLines,
  encodePipeline,
  encodeServerMessage,
  encodeStreamResult,
  encodeValue,
} from './json-encode.ts'
import type { CursorEntry } from './types.ts'

const RESULT: ExecuteResult = {
  columns: [
    { name: 'id', declaredType: 'INTEGER' },
    { name: 'a "b"', declaredType: null },
  ],
  rows: [[1n, 'x']],
  changes: 2n,
  lastInsertRowid: 9223372036854775807n,
  durationMs: 0.25,
  index: 41n,
}

test('values', () => {
  assert.equal(encodeValue(null), '{"type":"null"}')
  assert.equal(encodeValue(-9223372036854775808n), '{"type":"integer","value":"-9223372036854775808"}')
  assert.equal(encodeValue(1.5), '{"type":"float","value":1.5}')
  assert.equal(encodeValue('a"\n\u2028'), '{"type":"text","value":"a\\"\\n\u2028"}')
})

test('blobs are base64 without padding', () => {
  assert.equal(encodeValue(new Uint8Array([1])), '{"type":"blob","base64":"AQ"}')
  assert.equal(encodeValue(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), '{"type":"blob","base64":"AgM"}')
  assert.equal(encodeValue(new Uint8Array()), '{"type":"blob","base64":""}')
})

test('floats that JSON does not have are null, and minus zero stays', () => {
  assert.equal(encodeValue(Infinity), '{"type":"float","value":null}')
  assert.equal(encodeValue(-Infinity), '{"type":"float","value":null}')
  assert.equal(encodeValue(NaN), '{"type":"float","value":null}')
  assert.ok(Object.is((JSON.parse(encodeValue(-0)) as { value: number }).value, -0))
})

test('the result of a statement, with what newer clients know', () => {
  const text = encodeStreamResult({ type: 'ok', response: { type: 'execute', result: RESULT } })
  assert.deepEqual(JSON.parse(text), {
    type: 'ok',
    response: {
      type: 'execute',
      result: {
        cols: [
          { name: 'id', decltype: 'INTEGER' },
          { name: 'a "b"', decltype: null },
        ],
        rows: [
          [
            { type: 'integer', value: '1' },
            { type: 'text', value: 'x' },
          ],
        ],
        affected_row_count: 2,
        last_insert_rowid: '9223372036854775807',
        replication_index: '41',
        rows_read: 1,
        rows_written: 2,
        query_duration_ms: 0.25,
      },
    },
  })
})

test('skipped steps of a batch are null in both lists', () => {
  const error = { message: 'no', code: 'SQLITE_CONSTRAINT', extendedCode: 'SQLITE_CONSTRAINT_UNIQUE' }
  const result = { results: [RESULT, null, null], errors: [null, error, null] }
  const parsed = JSON.parse(encodeStreamResult({ type: 'ok', response: { type: 'batch', result } })) as {
    response: { result: { step_results: unknown[]; step_errors: unknown[] } }
  }
  assert.equal(parsed.response.result.step_results.length, 3)
  assert.equal(parsed.response.result.step_results[1], null)
  assert.deepEqual(parsed.response.result.step_errors, [
    null,
    { message: 'no', code: 'SQLITE_CONSTRAINT', extended_code: 'SQLITE_CONSTRAINT_UNIQUE' },
    null,
  ])
})

test('a description', () => {
  const result = { parameters: [':a', null], columns: [], isExplain: false, isReadOnly: true }
  const parsed: unknown = JSON.parse(
    encodeStreamResult({ type: 'ok', response: { type: 'describe', result } }),
  )
  assert.deepEqual(parsed, {
    type: 'ok',
    response: {
      type: 'describe',
      result: { params: [{ name: ':a' }, { name: null }], cols: [], is_explain: false, is_readonly: true },
    },
  })
})

test('a pipeline', () => {
  assert.equal(
    encodePipeline({ baton: 'B', baseUrl: null }, [
      encodeStreamResult({ type: 'ok', response: { type: 'close_sql' } }),
      encodeStreamResult({ type: 'error', error: { message: 'm', code: 'C', extendedCode: null } }),
    ]),
    '{"baton":"B","base_url":null,"results":[' +
      '{"type":"ok","response":{"type":"close_sql"}},{"type":"error","error":{"message":"m","code":"C"}}]}',
  )
})

const ENTRIES: readonly CursorEntry[] = [
  { type: 'step_begin', step: 0, columns: [{ name: 'a', declaredType: null }] },
  { type: 'row', row: [1n] },
  { type: 'step_end', changes: 1n, lastInsertRowid: 9007199254740993n },
  { type: 'step_error', step: 1, error: { message: 'm', code: 'C', extendedCode: null } },
]

test('a cursor over HTTP is lines, with the rowid as an exact number and a last line that says that nothing is missing', () => {
  const head = encodeCursorHead({ baton: null, baseUrl: 'https://one.example' })
  assert.equal(head, '{"baton":null,"base_url":"https://one.example"}\n')
  assert.equal(
    encodeCursorLines(ENTRIES) + encodeCursorEnd(41n),
    '{"type":"step_begin","step":0,"cols":[{"name":"a","decltype":null}]}\n' +
      '{"type":"row","row":[{"type":"integer","value":"1"}]}\n' +
      '{"type":"step_end","affected_row_count":1,"last_insert_rowid":9007199254740993}\n' +
      '{"type":"step_error","step":1,"error":{"message":"m","code":"C"}}\n' +
      '{"type":"replication_index","replication_index":41}\n',
  )
})

test('over WebSocket the rowid is a string, as the specification says', () => {
  const text = encodeServerMessage({
    type: 'response_ok',
    requestId: 5,
    response: { type: 'fetch_cursor', entries: ENTRIES.slice(2, 3), done: false },
  })
  assert.equal(
    text,
    '{"type":"response_ok","request_id":5,"response":{"type":"fetch_cursor","entries":[' +
      '{"type":"step_end","affected_row_count":1,"last_insert_rowid":"9007199254740993"}],"done":false}}',
  )
})

test('messages of a WebSocket connection', () => {
  const error = { message: 'm', code: 'AUTH_INVALID', extendedCode: null }
  assert.equal(encodeServerMessage({ type: 'hello_ok' }), '{"type":"hello_ok"}')
  assert.equal(
    encodeServerMessage({ type: 'hello_error', error }),
    '{"type":"hello_error","error":{"message":"m","code":"AUTH_INVALID"}}',
  )
  assert.equal(
    encodeServerMessage({ type: 'response_error', requestId: -1, error }),
    '{"type":"response_error","request_id":-1,"error":{"message":"m","code":"AUTH_INVALID"}}',
  )
  assert.equal(
    encodeServerMessage({ type: 'response_ok', requestId: 1, response: { type: 'open_stream' } }),
    '{"type":"response_ok","request_id":1,"response":{"type":"open_stream"}}',
  )
})
