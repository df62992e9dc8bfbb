import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BYTES_KEYS } from './key-codec.ts'
import type { KeyRange } from './key-range.ts'
import { byteRange, checkLimit } from './key-range.ts'

/** All keys of up to three bytes out of the four that matter at the edges. */
const DIGITS = [0, 1, 254, 255]
const KEYS: readonly Uint8Array[] = [
  [],
  ...DIGITS.flatMap((a) => [[a], ...DIGITS.flatMap((b) => [[a, b], ...DIGITS.map((c) => [a, b, c])])]),
].map((bytes) => Uint8Array.from(bytes))

function isWithin(key: Uint8Array, { gt, gte, lt, lte, prefix }: KeyRange<Uint8Array>): boolean {
  return (
    (gt === undefined || Buffer.compare(key, gt) > 0) &&
    (gte === undefined || Buffer.compare(key, gte) >= 0) &&
    (lt === undefined || Buffer.compare(key, lt) < 0) &&
    (lte === undefined || Buffer.compare(key, lte) <= 0) &&
    (prefix === undefined || Buffer.compare(key.subarray(0, prefix.length), prefix) === 0)
  )
}

function check(range: KeyRange<Uint8Array>): void {
  const before = JSON.stringify(range)
  const { start, end } = byteRange(BYTES_KEYS, range)
  for (const key of KEYS) {
    const isFound = Buffer.compare(key, start) >= 0 && (end === null || Buffer.compare(key, end) < 0)
    assert.equal(isFound, isWithin(key, range), `${before} of ${[...key]}`)
  }
  assert.equal(JSON.stringify(range), before, 'the caller keeps its keys')
}

test('each bound finds exactly what it says, for every key', () => {
  check({})
  for (const bound of KEYS)
    for (const name of ['gt', 'gte', 'lt', 'lte', 'prefix'] as const) check({ [name]: Buffer.from(bound) })
})

test('of several bounds the tighter ones count', () => {
  const some = KEYS.filter((_, at) => at % 9 === 0)
  for (const one of some)
    for (const other of some) {
      check({ gt: one, lte: other })
      check({ gte: one, prefix: other })
      check({ prefix: one, lt: other })
      check({ gt: one, gte: other })
    }
})

test('a limit is a whole number from 0 on', () => {
  assert.equal(checkLimit(0), 0)
  for (const limit of [-1, 1.5, Number.NaN, '5' as unknown as number])
    assert.throws(() => checkLimit(limit), { code: 'ARGS_INVALID' })
})
