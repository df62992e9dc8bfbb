import { test } from 'node:test'
import assert from 'node:assert/strict'
import { INT64_MAX, INT64_MIN, type SqlValue } from '../../base/value.ts'
import { parseExactJson } from './exact-json.ts'
import { decodeValue, encodeRows, encodeValue, objectKeys } from './json-values.ts'

const parse = (text: string): ReturnType<typeof parseExactJson> => parseExactJson(Buffer.from(text))
const columns = (...names: string[]): { name: string; declaredType: null }[] =>
  names.map((name) => ({ name, declaredType: null }))

function bodyRefused(body: Uint8Array, message: RegExp): void {
  assert.throws(() => parseExactJson(body), { code: 'REQUEST_INVALID', message })
}

function refused(text: string, message: RegExp): void {
  assert.throws(() => decodeValue(parse(text), 'params[3]'), { code: 'ARGS_INVALID', message }, text)
}

test('a number literal is an INTEGER or a REAL by its text', () => {
  assert.deepEqual(parse('[1, 1.0, 1e2, -7, 0, -0]'), [1n, 1, 100, -7n, 0n, -0])
})

test('integers of 64 bits survive parsing exactly', () => {
  assert.deepEqual(parse(`[${INT64_MAX},${INT64_MIN},9007199254740993]`), [
    INT64_MAX,
    INT64_MIN,
    9007199254740993n,
  ])
})

test('what is not JSON in UTF-8 is refused with a reason', () => {
  bodyRefused(Buffer.from('{"sql":'), /not JSON/)
  bodyRefused(Buffer.from(''), /no body/)
  bodyRefused(Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/)
  bodyRefused(Buffer.from('['.repeat(200_000)), /not JSON/)
  bodyRefused(Buffer.from('['.repeat(200_000) + ']'.repeat(200_000)), /nested too deeply/)
})

test('a literal with a million digits costs no quadratic time: it is no integer that SQLite could hold', () => {
  assert.throws(() => decodeValue(parse('9'.repeat(1_000_000)), 'params[0]'), /does not fit/)
})

test('every value that SQLite can hold survives encoding and decoding', () => {
  const values: SqlValue[] = [
    null,
    0n,
    -1n,
    9007199254740991n,
    0.5,
    1,
    -0,
    1e300,
    5e-324,
    Infinity,
    -Infinity,
    '',
    'ü\0"\n',
    '💾',
    new Uint8Array([0, 255, 7]),
    new Uint8Array(),
  ]
  for (const value of values) {
    const text = encodeValue(value, 'auto')
    const decoded = decodeValue(parse(text), 'params[0]')
    assert.ok(Object.is(decoded, value) || assert.deepEqual(decoded, value) === undefined, text)
  }
})

test('integers that JavaScript would round are strings by default', () => {
  assert.equal(encodeValue(9007199254740991n, 'auto'), '9007199254740991')
  assert.equal(encodeValue(9007199254740992n, 'auto'), '"9007199254740992"')
  assert.equal(encodeValue(-9007199254740992n, 'auto'), '"-9007199254740992"')
})

test('a client chooses strings or exact literals for all integers', () => {
  assert.equal(encodeValue(1n, 'string'), '"1"')
  assert.equal(encodeValue(INT64_MAX, 'number'), '9223372036854775807')
})

test('a REAL is never written as an integer', () => {
  assert.equal(encodeValue(1, 'auto'), '1.0')
  assert.equal(encodeValue(1e21, 'auto'), '1e+21')
  assert.equal(encodeValue(-0, 'auto'), '-0.0')
})

test('tags give types that plain JSON has not', () => {
  assert.equal(decodeValue(parse('{"integer":"9007199254740993"}'), 'p'), 9007199254740993n)
  assert.equal(decodeValue(parse('{"real":1}'), 'p'), 1)
  assert.deepEqual(decodeValue(parse('{"base64":"AP8"}'), 'p'), new Uint8Array([0, 255]))
  assert.equal(decodeValue(true, 'p'), 1n)
})

test('a parameter that can not be one is refused by its name', () => {
  refused('9223372036854775808', /params\[3\] is 9223372036854775808, which does not fit/)
  refused('[1]', /params\[3\] must be null, a boolean/)
  refused('{}', /params\[3\] must be null, a boolean/)
  refused('{"integer":"1.5"}', /params\[3\]\.integer/)
  refused('{"base64":"*"}', /params\[3\]\.base64/)
  refused('{"real":"NaN"}', /params\[3\]\.real/)
  refused('{"text":"x"}', /tag "text" is not known/)
})

test('rows come as objects or as arrays', () => {
  const rows = [[1n, 'a'] as const, [2n, null] as const]
  assert.equal(encodeRows(columns('id', 'x'), rows, 'objects', 'auto'), '{"id":1,"x":"a"},{"id":2,"x":null}')
  assert.equal(encodeRows(columns('id', 'x'), rows, 'arrays', 'auto'), '[1,"a"],[2,null]')
})

test('columns of the same name lose no value', () => {
  assert.deepEqual(objectKeys(columns('id', 'id', 'id:1', 'id')), ['id', 'id:1', 'id:1:1', 'id:2'])
})

test('a body of more values than can be looked at quickly is refused before it is parsed', () => {
  const many = `[${'1,'.repeat(1_000_000)}1]`
  assert.throws(() => parse(many), { code: 'REQUEST_TOO_LARGE', message: /1000000 values/ })
  assert.throws(() => parse(`[${'[],'.repeat(600_000)}1]`), { code: 'REQUEST_TOO_LARGE' })
  const commas = String.raw`{"sql": "\"${','.repeat(1_000_001)}\\"}`
  assert.deepEqual(Object.keys(parse(commas) as object), ['sql'], 'commas in a string are no values')
})
