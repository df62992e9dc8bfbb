/**
 * What a member knows of the copy in `NAME.G.sqlite-incoming`, in a file beside it that is always replaced as a whole.
 *
 * ```
 * version u8 = 1 | state u8 | syncedBytes varint | copy (copy-codec.ts) | crc u32, CRC-32C of all before
 * ```
 *
 *   receiving ──all bytes are durable and verified──▶ installing ──the file is in its place──▶ installed
 *
 * `receiving`: the first `syncedBytes` bytes are durable, and the sender need not send them again. `installing`: the file is to be
 * put in its place, whatever happens, because the old one may be gone already. `installed`: it is in its place; the log may not begin after it yet.
 */

import { dirname, basename } from 'node:path'
import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import { crc32c } from '../../base/crc32c.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { Disk } from '../../host/disk.ts'
import { readWhole, replaceWhole } from '../../host/disk.ts'
import type { CopyDescription } from './copy-codec.ts'
import { readCopy, writeCopy } from './copy-codec.ts'
import { RECORD_SUFFIX } from './file-names.ts'

const VERSION = 1
const CRC_BYTES = 4
const STATES = ['receiving', 'installing', 'installed'] as const

export interface IncomingRecord {
  readonly state: (typeof STATES)[number]
  readonly syncedBytes: number
  readonly copy: CopyDescription
}

export function encodeRecord({ state, syncedBytes, copy }: IncomingRecord): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).u8(STATES.indexOf(state)).varint(syncedBytes)
  writeCopy(writer, copy)
  return writer.u32(crc32c(writer.view())).toBytes()
}

/** Throws DATA_CORRUPT or FORMAT_TOO_NEW, naming `path`. */
export function decodeRecord(bytes: Uint8Array, path: string): IncomingRecord {
  const end = bytes.length - CRC_BYTES
  if (end < CRC_BYTES || new ByteReader(bytes, end).u32() !== crc32c(bytes.subarray(0, end)))
    throw damaged(path)
  if (bytes[0] !== VERSION) {
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `The file ${path} has version ${bytes[0]}; this version of HarmonyDB reads ${VERSION}. Start the version that wrote it, or a later one.`,
    )
  }
  try {
    const reader = new ByteReader(bytes, 1, end)
    const state = STATES[reader.u8()]
    const record = { syncedBytes: reader.varint(), copy: readCopy(reader) }
    reader.expectEnd()
    if (state === undefined) throw damaged(path)
    return { state, ...record }
  } catch (error) {
    if (error instanceof DecodeError) throw damaged(path)
    throw error
  }
}

/** Null if there is none. */
export async function readRecord(disk: Disk, dataFile: string): Promise<IncomingRecord | null> {
  const bytes = await readWhole(disk, dataFile + RECORD_SUFFIX)
  return bytes === null ? null : decodeRecord(bytes, dataFile + RECORD_SUFFIX)
}

/** Durable when it resolves. */
export async function writeRecord(disk: Disk, dataFile: string, record: IncomingRecord): Promise<void> {
  const name = basename(dataFile) + RECORD_SUFFIX
  await replaceWhole(disk, dirname(dataFile), name, encodeRecord(record))
}

function damaged(path: string): HarmonyError {
  return new HarmonyError(
    'DATA_CORRUPT',
    `The file ${path} is damaged: it told how far the installation of a copy of the database had come. Remove the files of ` +
      'this database where other members have it, or restore the data folder from a backup.',
  )
}
