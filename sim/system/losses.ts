/** What disks do that nobody may rely on: lose everything, change bytes, change content behind everybody's back. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { MemoryDisk } from '../../src/host/memory-disk.ts'
import type { Random } from '../random.ts'
import type { ReplicaFile } from './final-state.ts'

export type LossKind = 'wipe' | 'damage' | 'corrupt' | 'diverge'

/** Before it are the segment's header and maybe the first frame. */
const DAMAGE_FROM_BYTES = 600

/**
 * Changes a byte in the middle of the journal, in a segment that is not the last: the end of the journal can't be told from one that a crash
 * cut, so no member notices damage there.
 */
export function damageJournal(disk: MemoryDisk, random: Random): void {
  const segments = disk.paths().filter((path) => path.endsWith('.segment'))
  if (segments.length < 2) return
  const path = random.pick(segments.slice(0, -1))
  const bytes = disk.bytesOf(path)
  const at = random.integer(DAMAGE_FROM_BYTES, bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 7))
  disk.plant(path, bytes)
}

/**
 * The replica is not what the others are any more. In its digest, not in a row: a changed row may be read before the next entry of
 * the log shows it, and no database can help that.
 */
export function divergeFile(files: readonly ReplicaFile[], name: string, random: Random): void {
  const file = files.find(({ database }) => database === name)
  if (file === undefined) return
  const database = new DatabaseSync(file.dataFile)
  try {
    const digest = Uint8Array.from({ length: 32 }, () => random.integer(0, 255))
    const known = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = '_harmony_state'`).get()
    if (known !== undefined) database.prepare('UPDATE _harmony_state SET digest = ?').run(digest)
  } finally {
    database.close()
  }
}

const HEADER_BYTES = 100

/**
 * The beginning of the file of a database is lost. Not a page in its middle, which nobody can notice before it is read, nor a bit in a row, which
 * nobody can notice at all.
 */
export function corruptFile(files: readonly ReplicaFile[], name: string, random: Random): void {
  const file = files.find(({ database }) => database === name)
  if (file === undefined) return
  const descriptor = openSync(file.dataFile, 'r+')
  writeSync(
    descriptor,
    Uint8Array.from({ length: HEADER_BYTES }, () => random.integer(0, 255)),
    0,
    HEADER_BYTES,
    0,
  )
  closeSync(descriptor)
}
