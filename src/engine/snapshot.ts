/**
 * Snapshots: a copy of the SQLite file by the backup API, which copies pages, so that hidden rowids stay as they are
 * (VACUUM INTO may renumber them).
 *
 * The copy is made through a connection of its own, in one step and thus inside one read transaction: the writer's
 * connection would copy what a transaction has written and not committed, and steps between commits would begin anew.
 * The step runs on a thread of libuv's pool, so that neither the engine nor anyone else waits for it.
 *
 * A copy is looked at as an immutable file: it says in its header that it has a WAL, and SQLite would make one.
 */

import { existsSync, statSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { bytesEqual } from '../base/bytes.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { AppliedState } from './engine.ts'
import { fromSqlite } from './sqlite-errors.ts'

const ALL_PAGES = 2 ** 31 - 1
/** Checking a file of this size takes a few milliseconds of the caller's thread. */
const CHECKED_SIZE_BYTES_MAX = 4 * 1024 * 1024
const OPTIONS = { readOnly: true, readBigInts: true, returnArrays: true, timeout: 5_000 } as const

type StateRow = [index: bigint, term: bigint, digest: Uint8Array]

/** The applied state that an SQLite file says it has. Throws DATA_CORRUPT where it says nothing. */
export function readAppliedState(path: string): AppliedState {
  return reading(new DatabaseSync(path, OPTIONS), (database) => appliedStateOf(database, path))
}

/** Copies the committed content of `dataFile` to the new file `path`, durably; returns the state that the copy has. */
export async function copyDatabase(dataFile: string, path: string): Promise<AppliedState> {
  if (existsSync(path))
    throw new HarmonyError('INTERNAL', `${path} exists already: a snapshot never overwrites`)
  const source = new DatabaseSync(dataFile, OPTIONS)
  try {
    await backup(source, path, { rate: ALL_PAGES })
  } catch (cause) {
    throw fromSqlite(cause)
  } finally {
    source.close()
  }
  return reading(openCopy(path), (database) => appliedStateOf(database, path))
}

/**
 * What is wrong with a copy that should have this state and size; null if nothing is, as far as can be told without reading all of a large
 * one. No connection may have it open.
 */
export function copyProblem(path: string, expected: AppliedState, sizeBytes: number): string | null {
  try {
    return reading(openCopy(path), (database) => problemOf(database, path, expected, sizeBytes))
  } catch (error) {
    return toHarmonyError(error).message
  }
}

function problemOf(
  database: DatabaseSync,
  path: string,
  expected: AppliedState,
  sizeBytes: number,
): string | null {
  const pagesSizeBytes = numberOf(database, 'PRAGMA page_count') * numberOf(database, 'PRAGMA page_size')
  if (pagesSizeBytes !== sizeBytes || statSync(path).size !== sizeBytes) {
    return `it has ${statSync(path).size} bytes, and pages of ${pagesSizeBytes}, instead of ${sizeBytes}`
  }
  const { index, term, digest } = appliedStateOf(database, path)
  if (index !== expected.index || term !== expected.term || !bytesEqual(digest, expected.digest)) {
    return `it has entry ${index} of term ${term} applied, which is not what was said of it`
  }
  if (sizeBytes > CHECKED_SIZE_BYTES_MAX) return null
  const [verdict] = database.prepare('PRAGMA quick_check(1)').get() as unknown as [string]
  return verdict === 'ok' ? null : verdict
}

function openCopy(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  url.search = 'immutable=1'
  return new DatabaseSync(url, OPTIONS)
}

function reading<T>(database: DatabaseSync, read: (database: DatabaseSync) => T): T {
  try {
    return read(database)
  } catch (cause) {
    throw fromSqlite(cause)
  } finally {
    database.close()
  }
}

function appliedStateOf(database: DatabaseSync, path: string): AppliedState {
  const row = database.prepare('SELECT "index", term, digest FROM _harmony_state').get()
  if (row === undefined)
    throw new HarmonyError('DATA_CORRUPT', `${path}: the table _harmony_state has no row`)
  const [index, term, digest] = row as unknown as StateRow
  return { index, term, digest }
}

function numberOf(database: DatabaseSync, sql: string): number {
  const [value] = database.prepare(sql).get() as unknown as [bigint]
  return Number(value)
}
