/**
 * The one error class that crosses layers and reaches users. `code` is stable and documented
 * (docs/guide/errors.md); the message says what happened, to what, and what to do.
 *
 * Codes that begin with `SQLITE_` are SQLite's own; the others are HarmonyDB's. Protocols map them to
 * their own form and add nothing.
 */

export type HarmonyErrorCode =
  // What a client asked for is wrong.
  | 'SQL_PARSE_ERROR' // the text is not SQL that SQLite accepts
  | 'SQL_NO_STATEMENT' // the text holds no statement
  | 'SQL_MANY_STATEMENTS' // the text holds several statements where one was expected
  | 'SQL_INPUT_ERROR' // the statement is fine but names something that does not exist or is used wrongly
  | 'ARGS_INVALID' // wrong number or kind of arguments
  | 'ARGS_BOTH_POSITIONAL_AND_NAMED'
  | 'STATEMENT_REFUSED' // DESIGN section 6: can't be replicated or is not allowed; the message names the way out
  | 'NONDETERMINISTIC_FUNCTION' // a write uses a function that replicas could evaluate differently
  | 'RESERVED_NAME' // a name under `_harmony_`
  | 'READ_ONLY' // a read-only credential or a read-only transaction tried to write
  | 'STATEMENT_TOO_LARGE'
  | 'TRANSACTION_TOO_LARGE' // the transaction would make a log entry over its limit
  | 'RESPONSE_TOO_LARGE'
  | 'REQUEST_TOO_LARGE'
  | 'ENCODING_UNSUPPORTED' // a request with a compressed body
  | 'REQUEST_INVALID' // malformed JSON, unknown request kinds, missing fields
  | 'AUTH_REQUIRED'
  | 'AUTH_INVALID'
  | 'DATABASE_NOT_FOUND'
  | 'DATABASE_EXISTS'
  | 'DATABASE_NAME_INVALID'
  | 'MEMBER_NOT_FOUND' // the cluster has no member with this number
  | 'MEMBERSHIP_REFUSED' // a change of the cluster's members that makes no sense or would cost its majority; nothing was done
  | 'NO_TRANSACTION' // COMMIT or ROLLBACK without a transaction
  | 'TRANSACTION_ACTIVE' // BEGIN inside a transaction
  // What happened to a transaction.
  | 'TRANSACTION_TIMEOUT' // idle or total timeout; it was rolled back
  | 'TRANSACTION_CONFLICT' // serialization failure: retry it
  | 'TRANSACTION_BUSY' // the writer did not get free within the deadline; nothing was done
  | 'TRANSACTION_ABORTED' // it was rolled back by the database itself (RAISE(ROLLBACK), OR ROLLBACK)
  | 'STATEMENT_TIMEOUT' // a statement ran longer than allowed and was stopped; nothing was done
  | 'STATEMENT_CANCELLED' // its client asked for that; nothing was done
  | 'OUTCOME_UNKNOWN' // it may or may not have been applied: retry with its idempotency key
  | 'NOT_LEADER' // leadership was lost before anything was done: retry
  | 'OVERLOADED' // refused early, before anything was done: retry later
  | 'SHUTTING_DOWN'
  | 'CHANGES_LOST' // a watcher asks for changes that are not kept any more: it reads the present and watches from there
  // What happened to the member.
  | 'DISK_FULL'
  | 'DISK_FAILED'
  | 'DATA_CORRUPT' // a file's checksum or digest is wrong; the message names file and offset
  | 'DATA_LOCKED' // the data folder belongs to a running member
  | 'ADDRESS_UNAVAILABLE' // a member can't listen where it was told to: taken, not of this machine, or not permitted
  | 'FORMAT_TOO_NEW' // a file was written by a later version
  | 'REPLICA_DIVERGED'
  | 'INTERNAL'
  // Hrana streams.
  | 'STREAM_EXPIRED'
  | 'STREAM_NOT_OPEN'
  | 'BATON_INVALID'
  | 'SQL_STORE_TOO_MANY'
  | 'SQL_STORE_TOO_LARGE'
  | 'SQL_NOT_STORED'
  // SQLite's primary and extended result codes, by name: SQLITE_CONSTRAINT_UNIQUE and so on.
  | `SQLITE_${string}`

export interface HarmonyErrorOptions {
  readonly cause?: unknown
  /** Byte offset in the SQL text that the error is about, if SQLite told one. */
  readonly offset?: number
}

export class HarmonyError extends Error {
  override readonly name = 'HarmonyError'
  readonly code: HarmonyErrorCode
  readonly offset: number | undefined

  constructor(code: HarmonyErrorCode, message: string, options: HarmonyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.offset = options.offset
  }
}

/** Codes after which the same request may simply be sent again: nothing of it was done. */
const RETRYABLE: ReadonlySet<string> = new Set([
  'TRANSACTION_CONFLICT',
  'TRANSACTION_BUSY',
  'NOT_LEADER',
  'OVERLOADED',
  'SHUTTING_DOWN',
])

export function isRetryable(error: unknown): boolean {
  return error instanceof HarmonyError && RETRYABLE.has(error.code)
}

/** `error` as a HarmonyError; anything unforeseen becomes INTERNAL with its cause kept. */
export function toHarmonyError(error: unknown): HarmonyError {
  if (error instanceof HarmonyError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new HarmonyError('INTERNAL', `Unexpected failure: ${message}`, { cause: error })
}
