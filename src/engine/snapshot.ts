/**
 * Snapshots: a copy of the SQLite file by the backup API, which copies pages, so that hidden rowids stay as they are
 * (VACUUM INTO may renumber them).
 *
 * The copy is made through a connection of its own, in one step and thus inside one read transaction: the writer's
 * connection would copy what a transaction has written and not committed, and steps between commits would begin anew.
 * The step runs on a thread of libuv's pool, so that neither the engine nor anyone else waits for it.
 */

import { existsSync, renameSync, rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import type { AppliedState } from './engine.ts'
import { fromSqlite } from './sqlite-errors.ts'

const ALL_PAGES = 2 ** 31 - 1

type StateRow = [index: bigint, term: bigint, digest: Uint8Array]

function open(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, readBigInts: true, returnArrays: true, timeout: 5_000 })
}

/** The applied state that an SQLite file says it has. Throws DATA_CORRUPT where it says nothing. */
export function readAppliedState(path: string): AppliedState {
  const database = open(path)
  try {
    const row = database.prepare('SELECT "index", term, digest FROM _harmony_state').get()
    if (row === undefined)
      throw new HarmonyError('DATA_CORRUPT', `${path}: the table _harmony_state has no row`)
    const [index, term, digest] = row as unknown as StateRow
    return { index, term, digest }
  } catch (cause) {
    throw fromSqlite(cause)
  } finally {
    database.close()
  }
}

/** Copies the committed content of `dataFile` to the new file `path`, durably; returns the state that the copy has. */
export async function copyDatabase(dataFile: string, path: string): Promise<AppliedState> {
  if (existsSync(path))
    throw new HarmonyError('INTERNAL', `${path} exists already: a snapshot never overwrites`)
  const source = open(dataFile)
  try {
    await backup(source, path, { rate: ALL_PAGES })
  } catch (cause) {
    throw fromSqlite(cause)
  } finally {
    source.close()
  }
  return readAppliedState(path)
}

/**
 * Puts the snapshot file `path` in the place of `dataFile`, which no connection may have open. A crash in between leaves
 * either the old file, which no WAL of its own belongs to any longer, or the new one.
 */
export function installSnapshot(path: string, dataFile: string): void {
  rmSync(`${dataFile}-wal`, { force: true })
  rmSync(`${dataFile}-shm`, { force: true })
  renameSync(path, dataFile)
}
