/** Numbers by template, as PostgreSQL 15 writes and reads them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberToChar, toNumber } from './number-format.ts'

test('to_char', () => {
  for (const [value, format, expected] of [
    [1.5, '999.99', '   1.50'],
    [1.5, 'FM999.00', '1.50'],
    [1.5, 'FM999.99', '1.5'],
    [-5n, '999', '  -5'],
    [1234567n, '9,999,999', ' 1,234,567'],
    [12n, '9,999', '    12'],
    [5n, '000', ' 005'],
    [0.5, '90.9', '  0.5'],
    [12.345, 'FM999990.00', '12.35'],
    [1000n, '999', ' ###'],
    [-1.5, 'S99.9', ' -1.5'],
    [5n, '9MI', '5 '],
    [-5n, '9MI', '5-'],
    [485n, 'FMRN', 'CDLXXXV'],
    [1234.5, 'L9,999.99', '  1,234.50'],
  ] as const)
    assert.equal(numberToChar(value, format), expected, `${value} ${format}`)
})

test('to_number', () => {
  assert.equal(toNumber('12,454.8-', '99G999D9S'), -12454.8)
  assert.equal(toNumber('$1,234.56', 'L9,999.99'), 1234.56)
  assert.equal(toNumber('42', '99'), 42n)
  assert.throws(() => toNumber('x', '99'), /invalid input syntax for type numeric/)
})
