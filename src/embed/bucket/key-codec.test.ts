import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OrderedItem, OrderedKey } from './key-codec.ts'
import { BYTES_KEYS, ORDERED_KEYS, STRING_KEYS } from './key-codec.ts'

/** Ascending, by the rule in words: kinds one after another, numbers as numbers, lists item by item. */
const ASCENDING: readonly OrderedItem[] = [
  null,
  false,
  true,
  Number.NEGATIVE_INFINITY,
  -Number.MAX_VALUE,
  -2,
  -1.5,
  -Number.MIN_VALUE,
  0,
  Number.MIN_VALUE,
  1,
  1.5,
  2,
  10,
  2 ** 53,
  Number.POSITIVE_INFINITY,
  '',
  '\0',
  '\0a',
  'a',
  'a\0',
  'a\0b',
  'ab',
  'b',
  '\uffff',
  '\u{10000}',
  new Uint8Array([]),
  new Uint8Array([0]),
  new Uint8Array([0, 0]),
  new Uint8Array([0, 255]),
  new Uint8Array([1]),
  new Uint8Array([255]),
  [],
  [null],
  [1],
  [1, 'x'],
  ['a'],
  [[]],
  [[1], 2],
]

function keys(): OrderedKey[] {
  const pairs = ASCENDING.flatMap((first) => [[first], ...ASCENDING.map((second) => [first, second])])
  return [[], ...pairs]
}

test('the bytes of ordered keys have the order of the lists, and give them back', () => {
  const ascending = keys()
  let before: Uint8Array | null = null
  for (const key of ascending) {
    const bytes = ORDERED_KEYS.encode(key)
    assert.deepEqual(ORDERED_KEYS.decode(bytes), key)
    if (before !== null) assert.equal(Buffer.compare(before, bytes), -1, JSON.stringify(key))
    before = bytes
  }
})

function starts(key: OrderedKey, prefix: OrderedKey): boolean {
  const [bytes, first] = [ORDERED_KEYS.encode(key), ORDERED_KEYS.encode(prefix)]
  return Buffer.compare(bytes.subarray(0, first.length), first) === 0
}

test('a list begins with the bytes of every shorter one that it begins with, and with no other', () => {
  assert.equal(starts(['ab', 1], ['ab']), true)
  assert.equal(starts(['ab', 1], ['a']), false)
  assert.equal(starts([10], [1]), false)
  assert.equal(starts(['a'], []), true)
})

test('-0 is 0', () => {
  assert.deepEqual(ORDERED_KEYS.encode([-0]), ORDERED_KEYS.encode([0]))
})

test('what was not written as an ordered key is refused when it is read', () => {
  for (const bytes of [[0], [9], [4, 1, 2], [5, 97], [5, 97, 0, 255], [7, 1], [99]])
    assert.throws(() => ORDERED_KEYS.decode(Uint8Array.from(bytes)), { code: 'ARGS_INVALID' })
})

test('two strings never have the same bytes: half of a surrogate pair is refused', () => {
  for (const key of ['\ud800', 'a\udc00', '\udc00\ud800'])
    assert.throws(() => STRING_KEYS.encode(key), { code: 'ARGS_INVALID', message: /surrogate/ })
  assert.equal(STRING_KEYS.decode(STRING_KEYS.encode('\u{1d11e}\0é')), '\u{1d11e}\0é')
})

test('keys of another kind are refused by name', () => {
  assert.throws(() => STRING_KEYS.encode(5 as unknown as string), { message: /a number.*strings/ })
  assert.throws(() => BYTES_KEYS.encode('a' as unknown as Uint8Array), { message: /a string.*Uint8Arrays/ })
  assert.throws(() => ORDERED_KEYS.encode('a' as unknown as OrderedKey), { message: /a string.*lists/ })
  assert.throws(() => ORDERED_KEYS.encode([new Date() as unknown as null]), { message: /Date/ })
})
