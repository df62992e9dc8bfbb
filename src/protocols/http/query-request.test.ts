import { test } from 'node:test'
import assert from 'node:assert/strict'
import { parseExactJson } from './exact-json.ts'
import { readQueryRequest, type QueryRequest } from './query-request.ts'

const read = (body: unknown): QueryRequest =>
  readQueryRequest(parseExactJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))))

function refused(body: unknown, message: RegExp, code = 'REQUEST_INVALID'): void {
  assert.throws(() => read(body), { code, message }, JSON.stringify(body))
}

test('one statement with positional parameters', () => {
  const request = read({ sql: 'SELECT ?', params: ['a', 1, null] })
  assert.deepEqual(request.statements, [
    { sql: 'SELECT ?', args: { positional: ['a', 1n, null], named: [] } },
  ])
  assert.equal(request.isAtomicCall, false)
  assert.equal(request.rows, 'objects')
  assert.equal(request.integers, 'auto')
})

test('named parameters, with or without their prefix', () => {
  const { statements } = read({ sql: 'SELECT :a, @b', params: { a: 1, '@b': 'x' } })
  assert.deepEqual(statements[0]?.args, {
    positional: [],
    named: [
      ['a', 1n],
      ['b', 'x'],
    ],
  })
})

test('several statements are one atomic call; a statement without parameters may be a string', () => {
  const request = read({ statements: ['DELETE FROM t', { sql: 'INSERT INTO t VALUES (?)', params: [1.5] }] })
  assert.equal(request.isAtomicCall, true)
  assert.deepEqual(
    request.statements.map(({ sql, args }) => [sql, args.positional]),
    [
      ['DELETE FROM t', []],
      ['INSERT INTO t VALUES (?)', [1.5]],
    ],
  )
})

test('consistency is a level with its options, or just the level', () => {
  assert.deepEqual(read({ sql: 'x', consistency: 'linearizable' }).consistency, { level: 'linearizable' })
  assert.deepEqual(read({ sql: 'x', consistency: 'stale 2s' }).consistency, {
    level: 'stale',
    maxStalenessMs: 2_000,
  })
  assert.deepEqual(read({ sql: 'x', consistency: { level: 'session', index: 7 } }).consistency, {
    level: 'session',
    index: 7n,
  })
  assert.deepEqual(
    read({ sql: 'x', consistency: { level: 'session', index: '18446744073709551615' } }).consistency,
    {
      level: 'session',
      index: 2n ** 64n - 1n,
    },
  )
  assert.deepEqual(read({ sql: 'x', consistency: { level: 'stale', maxStalenessMs: 250 } }).consistency, {
    level: 'stale',
    maxStalenessMs: 250,
  })
})

test('each wrong field is refused by its name', () => {
  refused('[]', /The request body must be a JSON object/)
  refused({}, /^sql is missing/)
  refused({ sql: 1 }, /^sql must be a string/)
  refused({ sql: 'x', sqll: 1 }, /no field "sqll"; it may have sql, params/)
  refused({ sql: 'x', statements: ['x'] }, /exclude each other/)
  refused({ statements: {} }, /^statements must be an array/)
  refused({ statements: [] }, /^statements is empty/)
  refused({ statements: ['a', { sql: 1 }] }, /^statements\[1\]\.sql must be a string/)
  refused({ statements: ['a', 7] }, /^statements\[1\] must be a JSON object/)
  refused({ sql: 'x', params: 'a' }, /^params must be an array/, 'ARGS_INVALID')
  refused(
    { statements: [{ sql: 'x', params: [[1]] }] },
    /^statements\[0\]\.params\[0\] must be/,
    'ARGS_INVALID',
  )
  refused({ sql: 'x', params: { n: {} } }, /^params\.n must be/, 'ARGS_INVALID')
  refused({ sql: 'x', rows: 'maps' }, /^rows must be one of "objects", "arrays"/)
  refused({ sql: 'x', integers: 'bigint' }, /^integers must be one of/)
  refused({ sql: 'x', consistency: 'strong' }, /^consistency is "strong"; it must be/)
  refused({ sql: 'x', consistency: { level: 'stale', index: 1 } }, /consistency\.index belongs to/)
  refused({ sql: 'x', consistency: { level: 'session', maxStalenessMs: 1 } }, /maxStalenessMs belongs to/)
  refused({ sql: 'x', consistency: { level: 'session', index: -1 } }, /^consistency\.index must be/)
  refused({ sql: 'x', consistency: { level: 'session', index: 1.5 } }, /^consistency\.index must be/)
  refused(
    { sql: 'x', consistency: { level: 'stale', maxStalenessMs: -1 } },
    /^consistency\.maxStalenessMs must/,
  )
})
