/**
 * The right to write to a SQLite file, held by the process that owns its engine until it ends, SIGKILL included.
 *
 * SQLite's own locks keep two writers from writing at the same time, which is not enough: a process whose member was killed may
 * still carry out a commit that it was asked for, after the next member has read the applied index. So the next
 * engine waits here until the last one's process is gone; that takes as long as its watchdog needs to notice.
 *
 * An EXCLUSIVE transaction on an empty database file beside it (`host/folder-lock.ts` tells why SQLite and not a process id).
 */

import { DatabaseSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { fromSqlite } from './sqlite-errors.ts'

export const WRITER_LOCK_SUFFIX = '-writer'

const WAIT_TIMEOUT_MS = 10_000

export interface WriterLock {
  release(): void
}

/** Blocks this thread for up to ten seconds while another process holds it; then throws DATA_LOCKED. */
export function lockWriter(dataFile: string, waitTimeoutMs: number = WAIT_TIMEOUT_MS): WriterLock {
  let lockFile: DatabaseSync | null = null
  try {
    lockFile = new DatabaseSync(dataFile + WRITER_LOCK_SUFFIX, { timeout: waitTimeoutMs })
    // Nothing is ever written to it, so it needs no rollback journal beside it.
    lockFile.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    const held = lockFile
    return { release: () => held.close() }
  } catch (error) {
    lockFile?.close()
    throw lockError(error, dataFile, waitTimeoutMs)
  }
}

function lockError(error: unknown, dataFile: string, waitTimeoutMs: number): HarmonyError {
  const cause = fromSqlite(error)
  if (cause.code !== 'SQLITE_BUSY') return cause
  return new HarmonyError(
    'DATA_LOCKED',
    `Another process still writes to ${dataFile} after ${waitTimeoutMs} ms of waiting. Try again; end it if it stays.`,
    { cause },
  )
}
