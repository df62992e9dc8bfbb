/** SQLite's errors as HarmonyErrors: its text, so that users recognise it, and the name of its extended result code. */

import { HarmonyError } from '../base/errors.ts'
import type { HarmonyErrorCode } from '../base/errors.ts'

const PRIMARY_CODES: readonly string[] = [
  'OK',
  'ERROR',
  'INTERNAL',
  'PERM',
  'ABORT',
  'BUSY',
  'LOCKED',
  'NOMEM',
  'READONLY',
  'INTERRUPT',
  'IOERR',
  'CORRUPT',
  'NOTFOUND',
  'FULL',
  'CANTOPEN',
  'PROTOCOL',
  'EMPTY',
  'SCHEMA',
  'TOOBIG',
  'CONSTRAINT',
  'MISMATCH',
  'MISUSE',
  'NOLFS',
  'AUTH',
  'FORMAT',
  'RANGE',
  'NOTADB',
]

/** By primary code: the names of its extended codes, the first standing for `primary | 1 << 8` (sqlite.org/rescode.html). */
const EXTENDED_CODES: Readonly<Record<string, readonly string[]>> = {
  ERROR: ['MISSING_COLLSEQ', 'RETRY', 'SNAPSHOT', 'RESERVESIZE', 'KEY', 'UNABLE'],
  ABORT: ['', 'ROLLBACK'],
  BUSY: ['RECOVERY', 'SNAPSHOT', 'TIMEOUT'],
  LOCKED: ['SHAREDCACHE', 'VTAB'],
  READONLY: ['RECOVERY', 'CANTLOCK', 'ROLLBACK', 'DBMOVED', 'CANTINIT', 'DIRECTORY'],
  CORRUPT: ['VTAB', 'SEQUENCE', 'INDEX'],
  CANTOPEN: ['NOTEMPDIR', 'ISDIR', 'FULLPATH', 'CONVPATH', 'DIRTYWAL', 'SYMLINK'],
  CONSTRAINT: [
    'CHECK',
    'COMMITHOOK',
    'FOREIGNKEY',
    'FUNCTION',
    'NOTNULL',
    'PRIMARYKEY',
    'TRIGGER',
    'UNIQUE',
    'VTAB',
    'ROWID',
    'PINNED',
    'DATATYPE',
  ],
}

/** The name of an extended result code: 2067 is SQLITE_CONSTRAINT_UNIQUE. Unknown extensions get their primary code's name. */
export function sqliteCodeName(errcode: number): `SQLITE_${string}` {
  const primary = PRIMARY_CODES[errcode & 0xff] ?? 'ERROR'
  const extension = EXTENDED_CODES[primary]?.[(errcode >> 8) - 1]
  return extension === undefined || extension === '' ? `SQLITE_${primary}` : `SQLITE_${primary}_${extension}`
}

interface SqliteError extends Error {
  readonly errcode: number
}

/** True for errors that `node:sqlite` made from a result code of SQLite. */
export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
}

const DISK_CODES: Readonly<Record<string, HarmonyErrorCode>> = {
  SQLITE_FULL: 'DISK_FULL',
  SQLITE_IOERR: 'DISK_FAILED',
  SQLITE_CORRUPT: 'DATA_CORRUPT',
  SQLITE_NOTADB: 'DATA_CORRUPT',
}

const ADVICE: Readonly<Record<string, string>> = {
  DISK_FULL: 'Free space on the disk of the data folder; what was there can be read meanwhile.',
  DISK_FAILED: 'Look at the disk of the data folder, and at what the system says of it.',
  DATA_CORRUPT: 'Look at the disk; copy the data folder before anything else, if this member is alone.',
}

/** A failure of the machine, after which nothing that this connection says can be an answer to a statement. */
export function isMachineFailure(error: HarmonyError): boolean {
  return (
    error.code === 'DISK_FULL' ||
    error.code === 'DISK_FAILED' ||
    error.code === 'DATA_CORRUPT' ||
    error.code === 'SQLITE_NOMEM' ||
    error.code === 'INTERNAL'
  )
}

/** `node:sqlite` reports wrong use of itself with a TypeError or RangeError: a value that SQLite can't bind. */
function fromNodeError(error: unknown): HarmonyError {
  if (error instanceof TypeError || error instanceof RangeError) {
    return new HarmonyError('ARGS_INVALID', error.message, { cause: error })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new HarmonyError('INTERNAL', `Unexpected failure: ${message}`, { cause: error })
}

/** AUTOINCREMENT at its end is SQLITE_FULL too, but no disk is full: the statement failed, deterministically. */
function isSequenceExhausted(name: string, error: SqliteError, isDiskFull: () => boolean): boolean {
  return name === 'SQLITE_FULL' && !isDiskFull() && error.message === 'database or disk is full'
}

/** SQLite's parser has no result code of its own; it says what it could not read in one of these ways (parse.y, tokenize.c). */
const PARSER_MESSAGE = /^near ".*": syntax error|^unrecognized token: |^incomplete input/s

/**
 * `error` as a HarmonyError. `isDiskFull` tells a full disk from an exhausted AUTOINCREMENT sequence, for
 * which SQLite has one code.
 */
export function fromSqlite(error: unknown, isDiskFull: () => boolean = () => true): HarmonyError {
  if (error instanceof HarmonyError) return error
  if (!isSqliteError(error)) return fromNodeError(error)
  const name = sqliteCodeName(error.errcode)
  if (isSequenceExhausted(name, error, isDiskFull))
    return new HarmonyError(name, error.message, { cause: error })
  if (name === 'SQLITE_ERROR' && PARSER_MESSAGE.test(error.message))
    return new HarmonyError('SQL_PARSE_ERROR', error.message, { cause: error })
  const code = DISK_CODES[`SQLITE_${PRIMARY_CODES[error.errcode & 0xff] ?? ''}`]
  if (code === undefined) return new HarmonyError(name, error.message, { cause: error })
  return new HarmonyError(code, `SQLite failed with ${name}: ${error.message}. ${ADVICE[code]}`, {
    cause: error,
  })
}
