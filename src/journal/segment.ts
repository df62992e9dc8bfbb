/** One segment file: making it, finding it again, reading records back. Who writes where in it is `journal.ts`' business. */

import { HarmonyError } from '../base/errors.ts'
import { DecodeError } from '../base/bytes.ts'
import { assert } from '../base/assert.ts'
import type { Disk, DiskFile } from '../host/disk.ts'
import type { JournalRecord, SegmentHeader } from './format.ts'
import {
  FORMAT_VERSION,
  SEGMENT_HEADER_BYTES,
  decodeRecord,
  decodeSegmentHeader,
  encodeSegmentHeader,
  segmentName,
} from './format.ts'

/** A segment in the making: new, or from a file that was a segment before. Never used yet, so the next start removes it. */
export const NEW_NAME = 'next.tmp'
export const SPARE_NAME = 'spare.tmp'

export class Segment {
  readonly path: string
  readonly sequence: number
  readonly sizeBytes: number
  readonly seed: number
  readonly file: DiskFile
  /** Size of the entry records in it that a group's log still has. */
  liveBytes = 0
  /** Number of records in it that hold a part of a group's state: base, hard state, tombstone. */
  stateRecords = 0
  /** Where the next frame goes. */
  writeOffset: number = SEGMENT_HEADER_BYTES
  #readers = 0
  #isClosing = false

  constructor(file: DiskFile, header: SegmentHeader) {
    this.path = file.path
    this.file = file
    this.sequence = header.sequence
    this.sizeBytes = header.sizeBytes
    this.seed = header.seed
  }

  /** Whether a record is being read back right now: then the file's bytes must stay. */
  get isBeingRead(): boolean {
    return this.#readers > 0
  }

  /** Whether it has records that somebody needs. */
  get isNeeded(): boolean {
    return this.liveBytes > 0 || this.stateRecords > 0
  }

  hasRoomFor(sizeBytes: number): boolean {
    return this.writeOffset + sizeBytes <= this.sizeBytes
  }

  /** Reads one record back. Throws DATA_CORRUPT if the disk does not give what was written. */
  async readRecord(offset: number, sizeBytes: number): Promise<JournalRecord> {
    assert(!this.#isClosing, 'a closed segment has no live records')
    this.#readers++
    try {
      const bytes = await this.file.read(offset, sizeBytes)
      return decodeRecord(bytes, 0, bytes.length, { segmentSeed: this.seed, offset }).record
    } catch (error) {
      throw error instanceof DecodeError ? corrupt(this.path, offset, error.message) : error
    } finally {
      this.#readers--
      if (this.#isClosing && this.#readers === 0) await this.file.close()
    }
  }

  /** Closes the file as soon as nobody reads from it. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#readers === 0) await this.file.close()
  }
}

/**
 * Makes a segment that is durable, allocated and empty. With `useSpare` the file that `makeSpare` left becomes it. Its old
 * bytes can stay, because no checksum in them is right under the new header's seed.
 */
export async function createSegment(
  disk: Disk,
  folder: string,
  shape: { readonly journalId: Uint8Array; readonly sequence: number; readonly sizeBytes: number },
  useSpare: boolean,
): Promise<Segment> {
  const unfinished = `${folder}/${useSpare ? SPARE_NAME : NEW_NAME}`
  if (!useSpare) await allocateFile(disk, unfinished, shape.sizeBytes)
  const header = encodeSegmentHeader(shape.journalId, shape.sequence, shape.sizeBytes)
  const file = await disk.open(unfinished)
  try {
    await file.write(0, header)
    await file.sync()
  } finally {
    await file.close()
  }
  const path = `${folder}/${segmentName(shape.sequence)}`
  await disk.rename(unfinished, path)
  await disk.syncFolder(folder)
  return new Segment(await disk.open(path), decodeSegmentHeader(header))
}

/**
 * Takes the file of a segment that nobody needs out of the journal, to be used again. That is durable before the file is written to: a crash
 * must not find a new header under the old name.
 */
export async function makeSpare(disk: Disk, folder: string, segment: Segment): Promise<void> {
  await disk.rename(segment.path, `${folder}/${SPARE_NAME}`)
  await disk.syncFolder(folder)
}

/** Removes what was not finished when the journal was open last. */
export async function removeUnfinished(disk: Disk, folder: string): Promise<void> {
  await disk.remove(`${folder}/${NEW_NAME}`)
  await disk.remove(`${folder}/${SPARE_NAME}`)
}

async function allocateFile(disk: Disk, path: string, sizeBytes: number): Promise<void> {
  const file = await disk.create(path)
  try {
    await file.allocate(sizeBytes)
  } catch (error) {
    await file.close()
    await disk.remove(path)
    throw error
  }
  await file.close()
}

/** Opens a segment that is there. DATA_CORRUPT if its header is damaged, FORMAT_TOO_NEW if a later version wrote it. */
export async function openSegment(
  disk: Disk,
  path: string,
): Promise<{ segment: Segment; header: SegmentHeader }> {
  const file = await disk.open(path)
  try {
    const header = decodeSegmentHeader(await file.read(0, SEGMENT_HEADER_BYTES))
    if (header.version > FORMAT_VERSION) throw tooNew(path, header.version)
    return { segment: new Segment(file, header), header }
  } catch (error) {
    await file.close()
    throw error instanceof DecodeError ? corrupt(path, 0, error.message) : error
  }
}

export function corrupt(path: string, offset: number, problem: string): HarmonyError {
  return new HarmonyError(
    'DATA_CORRUPT',
    `The journal file ${path} is damaged at byte ${offset}: ${problem}. ` +
      'Acknowledged writes are affected, so the member does not start on it. Restore the data folder from a ' +
      'backup, or let this member fetch the data anew from the others.',
  )
}

function tooNew(path: string, version: number): HarmonyError {
  return new HarmonyError(
    'FORMAT_TOO_NEW',
    `The journal file ${path} has format version ${version}; this version of HarmonyDB reads up to ` +
      `${FORMAT_VERSION}. Start the version that wrote it, or a later one.`,
  )
}
