/** Keys sort as PostgreSQL 15 sorts the values; the orders below were given by it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrayKey, intervalKey, jsonKey } from './order.ts'

function assertAscending(keys: readonly (string | bigint)[], values: readonly string[]): void {
  for (let at = 1; at < keys.length; at++)
    assert.ok((keys[at - 1] as string) < (keys[at] as string), `${values[at - 1]} before ${values[at]}`)
}

test('jsonb: by kind, then by length, then by value; an empty array at the top comes first', () => {
  const values = [
    '[]',
    'null',
    '""',
    '"a"',
    '"b"',
    '-1e30',
    '-2',
    '-1.5',
    '0',
    '1',
    '2',
    '10',
    '9007199254740992',
    '9007199254740993',
    'false',
    'true',
    '[null]',
    '["z"]',
    '[1]',
    '[2]',
    '[[]]',
    '[1,1]',
    '[1,2]',
    '{}',
    '{"a":1}',
    '{"a":2}',
    '{"b":0}',
    '{"a":1,"b":1}',
  ]
  assertAscending(values.map(jsonKey), values)
})

test('jsonb: equal whatever the spaces, the order of keys, and the zeros behind a number', () => {
  for (const [left = '', right = ''] of [
    ['1', '1.0'],
    ['100', '1e2'],
    ['0', '-0'],
    ['{"a":1,"b":[1,2]}', ' { "b" : [1.0, 2],"a":1 } '],
  ])
    assert.equal(jsonKey(left), jsonKey(right), `${left} and ${right}`)
  assert.notEqual(jsonKey('1'), jsonKey('"1"'))
  assert.notEqual(jsonKey('["a","b"]'), jsonKey(JSON.stringify(['a\u0001b'])))
})

test('arrays: element by element; a beginning comes first, NULL is the largest element', () => {
  const values = ['[]', '[1]', '[1,1]', '[1,2]', '[1,null]', '[2]', '[10]', '[null]']
  assertAscending(values.map(arrayKey), values)
  const texts = [[''], ['a'], ['a', 'b'], ['a\u0001'], ['ab'], ['b']].map((each) => JSON.stringify(each))
  assertAscending(texts.map(arrayKey), texts)
})

test('intervals: a month is 30 days, a day is 24 hours', () => {
  const values = [
    '-1 days',
    '-00:00:01',
    '00:00:00',
    '23:59:59.999999',
    '1 day',
    '1 day 00:00:00.000001',
    '29 days',
    '1 mon',
    '1 year',
  ]
  assertAscending(values.map(intervalKey), values)
  assert.equal(intervalKey('1 mon'), intervalKey('30 days'))
  assert.equal(intervalKey('1 day'), intervalKey('24:00:00'))
})
