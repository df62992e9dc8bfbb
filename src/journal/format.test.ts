/** The bytes on disk, pinned: a change of any of them is a new format version. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ByteWriter, DecodeError } from '../base/bytes.ts'
import { SeededRandom } from '../host/random.ts'
import type { JournalRecord } from './format.ts'
import {
  FRAME_HEADER_BYTES,
  decodeFrameHeader,
  decodeRecord,
  decodeSegmentHeader,
  encodeRecord,
  encodeSegmentHeader,
  sealFrame,
  segmentName,
  segmentSequence,
} from './format.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const RECORDS: readonly JournalRecord[] = [
  { kind: 'entry', group: 1, entry: { index: 300, term: 2, kind: 'command', data: Uint8Array.of(0xaa) } },
  { kind: 'entry-copy', group: 1, entry: { index: 1, term: 1, kind: 'empty', data: new Uint8Array() } },
  { kind: 'hard-state', group: 2, hardState: { term: 7, votedFor: { id: 3, generation: 9 }, commit: 5 } },
  { kind: 'hard-state', group: 2, hardState: { term: 8, votedFor: null, commit: 5 } },
  { kind: 'base', group: 1, base: { index: 4, term: 2, configuration: Uint8Array.of(1, 2) } },
  { kind: 'log-replaced', group: 1, base: { index: 9, term: 3, configuration: new Uint8Array() } },
  { kind: 'group-removed', group: 5, generation: 1 },
  { kind: 'tombstone', group: 5, generation: 1 },
]

function frameOf(records: readonly JournalRecord[], place = { segmentSeed: 77, offset: 1024, sequence: 6 }) {
  const writer = new ByteWriter()
  writer.raw(new Uint8Array(FRAME_HEADER_BYTES))
  const offsets = records.map((record) => {
    const at = writer.length
    encodeRecord(writer, record)
    return at
  })
  sealFrame(writer, offsets, place)
  return { bytes: writer.toBytes(), offsets }
}

test('the segment header', () => {
  const id = Uint8Array.from({ length: 16 }, (_, at) => at)
  const bytes = encodeSegmentHeader(id, 3, 4096)
  assert.equal(bytes.length, 512)
  assert.equal(
    hex(bytes.subarray(0, 64)),
    '4844424a524e4c0001000000' +
      hex(bytes.subarray(12, 16)) +
      '000102030405060708090a0b0c0d0e0f' +
      '0300000000000000' +
      '0010000000000000' +
      '00'.repeat(16),
  )
  const header = decodeSegmentHeader(bytes)
  assert.deepEqual(
    [header.version, header.sequence, header.sizeBytes, hex(header.journalId)],
    [1, 3, 4096, hex(id)],
  )
  assert.notEqual(header.seed, decodeSegmentHeader(encodeSegmentHeader(id, 4, 4096)).seed)
})

test('a frame with a record of every kind', () => {
  const { bytes, offsets } = frameOf(RECORDS)
  const withoutChecksums = bytes.slice()
  for (const offset of [4, ...offsets]) withoutChecksums.fill(0, offset, offset + 4)
  assert.equal(
    hex(withoutChecksums),
    [
      `48444266000000000600000000000000${hex(Uint8Array.of(bytes.length))}00000008000000`,
      '000000000f000000 01 01 ac02 02 00 aa',
      '000000000d000000 02 01 01 01 01',
      '000000000e000000 03 02 07 03 09 05',
      '000000000e000000 03 02 08 00 00 05',
      '000000000e000000 04 01 04 02 0102',
      '000000000c000000 05 01 09 03',
      '000000000b000000 06 05 01',
      '000000000b000000 07 05 01',
    ]
      .join('')
      .replaceAll(' ', ''),
  )
})

test('everything that is encoded is decoded', () => {
  const { bytes, offsets } = frameOf(RECORDS)
  const decoded = offsets.map((at) => {
    return decodeRecord(bytes, at, bytes.length, { segmentSeed: 77, offset: 1024 + at }).record
  })
  assert.deepEqual(decoded, RECORDS)
})

test('a frame and its records are valid at one offset of one segment only', () => {
  const { bytes, offsets } = frameOf(RECORDS)
  const file = new Uint8Array(4096)
  file.set(bytes, 1024)
  assert.equal(decodeFrameHeader(file, 77, 1024)?.sequence, 6)
  assert.equal(decodeFrameHeader(file, 78, 1024), null)
  file.set(bytes, 2048)
  assert.equal(decodeFrameHeader(file, 77, 2048), null)
  for (const at of offsets) {
    for (const place of [
      { segmentSeed: 78, offset: 1024 + at },
      { segmentSeed: 77, offset: 2048 + at },
    ]) {
      assert.throws(() => decodeRecord(bytes, at, bytes.length, place), DecodeError)
    }
  }
})

test('damaged records throw a decode error and nothing else', () => {
  const { bytes, offsets } = frameOf(RECORDS)
  const random = new SeededRandom(5n)
  for (let round = 0; round < 3000; round++) {
    const damaged = bytes.slice()
    const at = offsets[random.integer(offsets.length)] as number
    damaged[at + random.integer(16)] = random.integer(256)
    const end = random.integer(4) === 0 ? at + random.integer(bytes.length - at) : bytes.length
    try {
      decodeRecord(damaged, at, end, { segmentSeed: 77, offset: 1024 + at })
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
})

test('segment names count in hexadecimal, and other files are no segments', () => {
  assert.equal(segmentName(26), '000000000000001a.segment')
  assert.equal(segmentSequence('000000000000001a.segment'), 26)
  for (const name of ['next.tmp', '1a.segment', '000000000000001A.segment', '000000000000001a.segment.bak']) {
    assert.equal(segmentSequence(name), null)
  }
})
