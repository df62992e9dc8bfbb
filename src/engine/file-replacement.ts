/**
 * How readers live with a database file that another file takes the place of, while they have it open or are about to open it.
 *
 * A connection has three files: the database, its `-wal` and its `-shm`. SQLite opens the latter two by name, later than the first. So a
 * connection that is opened in the very moment of the exchange could get the old database with the new WAL, and read pages that
 * belong to neither state. What stands against it:
 *
 *   who replaces:  make FILE-replacing │ remove -wal, -shm │ rename │ remove -wal, -shm again │ remove FILE-replacing
 *   who opens:     no FILE-replacing? which file? │ open, read once (now all three are open) │ no FILE-replacing? the same file?
 *
 * Whoever opens while the mark is there, finds it afterwards, or finds another file afterwards, closes the connection and begins again. An
 * exchange that lies between the two looks as a whole changes the file; one that overlaps either of them shows its mark. Connections that
 * are open already have the three old files, which live on without a name for as long as somebody has them open: what runs on them ends with the
 * content that it began with. When they are closed, SQLite sees that the file was moved and leaves the WAL of the new one alone.
 *
 * Rejected: a file name for each copy with a link to the current one. Then no names could collide, but tools and people expect the database
 * under its name. Telling readers by message: they may live in other processes, and a message comes too late for who opens just then.
 */

import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { HarmonyError } from '../base/errors.ts'
import type { Disk } from '../host/disk.ts'

/** Exists while another file is taking the place of the database file. */
export const REPLACING_SUFFIX = '-replacing'

const POLL_MS = 2

/** Tells one file from another under the same name; null if there is none. A file that is open keeps its identity for itself. */
export function fileIdentity(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}

export function isBeingReplaced(dataFile: string): boolean {
  return existsSync(dataFile + REPLACING_SUFFIX)
}

/**
 * Puts the durable file `from` in the place of `dataFile`, which no writer may have open. Durable when it resolves. After a crash in
 * between it has to be called again before anyone opens the file: until then the old file may have lost its WAL, or the new one have that of
 * the old. Called again when all was done, it does no harm as long as no writer has been there since.
 */
export async function replaceFile(disk: Disk, from: string, dataFile: string): Promise<void> {
  const mark = await disk.create(dataFile + REPLACING_SUFFIX)
  await mark.close()
  await removeWal(disk, dataFile)
  if (await disk.exists(from)) await disk.rename(from, dataFile)
  // Those of a reader that was just opening the old file.
  await removeWal(disk, dataFile)
  await disk.syncFolder(dirname(dataFile))
  await disk.remove(dataFile + REPLACING_SUFFIX)
}

async function removeWal(disk: Disk, dataFile: string): Promise<void> {
  await disk.remove(`${dataFile}-wal`)
  await disk.remove(`${dataFile}-shm`)
}

/** A connection all of whose files belong together. */
export interface Opened<T> {
  readonly connection: T
  readonly identity: string | null
}

/**
 * Opens a connection by `open`, which also reads, so that SQLite opens the WAL. Blocks for up to `waitMs` while the file is being replaced; then
 * throws OVERLOADED. Give 0 where the exchange may be carried out by this very thread.
 */
export function openUnmixed<T extends { close(): void }>(
  dataFile: string,
  waitMs: number,
  open: () => T,
): Opened<T> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const opened = tryToOpen(dataFile, open)
    if (opened !== null) return opened
    if (waitedMs >= waitMs) throw beingReplaced(dataFile)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
  }
}

/** Null if the file was replaced meanwhile. */
function tryToOpen<T extends { close(): void }>(dataFile: string, open: () => T): Opened<T> | null {
  if (isBeingReplaced(dataFile)) return null
  const identity = fileIdentity(dataFile)
  const isSame = (): boolean => !isBeingReplaced(dataFile) && fileIdentity(dataFile) === identity
  let connection: T
  try {
    connection = open()
  } catch (error) {
    // What files of two databases look like together is no verdict on either.
    if (isSame()) throw error
    return null
  }
  if (identity === null || isSame()) return { connection, identity: identity ?? fileIdentity(dataFile) }
  connection.close()
  return null
}

function beingReplaced(dataFile: string): HarmonyError {
  return new HarmonyError(
    'OVERLOADED',
    `The file ${dataFile} is being replaced by a copy from another member. Nothing was done; try again.`,
  )
}
