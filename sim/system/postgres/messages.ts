/** Statements as a PostgreSQL client sends them, and what it reads in the answers. */

import { formatConsistency } from '../../../src/gateway/consistency.ts'
import type { SqlStatement, SqlValue } from '../../../src/base/value.ts'
import type { ExecuteOptions } from '../../../src/gateway/session.ts'
import { bind, execute, parse, query } from '../../../test/postgres/raw-client.ts'
import type { BackendMessage } from '../../../test/postgres/raw-client.ts'

/** With `$1` for each value. */
export interface Statement {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

export interface CommandAnswer {
  /** Every value as text. */
  readonly rows: readonly (readonly (string | null)[])[]
  readonly tag: string
}

/** What came up to ReadyForQuery. */
export interface Reply {
  readonly commands: readonly CommandAnswer[]
  readonly error: PostgresError | null
  /** Idle, in a transaction, in one that has failed. */
  readonly status: string
}

/** An ErrorResponse. */
export class PostgresError extends Error {
  readonly sqlState: string

  constructor(sqlState: string, message: string) {
    super(message)
    this.sqlState = sqlState
  }
}

const INT8_OID = 20
const TEXT_OID = 25
/** The server finds out. */
const UNKNOWN_OID = 0

/** `?` becomes `$1`; the level of a read goes into a comment. */
export function statementOf({ sql, args }: SqlStatement, { consistency }: ExecuteOptions = {}): Statement {
  let count = 0
  const text = sql.replaceAll('?', () => `$${++count}`)
  const isDefault = consistency === undefined || consistency.level === 'linearizable'
  const level = isDefault ? '' : `/* harmonydb: ${formatConsistency(consistency)} */ `
  return { sql: level + text, values: args.positional }
}

/** One simple query of all statements, their values in the text. */
export function scriptOf(statements: readonly Statement[]): Buffer {
  const texts = statements.map(({ sql, values }) =>
    sql.replaceAll(/\$(\d+)/g, (_, number: string) => literalOf(values[Number(number) - 1] ?? null)),
  )
  return query(texts.join('; '))
}

/** `hasTypes`: the client says of which type the parameters are. */
export function parseOf(name: string, { sql, values }: Statement, hasTypes: boolean): Buffer {
  return parse(name, sql, ...(hasTypes ? values.map(oidOf) : []))
}

export function runOf(name: string, { values }: Statement): Buffer {
  const texts = values.map((value) => (value === null ? null : String(value)))
  return Buffer.concat([bind('', name, texts), execute('')])
}

export function errorOf({ body }: BackendMessage): PostgresError {
  const fields = new Map(
    body
      .toString()
      .split('\0')
      .map((field) => [field[0], field.slice(1)]),
  )
  return new PostgresError(fields.get('C') ?? '', fields.get('M') ?? '')
}

export function rowOf({ body }: BackendMessage): (string | null)[] {
  let at = 2
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const sizeBytes = body.readInt32BE(at)
    const start = at + 4
    at = start + Math.max(0, sizeBytes)
    return sizeBytes < 0 ? null : body.toString('utf8', start, at)
  })
}

export function tagOf({ body }: BackendMessage): string {
  return body.toString('utf8', 0, body.length - 1)
}

function oidOf(value: SqlValue): number {
  if (typeof value === 'bigint') return INT8_OID
  return typeof value === 'string' ? TEXT_OID : UNKNOWN_OID
}

function literalOf(value: SqlValue): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return value === null ? 'NULL' : String(value)
}
