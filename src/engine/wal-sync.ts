/** Makes what SQLite has written to a database's WAL durable, without SQLite. */

import { closeSync, fdatasyncSync, openSync } from 'node:fs'

/**
 * A checkpoint syncs the WAL only as far as it moves it; readers may hold the rest back. Opening and closing the WAL is
 * harmless: POSIX drops a process's locks on a file when any descriptor of it is closed, but SQLite has its locks on
 * the database file and its `-shm` file, never on the WAL.
 */
export function syncWal(dataFile: string): void {
  let descriptor: number
  try {
    descriptor = openSync(`${dataFile}-wal`, 'r+')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  try {
    fdatasyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
