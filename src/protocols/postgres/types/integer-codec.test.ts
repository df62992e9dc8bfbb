import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseInteger } from './integer-codec.ts'
import { INT2_TYPE, INT8_TYPE } from './registry.ts'

test('integers are read exactly, whichever way they are read: short ones digit by digit, others as a whole', () => {
  const { codec } = INT8_TYPE
  const texts = [
    '0',
    '7',
    '007',
    '999999999999999',
    '1000000000000000',
    '9007199254740993',
    '9223372036854775807',
  ]
  for (const text of texts) {
    assert.equal(parseInteger(text, 'bigint'), BigInt(text), text)
    const plain = codec.decodePlain?.(Buffer.from(text))
    assert.equal(plain, text.length <= 15 ? BigInt(text) : null, text)
  }
  assert.equal(parseInteger('-5', 'bigint'), -5n)
  assert.equal(parseInteger('+5', 'bigint'), 5n)
  assert.equal(parseInteger(' 5 ', 'bigint'), 5n)
})

test('what is not plainly an integer of the type is left to the long way, which tells what is wrong', () => {
  const { codec } = INT2_TYPE
  assert.equal(codec.decodePlain?.(Buffer.from('32767')), 32767n)
  for (const text of ['32768', '-5', '+5', ' 5', '', '1.5', '٥'])
    assert.equal(codec.decodePlain?.(Buffer.from(text)), null, text)
})

test('what is no integer is refused, short or long', () => {
  for (const text of ['', ' ', '-', '1.5', '1e3', '0x10', '1_000', '5 5', '٥', '12345678901234567x']) {
    assert.throws(() => parseInteger(text, 'bigint'), { sqlState: '22P02' }, text)
  }
})
