import { test } from 'node:test'
import assert from 'node:assert/strict'
import { fromErrorData, toErrorData } from './error-data.ts'
import { HarmonyError } from './errors.ts'

test('an error comes back as it was, with its place in the text if it has one', () => {
  for (const options of [{}, { offset: 7 }]) {
    const error = new HarmonyError('SQL_PARSE_ERROR', 'near "x"', options)
    const back = fromErrorData(structuredClone(toErrorData(error)))
    assert.deepEqual([back.code, back.message, back.offset], [error.code, error.message, error.offset])
  }
})

test('what nobody foresaw is INTERNAL', () => {
  assert.equal(toErrorData(new TypeError('oops')).code, 'INTERNAL')
})
