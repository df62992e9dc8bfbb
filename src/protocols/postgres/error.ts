/**
 * Errors as PostgreSQL clients know them: SQLSTATE, severity, and the fields of ErrorResponse
 * (PostgreSQL documentation, "Error and Notice Message Fields" and appendix A).
 */

export interface PgErrorFields {
  readonly detail?: string
  readonly hint?: string
  /** In characters from 1, of the statement as the client sent it. */
  readonly position?: number
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
  readonly dataType?: string
  /** A function of PostgreSQL's source, by which some drivers know what to do about an error. */
  readonly routine?: string
}

export class PgError extends Error {
  override readonly name = 'PgError'
  /** Five characters, of appendix A. */
  readonly sqlState: string
  readonly fields: PgErrorFields
  /** FATAL ends the connection. */
  readonly severity: 'ERROR' | 'FATAL'

  constructor(
    sqlState: string,
    message: string,
    fields: PgErrorFields = {},
    severity: 'ERROR' | 'FATAL' = 'ERROR',
  ) {
    // Answers to clients, which need no stack; and one that is kept with a plan would hold on to all that its frames name.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.sqlState = sqlState
    this.fields = fields
    this.severity = severity
  }
}

/** 08P01, and the end of the connection: after bytes that make no sense nothing behind them does. */
export function protocolViolation(message: string): PgError {
  return new PgError('08P01', message, {}, 'FATAL')
}

/** The client used something of PostgreSQL that HarmonyDB does not have. `construct` is named as PostgreSQL does. */
export function notSupported(construct: string, position?: number): PgError {
  return new PgError(
    '0A000',
    `${construct} is not supported by HarmonyDB`,
    position === undefined ? {} : { position },
  )
}

/** A value is not of its type: 22P02 with PostgreSQL's words. */
export function invalidText(typeName: string, text: string): PgError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return new PgError('22P02', `invalid input syntax for type ${typeName}: "${shown}"`)
}
