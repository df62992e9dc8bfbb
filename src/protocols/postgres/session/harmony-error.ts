/**
 * HarmonyDB's and SQLite's errors as PostgreSQL's: SQLSTATE from the code, names of tables, columns and constraints from SQLite's message.
 */

import { type HarmonyError, toHarmonyError } from '../../../base/errors.ts'
import { PgError, type PgErrorFields } from '../error.ts'

const STATES: Readonly<Record<string, string>> = {
  SQL_PARSE_ERROR: '42601',
  SQL_NO_STATEMENT: '42601',
  SQL_MANY_STATEMENTS: '42601',
  SQL_INPUT_ERROR: '42601',
  ARGS_INVALID: '08P01',
  STATEMENT_REFUSED: '0A000',
  NONDETERMINISTIC_FUNCTION: '0A000',
  RESERVED_NAME: '42939',
  READ_ONLY: '25006',
  STATEMENT_TOO_LARGE: '54000',
  TRANSACTION_TOO_LARGE: '54000',
  RESPONSE_TOO_LARGE: '54000',
  REQUEST_TOO_LARGE: '54000',
  AUTH_REQUIRED: '28000',
  AUTH_INVALID: '28P01',
  DATABASE_NOT_FOUND: '3D000',
  DATABASE_EXISTS: '42P04',
  DATABASE_NAME_INVALID: '42602',
  NO_TRANSACTION: '25P01',
  TRANSACTION_ACTIVE: '25001',
  TRANSACTION_TIMEOUT: '25P03',
  TRANSACTION_CONFLICT: '40001',
  TRANSACTION_BUSY: '55P03',
  TRANSACTION_ABORTED: '40000',
  STATEMENT_TIMEOUT: '57014',
  STATEMENT_CANCELLED: '57014',
  OUTCOME_UNKNOWN: '08007',
  NOT_LEADER: '40001',
  OVERLOADED: '53000',
  SHUTTING_DOWN: '57P01',
  DISK_FULL: '53100',
  DISK_FAILED: '58030',
  DATA_CORRUPT: 'XX001',
  REPLICA_DIVERGED: 'XX001',
  SQLITE_BUSY: '55P03',
  SQLITE_LOCKED: '55P03',
  SQLITE_FULL: '53100',
  SQLITE_TOOBIG: '54000',
  SQLITE_NOMEM: '53200',
  SQLITE_READONLY: '25006',
  SQLITE_INTERRUPT: '57014',
  SQLITE_CORRUPT: 'XX001',
  SQLITE_AUTH: '42501',
  SQLITE_CONSTRAINT: '23000',
  SQLITE_CONSTRAINT_CHECK: '23514',
  SQLITE_CONSTRAINT_FOREIGNKEY: '23503',
  SQLITE_CONSTRAINT_NOTNULL: '23502',
  SQLITE_CONSTRAINT_PRIMARYKEY: '23505',
  SQLITE_CONSTRAINT_ROWID: '23505',
  SQLITE_CONSTRAINT_TRIGGER: 'P0001',
  SQLITE_CONSTRAINT_UNIQUE: '23505',
  SQLITE_CONSTRAINT_DATATYPE: '42804',
  SQLITE_MISMATCH: '42804',
  SQLITE_RANGE: '08P01',
  INTERNAL: 'XX000',
}

interface Wording {
  readonly pattern: RegExp
  readonly error: (match: readonly string[], names: ConstraintNames) => PgError
}

/** Knows the constraint that columns belong to; null where nobody does. */
export type ConstraintNames = (table: string, columns: readonly string[]) => string | null

/** Messages of the engine's own PostgreSQL functions, which have PostgreSQL's words already. */
const FUNCTION_FAILURES: readonly (readonly [pattern: RegExp, sqlState: string])[] = [
  [/^division by zero/, '22012'],
  [/^invalid input syntax for type (?:timestamp|date|time)/, '22007'],
  [/^invalid input syntax|^malformed array literal/, '22P02'],
  [/^date\/time field value out of range|^timestamp out of range/, '22008'],
  [/^value too long/, '22001'],
  [/out of range|does not fit/, '22003'],
  [/not supported by HarmonyDB/, '0A000'],
  [/ contains null values$/, '23502'],
  [/ is violated by some row$/, '23514'],
  [/^invalid regular expression/, '2201B'],
  [/^invalid value "/, '22007'],
  [/^path element is not an integer/, '22P02'],
  [/^number of elements to trim/, '2202E'],
  [/^(?:cannot delete from|cannot replace existing key|step size cannot|percentile value)/, '22023'],
  [/^LIKE pattern must not end/, '22025'],
  [/^LIMIT must not/, '2201W'],
  [/^OFFSET must not/, '2201X'],
  [/^negative substring length/, '22011'],
  [
    /^(?:field position|unit "|unrecognized|too few arguments|invalid (?:hex|base64)|requested length)/,
    '22023',
  ],
]

/** SQLite's messages, as its source has them; PostgreSQL's words for the same. */
const WORDINGS: readonly Wording[] = [
  {
    pattern: /UNIQUE constraint failed: ([^:]+)/,
    error: ([, list = ''], names) => uniqueViolation(list, names),
  },
  {
    pattern: /NOT NULL constraint failed: (.+)\.([^.\s]+)/,
    error: ([, table = '', column = '']) =>
      new PgError(
        '23502',
        `null value in column "${column}" of relation "${table}" violates not-null constraint`,
        {
          schema: 'public',
          table,
          column,
        },
      ),
  },
  {
    pattern: /CHECK constraint failed: (.+)/,
    error: ([, constraint = '']) =>
      new PgError('23514', `new row violates check constraint "${constraint}"`, {
        schema: 'public',
        constraint,
      }),
  },
  {
    pattern: /FOREIGN KEY constraint failed/,
    error: () =>
      new PgError('23503', 'insert, update or delete violates foreign key constraint', { schema: 'public' }),
  },
  {
    pattern: /no such (?:table|view): (?:main\.)?([^\s]+)/,
    error: ([, name = '']) => new PgError('42P01', `relation "${name}" does not exist`),
  },
  {
    pattern: /no such column: ([^\s]+)/,
    error: ([, name = '']) => new PgError('42703', `column ${columnName(name)} does not exist`),
  },
  {
    pattern: /table (\S+) has no column named (\S+)/,
    error: ([, table = '', column = '']) =>
      new PgError('42703', `column "${column}" of relation "${table}" does not exist`, { table, column }),
  },
  {
    pattern: /no such function: (\S+)/,
    error: ([, name = '']) => new PgError('42883', `function ${name} does not exist`),
  },
  {
    pattern: /wrong number of arguments to function (\S+)\(\)/,
    error: ([, name = '']) =>
      new PgError('42883', `function ${name} does not exist with that number of arguments`),
  },
  {
    pattern: /ambiguous column name: (\S+)/,
    error: ([, name = '']) => new PgError('42702', `column reference "${name}" is ambiguous`),
  },
  {
    pattern: /(?:table|view) (\S+) already exists/,
    error: ([, name = '']) => new PgError('42P07', `relation ${columnName(name)} already exists`),
  },
  {
    pattern: /index (\S+) already exists/,
    error: ([, name = '']) => new PgError('42P07', `relation ${columnName(name)} already exists`),
  },
  {
    pattern: /duplicate column name: (\S+)/,
    error: ([, name = '']) => new PgError('42701', `column "${name}" specified more than once`),
  },
  {
    pattern: /no such index: (\S+)/,
    error: ([, name = '']) => new PgError('42704', `index "${name}" does not exist`),
  },
  {
    pattern: /no such collation sequence: (\S+)/,
    error: ([, name = '']) => new PgError('42704', `collation "${name}" does not exist`),
  },
  {
    pattern: /integer overflow/,
    error: () => new PgError('22003', 'bigint out of range'),
  },
  {
    pattern: /malformed JSON/,
    error: () => new PgError('22P02', 'invalid input syntax for type json'),
  },
  {
    pattern: /near "(.+)": syntax error/,
    error: ([, token = '']) => new PgError('42601', `syntax error at or near "${token}"`),
  },
]

function columnName(name: string): string {
  return name.includes('.') || name.startsWith('"') ? name : `"${name}"`
}

function uniqueViolation(list: string, names: ConstraintNames): PgError {
  if (list.startsWith("index '")) {
    const constraint = list.slice(7).replace(/'.*$/s, '')
    return new PgError('23505', `duplicate key value violates unique constraint "${constraint}"`, {
      schema: 'public',
      constraint,
    })
  }
  const pairs = list.trim().split(', ').map(splitName)
  const table = pairs[0]?.[0] ?? ''
  const columns = pairs.map(([, column]) => column)
  const constraint = names(table, columns) ?? `${table}_${columns.join('_')}_key`
  return new PgError('23505', `duplicate key value violates unique constraint "${constraint}"`, {
    schema: 'public',
    table,
    constraint,
    detail: `Key (${columns.join(', ')}) already exists.`,
  })
}

function splitName(name: string): [table: string, column: string] {
  const dot = name.lastIndexOf('.')
  return [name.slice(0, dot), name.slice(dot + 1)]
}

const NO_NAMES: ConstraintNames = () => null

/** Any error as PostgreSQL clients know it. */
export function toPgError(error: unknown, names: ConstraintNames = NO_NAMES): PgError {
  if (error instanceof PgError) return error
  const harmony = toHarmonyError(error)
  const worded = wordedError(harmony, names)
  if (worded !== null) return worded
  const fields: PgErrorFields = { detail: `HarmonyDB's code: ${harmony.code}.` }
  return new PgError(stateOf(harmony.code), harmony.message, fields)
}

function wordedError(error: HarmonyError, names: ConstraintNames): PgError | null {
  if (!error.code.startsWith('SQL')) return null
  const failure = FUNCTION_FAILURES.find(([pattern]) => pattern.test(error.message))
  if (failure !== undefined) return new PgError(failure[1], error.message)
  for (const { pattern, error: make } of WORDINGS) {
    const match = pattern.exec(error.message)
    if (match !== null) return make(match, names)
  }
  return null
}

/** Extended codes of SQLite fall back to their primary code. */
function stateOf(code: string): string {
  const known = STATES[code]
  if (known !== undefined) return known
  const primary = /^SQLITE_[A-Z]+/.exec(code)?.[0]
  return (primary === undefined ? undefined : STATES[primary]) ?? 'XX000'
}

interface Notice {
  readonly severity: 'NOTICE' | 'WARNING'
  readonly sqlState: string
  readonly message: string
}

/** 00000 tells, any other SQLSTATE warns. */
export function noticeOf(message: string, sqlState: string): Notice {
  return { severity: sqlState === '00000' ? 'NOTICE' : 'WARNING', sqlState, message }
}
