/**
 * A lock on a folder that the operating system lets go of when its process dies, SIGKILL included: a stale lock can't exist.
 *
 * Node.js has no call for file locks, but SQLite takes them: a transaction begun EXCLUSIVE on an empty database file
 * holds a POSIX lock until the connection or the process ends, and SQLite also refuses a second one inside the same process.
 * Rejected: a file with a process id, because the id of a dead process may belong to another one by now.
 * The file of the holder's process id beside the lock is there only to tell people who holds it.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'

export interface FolderLock {
  release(): void
}

/** Keeps the connections alive: one that is collected as garbage lets go of its lock. */
const held = new Set<DatabaseSync>()

const LOCK_FILE = 'lock'
const OWNER_FILE = 'lock.owner'

/** Takes the lock of `folder`, which must exist. Throws DATA_LOCKED when a running process has it. */
export function lockFolder(folder: string): FolderLock {
  const lockFile = new DatabaseSync(`${folder}/${LOCK_FILE}`, { timeout: 0 })
  try {
    // Without a rollback journal beside it: nothing is ever written to this file.
    lockFile.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    lockFile.close()
    throw lockError(error, folder)
  }
  held.add(lockFile)
  writeFileSync(`${folder}/${OWNER_FILE}`, `${process.pid}\n`)
  return {
    release: () => {
      rmSync(`${folder}/${OWNER_FILE}`, { force: true })
      held.delete(lockFile)
      lockFile.close()
    },
  }
}

function lockError(error: unknown, folder: string): HarmonyError {
  const text = (error as Error).message
  if (!text.includes('locked')) {
    return new HarmonyError('DISK_FAILED', `Could not lock the data folder ${folder}: ${text}`, {
      cause: error,
    })
  }
  return new HarmonyError(
    'DATA_LOCKED',
    `The data folder ${folder} is in use by the process ${ownerOf(folder)}. Stop that member, or choose another folder.`,
    { cause: error },
  )
}

function ownerOf(folder: string): string {
  try {
    return readFileSync(`${folder}/${OWNER_FILE}`, 'utf8').trim()
  } catch {
    return 'with an unknown id'
  }
}
