import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ByteReader, ByteWriter, DecodeError, bytesEqual } from './bytes.ts'

/** The message with which reading `bytes` fails. */
function decodeFailure(read: (reader: ByteReader) => unknown, ...bytes: number[]): string {
  try {
    read(new ByteReader(Uint8Array.from(bytes)))
  } catch (error) {
    assert.ok(error instanceof DecodeError)
    return error.message
  }
  return assert.fail('nothing was thrown')
}

test('every field is read back as it was written', () => {
  const writer = new ByteWriter()
  writer
    .u8(255)
    .u32(0xfffffffe)
    .u64(2n ** 64n - 1n)
    .i64(-(2n ** 63n))
    .f64(-0.1)
    .boolean(true)
  writer.varint(0).varint(127).varint(128).varint(Number.MAX_SAFE_INTEGER)
  writer
    .bigVarint(0n)
    .bigVarint(2n ** 53n)
    .bigVarint(2n ** 64n - 1n)
  writer
    .bytes(Uint8Array.of(1, 2, 3))
    .string('')
    .raw(Uint8Array.of(9))
  const reader = new ByteReader(writer.toBytes())
  assert.deepEqual(
    [reader.u8(), reader.u32(), reader.u64(), reader.i64(), reader.f64(), reader.boolean()],
    [255, 0xfffffffe, 2n ** 64n - 1n, -(2n ** 63n), -0.1, true],
  )
  assert.deepEqual(
    [reader.varint(), reader.varint(), reader.varint(), reader.varint()],
    [0, 127, 128, Number.MAX_SAFE_INTEGER],
  )
  assert.deepEqual(
    [reader.bigVarint(), reader.bigVarint(), reader.bigVarint()],
    [0n, 2n ** 53n, 2n ** 64n - 1n],
  )
  assert.deepEqual([...reader.bytes()], [1, 2, 3])
  assert.equal(reader.string(), '')
  assert.deepEqual([...reader.raw(1)], [9])
  reader.expectEnd()
})

test('strings of every length and script survive, byte order mark and NUL included', () => {
  const texts = [
    'a',
    'é',
    '日本語',
    '😀',
    '\uFEFFmark',
    'nul\0inside',
    'x'.repeat(24),
    'x'.repeat(25),
    'ü'.repeat(5000),
  ]
  const writer = new ByteWriter()
  for (const text of texts) writer.string(text)
  const reader = new ByteReader(writer.toBytes())
  assert.deepEqual(
    texts.map(() => reader.string()),
    texts,
  )
  reader.expectEnd()
})

test('a lone surrogate becomes U+FFFD', () => {
  const reader = new ByteReader(new ByteWriter().string('a\uD800b').toBytes())
  assert.equal(reader.string(), 'a\uFFFDb')
})

test('the writer grows, is reused, and patches lengths', () => {
  const writer = new ByteWriter(1)
  writer.raw(new Uint8Array(5)).reset()
  writer.u32(0).raw(new Uint8Array(1000).fill(7))
  writer.patchU32(0, 1000)
  const reader = new ByteReader(writer.view())
  assert.equal(reader.u32(), 1000)
  assert.equal(reader.remaining, 1000)
  assert.throws(() => writer.patchU32(1001, 0), /patch outside/)
})

test('a reader never passes the end of its input', () => {
  assert.equal(
    decodeFailure((reader) => reader.u64(), 1, 2),
    '8 bytes expected, 2 are left at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.bytes(), 100, 1),
    '100 bytes expected, 1 are left at byte 1',
  )
  assert.equal(
    decodeFailure((reader) => reader.varint(), 0x80, 0x80),
    '1 bytes expected, 0 are left at byte 2',
  )
  const bounded = new ByteReader(Uint8Array.of(1, 2, 3, 4), 1, 3)
  assert.equal(bounded.raw(2)[0], 2)
  assert.throws(() => bounded.u8(), DecodeError)
})

test('what no writer writes is refused', () => {
  const ff = Array.from({ length: 9 }, () => 0xff)
  assert.equal(
    decodeFailure((reader) => reader.varint(), ...ff, 1),
    'varint over 2^53 at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.bigVarint(), ...ff, 3),
    'varint over 2^64 at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.varint(), 0x80, 0),
    'varint is longer than it needs at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.boolean(), 2),
    '2 is no boolean at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.string(), 1, 0xff),
    'string is not UTF-8 at byte 0',
  )
  assert.equal(
    decodeFailure((reader) => reader.expectEnd(), 1),
    '1 bytes too many at byte 0',
  )
})

test('the writer refuses values outside a field', () => {
  const writer = new ByteWriter()
  assert.throws(() => writer.u8(256), /not a u8/)
  assert.throws(() => writer.u32(-1), /not a u32/)
  assert.throws(() => writer.u64(-1n), /not a u64/)
  assert.throws(() => writer.i64(2n ** 63n), /not an i64/)
  assert.throws(() => writer.varint(1.5), /not a varint/)
  assert.throws(() => writer.bigVarint(2n ** 64n), /not a u64/)
})

test('bytesEqual compares length and content', () => {
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true)
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false)
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1)), false)
})
