import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { bindingOf, parametersOf, plainBinding, valuesOf } from './parameters.ts'
import type { SqlArguments, SqlValue } from '../base/value.ts'

function select(sql: string, args: Partial<SqlArguments>): SqlValue[] {
  const database = new DatabaseSync(':memory:', {
    returnArrays: true,
    readBigInts: true,
    allowBareNamedParameters: false,
  })
  const layout = parametersOf(sql)
  const values = valuesOf(layout, { positional: [], named: [], ...args })
  const binding = bindingOf(layout, values) as SqlValue[]
  return database.prepare(sql).get(...binding) as unknown as SqlValue[]
}

test('parameters get positions as SQLite gives them', () => {
  assert.deepEqual(parametersOf('SELECT ?, :a, ?5, @a, :a, \'?\', "?" -- ?\n, $x::y(z)').names, [
    null,
    ':a',
    null,
    null,
    '?5',
    '@a',
    '$x::y(z)',
  ])
  assert.deepEqual(parametersOf('SELECT ?2, ?1, ?').names, ['?1', '?2', null])
})

test('values reach the parameter that they are for', () => {
  assert.deepEqual(select('SELECT ?, ?', { positional: [1n, 'x'] }), [1n, 'x'])
  assert.deepEqual(select('SELECT ?2, ?1', { positional: [1n, 2n] }), [2n, 1n])
  assert.deepEqual(select('SELECT ?3, ?1', { positional: [1n, 2n, 3n] }), [3n, 1n])
  assert.deepEqual(select('SELECT ?2', { named: [['?2', 5n]] }), [5n])
  assert.deepEqual(select('SELECT :a, $b, @c', { positional: [1n, 2n, 3n] }), [1n, 2n, 3n])
  assert.deepEqual(
    select('SELECT :a, $b, @c', {
      named: [
        ['c', 3n],
        [':a', 1n],
        ['b', 2n],
      ],
    }),
    [1n, 2n, 3n],
  )
  assert.deepEqual(select('SELECT :a, ?, :b, ?', { positional: [1n, 2n, 3n, 4n] }), [1n, 2n, 3n, 4n])
  assert.deepEqual(select('SELECT :a, ?, :b', { positional: [1n, 2n], named: [['b', 3n]] }), [1n, 2n, 3n])
})

test('the short way to bind gives what the long way gives, and leaves everything else to it', () => {
  const plain = (sql: string, args: Partial<SqlArguments>): readonly SqlValue[] | null =>
    plainBinding(parametersOf(sql), { positional: [], named: [], ...args })
  assert.deepEqual(plain('SELECT ?, ?', { positional: [1n, 'x'] }), [1n, 'x'])
  assert.deepEqual(plain('SELECT ?2', { positional: [1n, 2n] }), [1n, 2n])
  assert.deepEqual(plain('SELECT ?', { positional: [2n ** 63n - 1n] }), [2n ** 63n - 1n])
  assert.equal(plain('SELECT ?', { positional: [2n ** 63n] }), null)
  assert.equal(plain('SELECT ?', { positional: [-(2n ** 63n) - 1n] }), null)
  assert.equal(plain('SELECT ?, ?', { positional: [1n] }), null)
  assert.equal(plain('SELECT 1', { positional: [1n] }), null)
  assert.equal(plain('SELECT :a', { positional: [1n] }), null)
  assert.equal(plain('SELECT ?1', { named: [['?1', 1n]] }), null)
})

test('missing, surplus and unknown values are refused', () => {
  assert.throws(() => select('SELECT ?, ?', { positional: [1n] }), {
    code: 'ARGS_INVALID',
    message: /parameter 2/,
  })
  assert.throws(() => select('SELECT :name', {}), { code: 'ARGS_INVALID', message: /:name/ })
  assert.throws(() => select('SELECT 1', { positional: [1n] }), {
    code: 'ARGS_INVALID',
    message: /0 parameters/,
  })
  assert.throws(() => select('SELECT :a', { named: [['b', 1n]] }), {
    code: 'ARGS_INVALID',
    message: /named b/,
  })
  assert.throws(() => parametersOf('SELECT ?0'), { code: 'SQLITE_ERROR' })
  assert.throws(() => parametersOf('SELECT ?99999'), { code: 'SQLITE_ERROR' })
})
