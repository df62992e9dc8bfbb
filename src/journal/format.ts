/**
 * The journal's bytes, version 1. All integers are little-endian; checksums are CRC-32C.
 *
 * A journal is a folder of segment files named by their sequence number in hexadecimal, `0000000000000001.segment` and
 * on, without gaps. A segment is preallocated and has a header block and frames:
 *
 *   offset  size  segment header (the rest of the first 512 bytes is zero)
 *        0     8  "HDBJRNL" and a zero byte
 *        8     4  format version
 *       12     4  checksum of bytes 16 to 64, with the version as seed. These two lines never change.
 *       16    16  journal id: random, the same in all segments of a journal
 *       32     8  sequence number of the segment
 *       40     8  size of the segment in bytes
 *       48    16  zero
 *
 *   offset  size  frame, at a multiple of 512
 *        0     4  "HDBf"
 *        4     4  checksum of bytes 8 to 24
 *        8     8  sequence number of the frame: 1, 2, 3 … over all segments
 *       16     4  size of the frame in bytes, this header included, padding to 512 excluded
 *       20     4  number of records
 *       24        records, one after another
 *
 *   offset  size  record
 *        0     4  checksum of the rest of the record
 *        4     4  size of the record in bytes, these 8 included
 *        8     1  kind
 *        9        varint group, then by kind (names are those of `JournalRecord`):
 *                   1 entry, 2 entry-copy: varint index, varint term, u8 entry kind, data to the end
 *                   3 hard-state: varint term, varint member voted for (0: none), varint its generation, varint commit
 *                   4 base, 5 log-replaced: varint index, varint term, configuration to the end
 *                   6 group-removed, 7 tombstone: varint generation
 *
 * Seeds: the checksum of a frame header and of a record starts from the segment's header checksum XOR the offset in the segment, so
 * that bytes of another place, another use of the file or another journal never pass.
 *
 * Validity: a frame is valid if its header and all of its records are, and records fill it exactly. It counts as a whole or
 * not at all: what one `GroupLog.write` brings is in one frame. Frames follow each other without gaps in their
 * numbers; the first that breaks this is where the journal ends. Recovery: `recovery.ts`.
 *
 * Besides segments the folder may have `next.tmp`, a segment in the making, and `spare.tmp`, an old one that waits to be used
 * again. Neither holds anything; the next start removes them.
 *
 * A frame starts in a sector of its own, so that writing it never rewrites a sector with acknowledged bytes.
 */

import type { Entry, EntryKind, HardState } from '../raft/entry.ts'
import { ByteReader, ByteWriter, DecodeError } from '../base/bytes.ts'
import { crc32c } from '../base/crc32c.ts'
import { must, unreachable } from '../base/assert.ts'

export const FORMAT_VERSION = 1
export const SECTOR_BYTES = 512
export const SEGMENT_HEADER_BYTES: number = SECTOR_BYTES
export const FRAME_HEADER_BYTES = 24
export const RECORD_HEADER_BYTES = 9

const SEGMENT_MAGIC = Uint8Array.from([0x48, 0x44, 0x42, 0x4a, 0x52, 0x4e, 0x4c, 0])
const FRAME_MAGIC = 0x66424448
const CHECKED_HEADER_START = 16
const CHECKED_HEADER_END = 64
const RESERVED_BYTES = 16
const SEQUENCE_MAX = BigInt(Number.MAX_SAFE_INTEGER)
/** A segment has one frame at least, whose size is a u32: anything far beyond that is damage. */
const SEGMENT_BYTES_MAX = 2n ** 33n
export const JOURNAL_ID_BYTES = 16

/** Where a group's log begins: everything up to `index` is in a snapshot or in the SQLite file. */
export interface LogBase {
  readonly index: number
  readonly term: number
  /** What the owner of the log has to know of it besides: whose log it is, the configuration in force at `index`. */
  readonly configuration: Uint8Array
}

export const EMPTY_BASE: LogBase = { index: 0, term: 0, configuration: new Uint8Array() }

export type JournalRecord =
  /** The log of `group` ends with this entry now: what was at its index and beyond is gone. */
  | { readonly kind: 'entry'; readonly group: number; readonly entry: Entry }
  /** This entry is still there: copied from an older segment. Ends nothing. */
  | { readonly kind: 'entry-copy'; readonly group: number; readonly entry: Entry }
  | { readonly kind: 'hard-state'; readonly group: number; readonly hardState: HardState }
  /** Entries up to the base are not needed any more. */
  | { readonly kind: 'base'; readonly group: number; readonly base: LogBase }
  /** A snapshot took the place of the whole log, which begins after the base now. */
  | { readonly kind: 'log-replaced'; readonly group: number; readonly base: LogBase }
  /** The replica of this generation is gone, with its log and hard state. */
  | { readonly kind: 'group-removed'; readonly group: number; readonly generation: number }
  /** Copy of what a removal left behind: replicas up to this generation must never come back. Removes nothing. */
  | { readonly kind: 'tombstone'; readonly group: number; readonly generation: number }

const RECORD_KINDS: readonly (JournalRecord['kind'] | null)[] = [
  null,
  'entry',
  'entry-copy',
  'hard-state',
  'base',
  'log-replaced',
  'group-removed',
  'tombstone',
]
const ENTRY_KINDS: readonly EntryKind[] = ['command', 'empty', 'membership']

export interface SegmentHeader {
  readonly version: number
  readonly journalId: Uint8Array
  readonly sequence: number
  readonly sizeBytes: number
  /** Seeds every checksum of the segment. */
  readonly seed: number
}

export function segmentName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, '0')}.segment`
}

/** The sequence number in a segment's file name; null if it is another file. */
export function segmentSequence(name: string): number | null {
  const match = /^([0-9a-f]{16})\.segment$/.exec(name)
  return match === null ? null : Number.parseInt(must(match[1]), 16)
}

export function encodeSegmentHeader(
  journalId: Uint8Array,
  sequence: number,
  sizeBytes: number,
): Uint8Array<ArrayBuffer> {
  const checked = new ByteWriter()
    .raw(journalId)
    .u64(BigInt(sequence))
    .u64(BigInt(sizeBytes))
    .raw(new Uint8Array(RESERVED_BYTES))
    .toBytes()
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES)
  writer.raw(SEGMENT_MAGIC).u32(FORMAT_VERSION).u32(crc32c(checked, FORMAT_VERSION)).raw(checked)
  return writer.raw(new Uint8Array(SEGMENT_HEADER_BYTES - writer.length)).toBytes()
}

/** Throws a DecodeError if the header is damaged. The caller checks `version` before it believes the rest. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader {
  const reader = new ByteReader(bytes)
  const magic = reader.raw(SEGMENT_MAGIC.length)
  if (!magic.every((byte, at) => byte === SEGMENT_MAGIC[at])) throw new DecodeError('no segment header', 0)
  const version = reader.u32()
  const checksum = reader.u32()
  reader.raw(CHECKED_HEADER_END - CHECKED_HEADER_START)
  if (crc32c(bytes, version, CHECKED_HEADER_START, CHECKED_HEADER_END) !== checksum) {
    throw new DecodeError('wrong checksum of the segment header', 12)
  }
  const fields = new ByteReader(bytes, CHECKED_HEADER_START)
  const journalId = fields.raw(JOURNAL_ID_BYTES).slice()
  const [sequence, sizeBytes] = [fields.u64(), fields.u64()]
  if (sequence > SEQUENCE_MAX || sizeBytes > SEGMENT_BYTES_MAX || sizeBytes < SEGMENT_HEADER_BYTES) {
    throw new DecodeError(`segment ${sequence} of ${sizeBytes} bytes`, 32)
  }
  return { version, journalId, sequence: Number(sequence), sizeBytes: Number(sizeBytes), seed: checksum }
}

/** `offset` rounded up to where a frame may start. */
export function frameBoundary(offset: number): number {
  return Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES
}

function seedAt(segmentSeed: number, offset: number): number {
  return (segmentSeed ^ offset) >>> 0
}

/** Appends a record with its checksum left open: it depends on where the frame will be. */
export function encodeRecord(writer: ByteWriter, record: JournalRecord): void {
  const at = writer.length
  writer.u32(0).u32(0).u8(RECORD_KINDS.indexOf(record.kind)).varint(record.group)
  encodeBody(writer, record)
  writer.patchU32(at + 4, writer.length - at)
}

function encodeBody(writer: ByteWriter, record: JournalRecord): void {
  switch (record.kind) {
    case 'entry':
    case 'entry-copy': {
      const { index, term, kind, data } = record.entry
      writer.varint(index).varint(term).u8(ENTRY_KINDS.indexOf(kind)).raw(data)
      return
    }
    case 'hard-state': {
      const { term, votedFor, commit } = record.hardState
      writer
        .varint(term)
        .varint(votedFor?.id ?? 0)
        .varint(votedFor?.generation ?? 0)
        .varint(commit)
      return
    }
    case 'base':
    case 'log-replaced':
      writer.varint(record.base.index).varint(record.base.term).raw(record.base.configuration)
      return
    case 'group-removed':
    case 'tombstone':
      writer.varint(record.generation)
  }
}

/**
 * Fills in the checksums of a frame whose records were encoded after `FRAME_HEADER_BYTES` of room, now that it is known
 * where it goes.
 */
export function sealFrame(
  writer: ByteWriter,
  recordOffsets: readonly number[],
  place: { readonly segmentSeed: number; readonly offset: number; readonly sequence: number },
): void {
  const bytes = writer.view()
  for (const [at, start] of recordOffsets.entries()) {
    const end = recordOffsets[at + 1] ?? bytes.length
    const seed = seedAt(place.segmentSeed, place.offset + start)
    writer.patchU32(start, crc32c(bytes, seed, start + 4, end))
  }
  const header = new ByteWriter(FRAME_HEADER_BYTES)
  header.u32(FRAME_MAGIC).u32(0).u64(BigInt(place.sequence)).u32(bytes.length).u32(recordOffsets.length)
  const seed = seedAt(place.segmentSeed, place.offset)
  header.patchU32(4, crc32c(header.view(), seed, 8, FRAME_HEADER_BYTES))
  bytes.set(header.view(), 0)
}

export interface FrameHeader {
  readonly sequence: number
  readonly sizeBytes: number
  readonly recordCount: number
}

/** The frame header at `offset` of a segment's bytes; null if there is no valid one. */
export function decodeFrameHeader(
  segment: Uint8Array,
  segmentSeed: number,
  offset: number,
): FrameHeader | null {
  if (offset + FRAME_HEADER_BYTES > segment.length) return null
  const reader = new ByteReader(segment, offset)
  if (reader.u32() !== FRAME_MAGIC) return null
  const seed = seedAt(segmentSeed, offset)
  if (reader.u32() !== crc32c(segment, seed, offset + 8, offset + FRAME_HEADER_BYTES)) return null
  return { sequence: Number(reader.u64()), sizeBytes: reader.u32(), recordCount: reader.u32() }
}

/**
 * The record whose first byte is at `start` of `bytes` and at `offset` of its segment. Throws a DecodeError if it is damaged or
 * passes `end`.
 */
export function decodeRecord(
  bytes: Uint8Array,
  start: number,
  end: number,
  place: { readonly segmentSeed: number; readonly offset: number },
): { readonly record: JournalRecord; readonly sizeBytes: number } {
  const header = new ByteReader(bytes, start, end)
  const checksum = header.u32()
  const sizeBytes = header.u32()
  if (sizeBytes < RECORD_HEADER_BYTES || start + sizeBytes > end) {
    throw new DecodeError(`a record of ${sizeBytes} bytes does not fit`, start + 4)
  }
  const seed = seedAt(place.segmentSeed, place.offset)
  if (crc32c(bytes, seed, start + 4, start + sizeBytes) !== checksum) {
    throw new DecodeError('wrong checksum of a record', start)
  }
  const body = new ByteReader(bytes, start + 8, start + sizeBytes)
  return { record: decodeBody(body), sizeBytes }
}

function decodeBody(reader: ByteReader): JournalRecord {
  const at = reader.offset
  const code = reader.u8()
  const kind = RECORD_KINDS[code]
  if (kind === undefined || kind === null) throw new DecodeError(`unknown kind of record ${code}`, at)
  const group = reader.varint()
  switch (kind) {
    case 'entry':
    case 'entry-copy':
      return { kind, group, entry: decodeEntry(reader) }
    case 'hard-state':
      return { kind, group, hardState: decodeHardState(reader) }
    case 'base':
    case 'log-replaced': {
      const [index, term] = [reader.varint(), reader.varint()]
      return { kind, group, base: { index, term, configuration: reader.raw(reader.remaining).slice() } }
    }
    case 'group-removed':
    case 'tombstone':
      return { kind, group, generation: reader.varint() }
    default:
      return unreachable(kind)
  }
}

function decodeEntry(reader: ByteReader): Entry {
  const [index, term] = [reader.varint(), reader.varint()]
  const at = reader.offset
  const kind = ENTRY_KINDS[reader.u8()]
  if (kind === undefined) throw new DecodeError('unknown kind of entry', at)
  return { index, term, kind, data: reader.raw(reader.remaining) }
}

function decodeHardState(reader: ByteReader): HardState {
  const [term, id, generation, commit] = [reader.varint(), reader.varint(), reader.varint(), reader.varint()]
  reader.expectEnd()
  return { term, votedFor: id === 0 ? null : { id, generation }, commit }
}
