/** Segments of a journal, as a disk may give them back: opened as a member that starts opens them, and then read and written. */

import { ByteReader } from '../../../src/base/bytes.ts'
import { crc32c } from '../../../src/base/crc32c.ts'
import { MemoryDisk } from '../../../src/host/memory-disk.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { FRAME_HEADER_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from '../../../src/journal/format.ts'
import { decodeOrigin } from '../../../src/group/log-origin.ts'
import {
  FOLDER,
  NO_SIZE_LIMIT,
  entry,
  newJournal,
  openJournal,
} from '../../../src/journal/testing/journal-fixture.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { refusal } from '../target.ts'

const CODES = ['DATA_CORRUPT', 'FORMAT_TOO_NEW']
const GROUPS = [1, 2, 700]
const SEGMENT_BYTES_MAX = 64 * 1024

/** The files of a journal, by name. */
type Files = ReadonlyMap<string, Uint8Array>

/** An input begins with two bytes: which recorded journal, and which of its files the rest takes the place of. */
const PREFIX_BYTES = 2

export const journal: FuzzTarget = {
  name: 'journal',
  what: 'segments of the journal, from a disk',
  testInputs: 1_000,
  async open() {
    const journals = await Promise.all([recordWrites(), recordCompaction(), recordRemovals()])
    return {
      corpus: journals.flatMap((files, number) =>
        [...files.values()].map((bytes, at) => Uint8Array.of(number, at, ...bytes)),
      ),
      repair: (input, random) => (random.oneIn(2) ? input : seal(input)),
      feed: (input) => openDamaged(journals, input),
      // What is there is read whole, and files that were cut short get their size back.
      allocationBytesMax: 8 * 1024 * 1024,
    }
  },
}

async function recordWrites(): Promise<Files> {
  const { disk, journal: open } = await newJournal()
  for (let round = 1; round <= 12; round++) {
    const writes = GROUPS.map((group) =>
      open.group(group).write({
        entries: [entry(round, `round ${round} of ${group}`, 1 + Math.floor(round / 5))],
        hardState: { term: 3, votedFor: { id: 2, generation: 1 }, commit: round - 1 },
      }),
    )
    await Promise.all(writes)
  }
  // A leader of a later term takes back the end of a log.
  await open.group(1).write({ entries: [entry(9, 'another', 4), entry(10, 'another', 4)] })
  return filesOf(disk, open)
}

async function recordCompaction(): Promise<Files> {
  const { disk, journal: open } = await newJournal({ segmentCountTarget: 2 })
  const configuration = new Uint8Array(20)
  for (let index = 1; index <= 40; index++) {
    await open.group(1).write({ entries: [entry(index, 'x'.repeat(200))] })
    await open.group(2).write({ entries: [entry(index, 'y')] })
    if (index % 8 === 0) await open.group(1).compact({ index: index - 3, term: 1, configuration })
  }
  await open.group(2).write({ replacedBy: { index: 90, term: 5, configuration } })
  await open.group(2).write({ entries: [entry(91, 'after a snapshot', 5)] })
  return filesOf(disk, open)
}

async function recordRemovals(): Promise<Files> {
  const { disk, journal: open } = await newJournal()
  for (const group of GROUPS) await open.group(group).write({ entries: [entry(1), entry(2)] })
  await open.group(2).remove(4)
  await open.group(700).remove(1)
  return filesOf(disk, open)
}

async function filesOf(disk: MemoryDisk, open: Journal): Promise<Files> {
  await open.close()
  return new Map(disk.paths().map((path) => [path, disk.bytesOf(path)]))
}

async function openDamaged(journals: readonly Files[], input: Uint8Array): Promise<Outcome> {
  const files = [...(journals[(input[0] ?? 0) % journals.length] as Files)]
  const at = (input[1] ?? 0) % files.length
  const disk = new MemoryDisk()
  await disk.createFolder(FOLDER)
  for (const [number, [path, bytes]] of files.entries())
    disk.plant(path, number === at ? input.subarray(PREFIX_BYTES) : bytes)
  try {
    const open = await openJournal(disk)
    await readAll(open)
    await writeOn(open)
    await open.close()
  } catch (error) {
    return refusal(error, CODES)
  }
  // What one start took, the next one takes too.
  await (await openJournal(disk)).close()
  return 'taken'
}

/** As a member does that starts. */
async function readAll(open: Journal): Promise<void> {
  for (const group of GROUPS) {
    const log = open.group(group)
    log.outline()
    readOrigin(log.base.configuration)
    for (let from = log.base.index + 1; from <= log.lastIndex;) {
      const entries = await log.entries(from, log.lastIndex + 1, NO_SIZE_LIMIT)
      if (entries[0]?.index !== from) throw new Error(`entry ${from} of ${log.lastIndex} is not there`)
      from += entries.length
    }
  }
}

function readOrigin(bytes: Uint8Array): void {
  try {
    decodeOrigin(bytes)
  } catch (error) {
    refusal(error, CODES)
  }
}

async function writeOn(open: Journal): Promise<void> {
  const log = open.group(1)
  // There is no index beyond, and no member gets there.
  if (log.lastIndex < Number.MAX_SAFE_INTEGER) await log.write({ entries: [entry(log.lastIndex + 1, 'on')] })
}

/** Makes all checksums right, of whatever looks like a frame. */
function seal(input: Uint8Array): Uint8Array {
  const sealed = input.slice()
  const bytes = sealed.subarray(PREFIX_BYTES)
  if (bytes.length < SEGMENT_HEADER_BYTES) return sealed
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  // A size that nobody wrote would be filled up on the disk: only who can write there anyway can make it.
  if (view.getUint32(40, true) > SEGMENT_BYTES_MAX) view.setUint32(40, SEGMENT_BYTES_MAX, true)
  if (view.getUint32(44, true) === 1) view.setUint32(44, 0, true)
  const seed = crc32c(bytes, view.getUint32(8, true), 16, 64)
  view.setUint32(12, seed, true)
  for (let offset = SEGMENT_HEADER_BYTES; offset + FRAME_HEADER_BYTES <= bytes.length;) {
    const sizeBytes = Math.min(new ByteReader(bytes, offset + 16).u32(), bytes.length - offset)
    if (sizeBytes < FRAME_HEADER_BYTES) break
    sealRecords(bytes, view, seed, offset, offset + sizeBytes)
    view.setUint32(offset + 4, crc32c(bytes, (seed ^ offset) >>> 0, offset + 8, offset + 24), true)
    offset = Math.ceil((offset + sizeBytes) / 512) * 512
  }
  return sealed
}

function sealRecords(bytes: Uint8Array, view: DataView, seed: number, frame: number, end: number): void {
  for (let at = frame + FRAME_HEADER_BYTES; at + RECORD_HEADER_BYTES <= end;) {
    const sizeBytes = view.getUint32(at + 4, true)
    if (sizeBytes < RECORD_HEADER_BYTES || at + sizeBytes > end) return
    view.setUint32(at, crc32c(bytes, (seed ^ at) >>> 0, at + 4, at + sizeBytes), true)
    at += sizeBytes
  }
}
