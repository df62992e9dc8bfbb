import { test } from 'node:test'
import assert from 'node:assert/strict'
import { crc32c } from './crc32c.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The definition, a bit at a time. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

test('the vectors of RFC 3720 appendix B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(ascending), 0x46dd794e)
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c)
  assert.equal(crc32c(ascii('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array()), 0)
})

test('equals the definition at every length and alignment', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => (at * 167 + 13) & 0xff)
  for (let start = 0; start < 16; start++) {
    for (let end = start; end <= bytes.length; end++) {
      assert.equal(crc32c(bytes, 0, start, end), slow(bytes.subarray(start, end)))
    }
  }
})

test('continues from what came before', () => {
  const bytes = ascii('the quick brown fox jumps over the lazy dog')
  for (let at = 0; at <= bytes.length; at++) {
    assert.equal(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at))), crc32c(bytes))
  }
})
