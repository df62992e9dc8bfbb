/**
 * Opening a journal: reads all segments, finds where the journal ends, and says whether that is the end that a crash leaves or damage.
 * DESIGN.md, "Torn tail or damage in the middle", has the argument.
 */

import { DecodeError, bytesEqual } from '../base/bytes.ts'
import { must } from '../base/assert.ts'
import type { Disk } from '../host/disk.ts'
import type { EntryCache } from './entry-cache.ts'
import type { FrameHeader, JournalRecord } from './format.ts'
import {
  FRAME_HEADER_BYTES,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  decodeFrameHeader,
  decodeRecord,
  frameBoundary,
  segmentName,
  segmentSequence,
} from './format.ts'
import { GroupIndex } from './group-index.ts'
import type { EntryLocation, RecordPlace } from './group-index.ts'
import type { Segment } from './segment.ts'
import { corrupt, openSegment, removeUnfinished } from './segment.ts'

export interface RecoveredJournal {
  readonly journalId: Uint8Array
  /** In order; the last one takes the next frame. */
  readonly segments: Segment[]
  /** Made ahead of their use, in order. */
  readonly ready: Segment[]
  readonly nextFrameSequence: number
  readonly groups: Map<number, GroupIndex>
  /** The frame that a crash left unfinished and that was cut; null if there was none. */
  readonly tornTail: { readonly path: string; readonly offset: number } | null
}

/** Null if the folder has no journal. Rejects with DATA_CORRUPT or FORMAT_TOO_NEW. */
export async function recover(
  disk: Disk,
  folder: string,
  cache: EntryCache,
): Promise<RecoveredJournal | null> {
  await removeUnfinished(disk, folder)
  // A process that was killed may have made a segment whose name was not durable yet: a power cut after something was written there would take all
  // of it.
  await disk.syncFolder(folder)
  const opened = await openSegments(disk, folder)
  const journalId = opened[0]?.journalId
  if (journalId === undefined) return null
  const segments = opened.map(({ segment }) => segment)
  try {
    const scan = new JournalScan(cache)
    for (const segment of segments) await scan.readSegment(segment)
    return { journalId, ...(await scan.finish(segments)) }
  } catch (error) {
    for (const segment of segments) await segment.close()
    throw error
  }
}

interface OpenedSegment {
  readonly segment: Segment
  readonly journalId: Uint8Array
}

async function openSegments(disk: Disk, folder: string): Promise<OpenedSegment[]> {
  const sequences = (await disk.list(folder)).flatMap((name) => segmentSequence(name) ?? [])
  const opened: OpenedSegment[] = []
  try {
    for (const sequence of sequences) {
      const path = `${folder}/${segmentName(sequence)}`
      const { segment, header } = await openSegment(disk, path)
      opened.push({ segment, journalId: header.journalId })
      checkSequence(path, sequence, header.sequence, opened)
    }
  } catch (error) {
    for (const { segment } of opened) await segment.close()
    throw error
  }
  return opened
}

function checkSequence(path: string, named: number, written: number, opened: readonly OpenedSegment[]): void {
  if (named !== written) throw corrupt(path, 32, `it is segment ${written} by its header`)
  const first = must(opened[0])
  if (named !== first.segment.sequence + opened.length - 1) {
    throw corrupt(path, 32, `the segment ${segmentName(named - 1)} before it is missing`)
  }
  if (!bytesEqual(must(opened.at(-1)).journalId, first.journalId)) {
    throw corrupt(path, 16, 'it belongs to another journal')
  }
}

/** Where the frames of a segment end. */
interface FrameEnd {
  readonly segment: Segment
  readonly offset: number
  /** What is wrong with the frame that begins there; null if none does. */
  readonly problem: string | null
}

class JournalScan {
  readonly #cache: EntryCache
  readonly #groups = new Map<number, GroupIndex>()
  /** Number that the next frame must have; null before the first. */
  #expected: number | null = null
  #lastFrame: { readonly segment: Segment; readonly offset: number; readonly bytes: Uint8Array } | null = null
  /** Where the journal ends as far as it was read. */
  #end: FrameEnd | null = null

  constructor(cache: EntryCache) {
    this.#cache = cache
  }

  async readSegment(segment: Segment): Promise<void> {
    const presentBytes = await segment.file.sizeBytes()
    const bytes = await segment.file.read(0, Math.min(presentBytes, segment.sizeBytes))
    const end = this.#readFrames(segment, bytes)
    segment.writeOffset = end.offset
    this.#refuseLaterFrames(end, bytes)
    if (this.#end === null || this.#lastFrame?.segment === segment || end.problem !== null) this.#end = end
    await fillUp(segment, bytes.length)
  }

  async finish(segments: readonly Segment[]): Promise<Omit<RecoveredJournal, 'journalId'>> {
    const [oldest, end] = [must(segments[0]), must(this.#end)]
    if (this.#expected === null && oldest.sequence > 1) {
      throw corrupt(oldest.path, SEGMENT_HEADER_BYTES, 'it should have frames and has none')
    }
    for (const index of this.#groups.values()) refuseGap(index, oldest)
    // It may never have been synced, or in vain: DESIGN.md, "Torn tail or damage in the middle".
    const last = this.#lastFrame
    if (last !== null) await last.segment.file.writeDurable(last.offset, last.bytes)
    const used = segments.indexOf(end.segment) + 1
    return {
      segments: segments.slice(0, used),
      ready: segments.slice(used),
      nextFrameSequence: this.#expected ?? 1,
      groups: this.#groups,
      tornTail: end.problem === null ? null : { path: end.segment.path, offset: end.offset },
    }
  }

  #readFrames(segment: Segment, bytes: Uint8Array): FrameEnd {
    let offset = SEGMENT_HEADER_BYTES
    for (;;) {
      const header = this.#nextHeader(segment, bytes, offset)
      if (header === null) return { segment, offset, problem: null }
      const problem = this.#readFrame(segment, bytes, offset, header)
      if (problem !== null) return { segment, offset, problem }
      this.#expected = header.sequence + 1
      this.#lastFrame = { segment, offset, bytes: bytes.slice(offset, offset + header.sizeBytes) }
      offset = frameBoundary(offset + header.sizeBytes)
    }
  }

  /** The header at `offset` if it continues the journal. */
  #nextHeader(segment: Segment, bytes: Uint8Array, offset: number): FrameHeader | null {
    const header = decodeFrameHeader(bytes, segment.seed, offset)
    if (header === null) return null
    return this.#expected === null || header.sequence === this.#expected ? header : null
  }

  /** Takes in the records of a frame, all or none. Gives what is wrong with it, or null. */
  #readFrame(segment: Segment, bytes: Uint8Array, offset: number, header: FrameHeader): string | null {
    const end = offset + header.sizeBytes
    if (end > bytes.length) return 'a frame passes the end of the file'
    const records: { record: JournalRecord; place: RecordPlace }[] = []
    try {
      for (let at = offset + FRAME_HEADER_BYTES; at < end;) {
        const { record, sizeBytes } = decodeRecord(bytes, at, end, { segmentSeed: segment.seed, offset: at })
        records.push({ record, place: { segment, offset: at, sizeBytes } })
        at += sizeBytes
      }
    } catch (error) {
      if (error instanceof DecodeError) return error.message
      throw error
    }
    if (records.length !== header.recordCount) return `a frame has ${records.length} records`
    for (const { record, place } of records) this.#apply(record, place)
    return null
  }

  #apply(record: JournalRecord, place: RecordPlace): void {
    const index = this.#groups.get(record.group) ?? new GroupIndex(record.group)
    this.#groups.set(record.group, index)
    const location = applied(index, record, place)
    if (location === null || (record.kind !== 'entry' && record.kind !== 'entry-copy')) return
    location.data = record.entry.data.slice()
    this.#cache.add(location)
  }

  /** A later frame was written only after everything before it was durable, so what is wrong before it is damage. */
  #refuseLaterFrames(end: FrameEnd, bytes: Uint8Array): void {
    const { segment, offset, problem } = end
    const start = problem === null ? offset : offset + SECTOR_BYTES
    const later = firstFrameHeader(segment, bytes, start)
    if (later === null) return
    // A frame is missing before this segment's first one: then it is the segment before that is damaged.
    const isBefore = later.offset === SEGMENT_HEADER_BYTES && this.#end !== null
    const place = isBefore ? must(this.#end) : end
    const missing = this.#expected === null ? 'a frame' : `frame ${this.#expected}`
    const reason = place.problem ?? `${missing} is missing or damaged`
    throw corrupt(
      place.segment.path,
      place.offset,
      `${reason}, and frame ${later.sequence} after it is there`,
    )
  }
}

/** What was written as it is read must make sense, too. */
function applied(index: GroupIndex, record: JournalRecord, place: RecordPlace): EntryLocation | null {
  try {
    return index.apply(record, place)
  } catch (error) {
    throw error instanceof DecodeError ? corrupt(place.segment.path, place.offset, error.message) : error
  }
}

/** The first valid frame header at or after `start`. */
function firstFrameHeader(
  segment: Segment,
  bytes: Uint8Array,
  start: number,
): { readonly offset: number; readonly sequence: number } | null {
  for (let offset = start; offset + FRAME_HEADER_BYTES <= bytes.length; offset += SECTOR_BYTES) {
    const header = decodeFrameHeader(bytes, segment.seed, offset)
    if (header !== null) return { offset, sequence: header.sequence }
  }
  return null
}

const FILL_BYTES = 1024 * 1024

/** A file that was cut short gets its space back, so that writes into it can't fail for want of it. */
async function fillUp(segment: Segment, presentBytes: number): Promise<void> {
  const { file, sizeBytes } = segment
  for (let at = presentBytes; at < sizeBytes; at += FILL_BYTES)
    await file.write(at, new Uint8Array(Math.min(FILL_BYTES, sizeBytes - at)))
  if (presentBytes < sizeBytes) await file.sync()
}

function refuseGap(index: GroupIndex, oldest: Segment): void {
  const gap = index.firstGap()
  if (gap === null) return
  throw corrupt(oldest.path, 0, `entry ${gap} of group ${index.group} is missing from the journal`)
}
