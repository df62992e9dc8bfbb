/** The files of one database, to be deleted with it. */

import type { Disk } from '../host/disk.ts'
import { WRITER_LOCK_SUFFIX } from '../engine/writer-lock.ts'

const SUFFIXES = ['', '-wal', '-shm', '-journal', WRITER_LOCK_SUFFIX] as const

export async function removeDataFiles(disk: Disk, dataFile: string): Promise<void> {
  for (const suffix of SUFFIXES) await disk.remove(dataFile + suffix)
}
