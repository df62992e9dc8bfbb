/**
 * HarmonyDB's errors in the form that libSQL clients know: `code` is what a libSQL server would send (bare
 * `SQLITE_CONSTRAINT`, `SQL_PARSE_ERROR`, ...), because applications and ORMs compare it; what is known beyond that
 * goes to `extended_code`: SQLite's extended code, or HarmonyDB's own code from docs/guide/errors.md.
 * Codes: libsql-server/src/hrana/stmt.rs and turso serverless/PROTOCOL.md section 9.2.
 */

import { toHarmonyError } from '../../base/errors.ts'
import type { HranaError } from './types.ts'

/** HarmonyDB's codes that libSQL clients know by another name. Every other code is sent as it is. */
const KNOWN_TO_CLIENTS: ReadonlyMap<string, string> = new Map([
  ['STATEMENT_REFUSED', 'BLOCKED'],
  ['NONDETERMINISTIC_FUNCTION', 'BLOCKED'],
  ['RESERVED_NAME', 'BLOCKED'],
  ['READ_ONLY', 'SQLITE_READONLY'],
  ['STATEMENT_TOO_LARGE', 'SQLITE_TOOBIG'],
  ['TRANSACTION_TOO_LARGE', 'SQLITE_TOOBIG'],
  ['NO_TRANSACTION', 'SQLITE_ERROR'],
  ['TRANSACTION_ACTIVE', 'SQLITE_ERROR'],
  // What SQLite calls SQLITE_BUSY_SNAPSHOT: a read transaction that can't become a write transaction any more.
  ['TRANSACTION_CONFLICT', 'SQLITE_BUSY'],
  ['TRANSACTION_ABORTED', 'SQLITE_ABORT'],
  ['STATEMENT_TIMEOUT', 'SQLITE_INTERRUPT'],
  ['DISK_FULL', 'SQLITE_FULL'],
  ['DISK_FAILED', 'SQLITE_IOERR'],
  ['DATA_CORRUPT', 'SQLITE_CORRUPT'],
])

/** `SQLITE_CONSTRAINT` of `SQLITE_CONSTRAINT_UNIQUE`; null if `code` has no extended part. */
function primaryOf(code: string): string | null {
  const primary = /^(SQLITE_[A-Z]+)_/.exec(code)
  return primary?.[1] ?? null
}

/** SQLite's parser has no code of its own: it says what it could not read in one of these ways (parse.y, tokenize.c). */
const PARSER_MESSAGE = /^near ".*": syntax error|^unrecognized token: |^incomplete input/s

function knownToClients(code: string, message: string): string | null {
  if (code === 'SQLITE_ERROR') return PARSER_MESSAGE.test(message) ? 'SQL_PARSE_ERROR' : null
  return primaryOf(code) ?? KNOWN_TO_CLIENTS.get(code) ?? null
}

/** Any thrown value; what is not a HarmonyError becomes INTERNAL. */
export function toHranaError(thrown: unknown): HranaError {
  const { code, message } = toHarmonyError(thrown)
  const known = knownToClients(code, message)
  return known === null ? { message, code, extendedCode: null } : { message, code: known, extendedCode: code }
}
