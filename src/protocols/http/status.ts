/** HTTP statuses by error code. A client needs only the code; the status is for proxies, probes and curl. */

import { isRetryable, type HarmonyError } from '../../base/errors.ts'

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  AUTH_REQUIRED: 401,
  AUTH_INVALID: 401,
  READ_ONLY: 403,
  DATABASE_NOT_FOUND: 404,
  MEMBER_NOT_FOUND: 404,
  DATABASE_EXISTS: 409,
  MEMBERSHIP_REFUSED: 409,
  TRANSACTION_CONFLICT: 409,
  TRANSACTION_TIMEOUT: 409,
  TRANSACTION_ABORTED: 409,
  STATEMENT_TOO_LARGE: 413,
  TRANSACTION_TOO_LARGE: 413,
  REQUEST_TOO_LARGE: 413,
  ENCODING_UNSUPPORTED: 415,
  TRANSACTION_BUSY: 503,
  NOT_LEADER: 503,
  OVERLOADED: 503,
  SHUTTING_DOWN: 503,
  REPLICA_DIVERGED: 503,
  SQLITE_BUSY: 503,
  STATEMENT_TIMEOUT: 504,
  OUTCOME_UNKNOWN: 504,
  DISK_FULL: 507,
  SQLITE_FULL: 507,
  DISK_FAILED: 500,
  DATA_CORRUPT: 500,
  SQLITE_CORRUPT: 500,
  FORMAT_TOO_NEW: 500,
  INTERNAL: 500,
}

/** The status for `error`: 409 for a violated constraint, 400 for everything else that the request itself causes. */
export function statusOf(error: HarmonyError): number {
  const known = STATUS_OF_CODE[error.code]
  if (known !== undefined) return known
  if (error.code.startsWith('SQLITE_CONSTRAINT')) return 409
  if (error.code.startsWith('SQLITE_IOERR')) return 500
  return 400
}

export interface ErrorBody {
  readonly error: {
    readonly code: string
    readonly message: string
    /** Byte offset in the SQL text, where SQLite told one. */
    readonly offset?: number
    /** True if nothing was done and the same request may simply be sent again. */
    readonly retryable: boolean
  }
  /** Once more where libSQL clients look, which otherwise show their users nothing but the status. */
  readonly code: string
  readonly message: string
}

export function errorBody(error: HarmonyError): ErrorBody {
  const { code, message, offset } = error
  return {
    error: { code, message, ...(offset === undefined ? {} : { offset }), retryable: isRetryable(error) },
    code,
    message,
  }
}
