/** The files of one database, to be deleted with it. */

import type { Disk } from '../host/disk.ts'
import { REPLACING_SUFFIX } from '../engine/file-replacement.ts'
import { WRITER_LOCK_SUFFIX } from '../engine/writer-lock.ts'
import { INCOMING_SUFFIX, RECORD_SUFFIX } from './snapshot/file-names.ts'

const SUFFIXES = [
  '',
  '-wal',
  '-shm',
  '-journal',
  WRITER_LOCK_SUFFIX,
  RECORD_SUFFIX,
  INCOMING_SUFFIX,
  REPLACING_SUFFIX,
] as const

export async function removeDataFiles(disk: Disk, dataFile: string): Promise<void> {
  for (const suffix of SUFFIXES) await disk.remove(dataFile + suffix)
}
