import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromSqlValue, toArguments, toSqlValue, toStatement } from './values.ts'

test('a whole number is an INTEGER, any other a REAL', () => {
  assert.equal(toSqlValue(42, 1), 42n)
  assert.equal(toSqlValue(1.5, 1), 1.5)
  assert.equal(toSqlValue(2 ** 53, 1), 2 ** 53)
  assert.ok(Object.is(toSqlValue(-0, 1), -0))
})

test('booleans are 1 and 0', () => {
  assert.deepEqual([toSqlValue(true, 1), toSqlValue(false, 1)], [1n, 0n])
})

test('what no column can hold is refused by its place, with a way out', () => {
  for (const value of [undefined, new Date(0), { a: 1 }, Symbol('s'), () => 1, [1]])
    assert.throws(() => toArguments([1, value]), { code: 'ARGS_INVALID', message: /^Parameter 2 is / })
})

test('an object alone has names, bytes alone are a value', () => {
  assert.deepEqual(toArguments([{ id: 1 }]), { positional: [], named: [['id', 1n]] })
  const bytes = new Uint8Array([1])
  assert.deepEqual(toArguments([bytes]), { positional: [bytes], named: [] })
})

test('an integer comes back as a number exactly where that is exact', () => {
  assert.equal(fromSqlValue(2n ** 53n - 1n), 2 ** 53 - 1)
  assert.equal(fromSqlValue(2n ** 53n), 2n ** 53n)
  assert.equal(fromSqlValue(-(2n ** 63n)), -(2n ** 63n))
})

test('a statement is a text, and what is none is refused by what it is', () => {
  for (const [sql, said] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, 'a number'],
    [{}, 'an object (Object)'],
  ] as const)
    assert.throws(() => toStatement(sql as never, []), {
      code: 'ARGS_INVALID',
      message: `The SQL text is ${said}: give it as a string.`,
    })
})
