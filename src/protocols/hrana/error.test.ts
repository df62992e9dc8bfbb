import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError, type HarmonyErrorCode } from '../../base/errors.ts'
import { toHranaError } from './error.ts'

const KNOWN: readonly (readonly [HarmonyErrorCode, code: string, extendedCode: string | null])[] = [
  ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT', 'SQLITE_CONSTRAINT_UNIQUE'],
  ['SQLITE_CONSTRAINT', 'SQLITE_CONSTRAINT', null],
  ['SQLITE_IOERR_SHORT_READ', 'SQLITE_IOERR', 'SQLITE_IOERR_SHORT_READ'],
  ['SQL_PARSE_ERROR', 'SQL_PARSE_ERROR', null],
  ['SQL_INPUT_ERROR', 'SQL_INPUT_ERROR', null],
  ['TRANSACTION_TIMEOUT', 'TRANSACTION_TIMEOUT', null],
  ['TRANSACTION_CONFLICT', 'SQLITE_BUSY', 'TRANSACTION_CONFLICT'],
  ['STATEMENT_REFUSED', 'BLOCKED', 'STATEMENT_REFUSED'],
  ['READ_ONLY', 'SQLITE_READONLY', 'READ_ONLY'],
  ['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', null],
]

for (const [own, code, extendedCode] of KNOWN) {
  test(`${own} is sent as ${code}${extendedCode === null ? '' : ` with ${extendedCode}`}`, () => {
    assert.deepEqual(toHranaError(new HarmonyError(own, 'm')), { message: 'm', code, extendedCode })
  })
}

test('what SQLite can not read is a parse error; what it can not find is not', () => {
  for (const message of ['near "SELEC": syntax error', 'unrecognized token: "\'x"', 'incomplete input'])
    assert.deepEqual(toHranaError(new HarmonyError('SQLITE_ERROR', message)), {
      message,
      code: 'SQL_PARSE_ERROR',
      extendedCode: 'SQLITE_ERROR',
    })
  assert.equal(toHranaError(new HarmonyError('SQLITE_ERROR', 'no such table: near')).code, 'SQLITE_ERROR')
})

test('what nobody foresaw is INTERNAL', () => {
  assert.equal(toHranaError(new TypeError('x is undefined')).code, 'INTERNAL')
})
