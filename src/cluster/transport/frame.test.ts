/** Frames: cut anywhere, damaged anywhere. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DecodeError } from '../../base/bytes.ts'
import { crc32c } from '../../base/crc32c.ts'
import { SeededRandom } from '../../host/random.ts'
import type { Frame } from './frame.ts'
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from './frame.ts'

const PAYLOAD_BYTES_MAX = 1_000

function bytesOf(...frames: Uint8Array[][]): Uint8Array {
  return new Uint8Array(Buffer.concat(frames.flat()))
}

function readAll(reader: FrameReader, ...pieces: Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  for (const piece of pieces) reader.push(piece, (frame) => frames.push(frame))
  return frames
}

const SAMPLE = bytesOf(
  encodeFrame('ping'),
  encodeFrame('request', 7, [Buffer.from('abc'), Buffer.from('de')]),
  encodeFrame('pong'),
  encodeFrame('chunk', 0xffffffff, [new Uint8Array(500).fill(3)]),
)
const EXPECTED = [
  ['ping', 0, ''],
  ['request', 7, 'abcde'],
  ['pong', 0, ''],
  ['chunk', 0xffffffff, '\x03'.repeat(500)],
]

function summary(frames: readonly Frame[]): unknown[] {
  return frames.map(({ kind, stream, payload }) => [kind, stream, Buffer.from(payload).toString()])
}

test('the bytes of a frame stay what they are', () => {
  assert.equal(
    Buffer.from(bytesOf(encodeFrame('request', 7, [Buffer.from('abc')]))).toString('hex'),
    'b49c3f38030000000907000000616263',
  )
})

test('cut at every byte, and into single bytes', () => {
  for (let at = 0; at <= SAMPLE.length; at++) {
    const frames = readAll(new FrameReader(PAYLOAD_BYTES_MAX), SAMPLE.slice(0, at), SAMPLE.slice(at))
    assert.deepEqual(summary(frames), EXPECTED)
  }
  const single = Array.from(SAMPLE, (byte) => Uint8Array.from([byte]))
  assert.deepEqual(summary(readAll(new FrameReader(PAYLOAD_BYTES_MAX), ...single)), EXPECTED)
})

test('every flipped bit is noticed', () => {
  const frame = bytesOf(encodeFrame('request', 7, [Buffer.from('abcdefgh')]))
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const damaged = frame.slice()
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    const reader = new FrameReader(PAYLOAD_BYTES_MAX)
    try {
      // A length that grew waits for bytes that do not come: nothing is delivered either.
      assert.deepEqual(readAll(reader, damaged), [])
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
})

test('a length over the limit is refused with the header, one within it costs what arrived', () => {
  const header = bytesOf(encodeFrame('chunk', 1, [new Uint8Array(2_000)])).slice(0, FRAME_HEADER_BYTES)
  assert.throws(() => readAll(new FrameReader(1_999), header), /a frame of 2000 bytes, 1999 are allowed/)
  const large = new Uint8Array(FRAME_HEADER_BYTES)
  new DataView(large.buffer).setUint32(4, 100_000_000, true)
  const reader = new FrameReader(128 * 1024 * 1024)
  readAll(reader, large, new Uint8Array(1_000))
  assert.ok(reader.bufferedBytes <= 2 * 1_013, `${reader.bufferedBytes} bytes for 1,013`)
})

test('a known checksum does not make an unknown kind known', () => {
  const frame = bytesOf(encodeFrame('refuse-stream', 1))
  const reader = new FrameReader(PAYLOAD_BYTES_MAX)
  for (const kind of [0, 20, 255]) {
    const other = frame.slice()
    other[8] = kind
    assert.throws(() => readAll(reader, withChecksum(other)), /unknown kind of frame/)
  }
})

function withChecksum(frame: Uint8Array): Uint8Array {
  new DataView(frame.buffer).setUint32(0, crc32c(frame, 0, 4), true)
  return frame
}

test('random bytes are frames that are not complete, or a DecodeError; memory follows what arrived', () => {
  const random = new SeededRandom(3n)
  for (let round = 0; round < 5_000; round++) {
    const reader = new FrameReader(PAYLOAD_BYTES_MAX)
    let pushed = 0
    try {
      for (let piece = 0; piece < 5; piece++) {
        const bytes = random.bytes(random.integer(40))
        pushed += bytes.length
        readAll(reader, bytes)
        assert.ok(reader.bufferedBytes <= Math.max(64, 2 * pushed))
      }
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
})
