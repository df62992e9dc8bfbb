import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DecodeError } from './bytes.ts'
import { decodeRequest, decodeVersioned } from './versioned.ts'

const read = (bytes: readonly number[]): number =>
  decodeVersioned(Uint8Array.from(bytes), 3, (reader) => reader.u8())

test('what follows the version is read, all of it', () => {
  assert.equal(read([3, 7]), 7)
  assert.throws(() => read([3, 7, 0]), DecodeError)
  assert.throws(() => read([3]), DecodeError)
  assert.throws(() => read([]), DecodeError)
})

test('another version is told with both numbers', () => {
  assert.throws(() => read([4, 7]), /version 4 instead of 3/)
})

test('a request says what could not be read; our own mistakes go through', () => {
  const bytes = Uint8Array.of(9)
  assert.throws(() => decodeRequest('The letter', bytes, 3, () => 0), {
    code: 'REQUEST_INVALID',
    message: /^The letter can't be read: version 9/,
  })
  const mistake = new TypeError('ours')
  assert.throws(
    () =>
      decodeRequest('The letter', Uint8Array.of(3), 3, () => {
        throw mistake
      }),
    mistake,
  )
})
