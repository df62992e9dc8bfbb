/**
 * An error says that nothing was done. A result may be refused when it is sent, because a value is not of the type that its client was told; so a statement that
 * writes, and whose result may be refused, runs in a transaction that is committed when the result is written (PostgreSQL does so with all). Most need none: their columns give
 * back what was checked on its way in, or is checked by SQLite (`dialect/returning.ts`).
 *
 * What is left are values that were stored before as another type than their column's, which only SQLite's own statements do: then the error tells that the statement
 * is done. Rejected: a transaction for everything that is sent in binary, which is three rounds instead of one for `RETURNING id, created_at`.
 */

import type { ResultColumn } from '../../../base/value.ts'
import type { ColumnPlan, QueryPlan } from '../dialect/plan.ts'
import { PgError } from '../error.ts'
import {
  BPCHAR,
  elementOf,
  INT2_TYPE,
  INT4_TYPE,
  INT8_TYPE,
  JSON_TYPE,
  JSONB,
  NAME,
  OID_TYPE,
  TEXT,
  UNKNOWN,
  VARCHAR,
  VOID,
  type PgType,
} from '../types/registry.ts'
import type { Format } from '../wire/messages.ts'
import type { PreparedStatement, RowLayout } from './prepared.ts'
import { formatAt } from './result.ts'
import type { TransactionState } from './transaction.ts'

/** Any value of SQLite can be sent as these. */
const TAKES_ALL: ReadonlySet<PgType> = new Set([TEXT, VARCHAR, BPCHAR, NAME, JSON_TYPE, JSONB, UNKNOWN, VOID])

/** What SQLite's arithmetic makes of large ones can't be sent even as text. */
const INTEGERS: ReadonlySet<PgType> = new Set([INT2_TYPE, INT4_TYPE, INT8_TYPE, OID_TYPE])

export function mayBeRefused(plan: QueryPlan, formats: readonly Format[]): boolean {
  if (plan.isRead || !plan.returnsRows) return false
  // Of SQLite's own statements nothing is known, not even how many columns they give.
  return plan.columns?.some((column, index) => isRisky(column, formatAt(formats, index))) ?? true
}

function isRisky({ type, isComputed }: ColumnPlan, format: Format): boolean {
  if (!isComputed) return false
  if (type === null) return true
  return format === 1 ? !TAKES_ALL.has(type.type) : INTEGERS.has(elementOf(type.type) ?? type.type)
}

/** What the client of a write that is committed is told when its result can't be sent. */
export function resultError(error: unknown): unknown {
  if (!(error instanceof PgError)) return error
  const message = `the statement is done and committed, but its result can't be sent: ${error.message}`
  return new PgError(error.sqlState, message, error.fields)
}

/** `error` is why the result of a statement that has run can't be sent. */
function notSent(
  { compiled: { plan } }: PreparedStatement,
  { isOpen }: TransactionState,
  error: unknown,
): unknown {
  const isCommitted = plan.kind === 'query' && !plan.isRead && !isOpen
  return isCommitted ? resultError(error) : error
}

/** Rejects with what tells whether the statement is done. */
export async function sending(
  statement: PreparedStatement,
  transaction: TransactionState,
  sent: Promise<void>,
): Promise<void> {
  try {
    await sent
  } catch (error) {
    throw notSent(statement, transaction, error)
  }
}

/** How the rows of a statement that has run are written. Throws what tells whether it is done. */
export function laidOut(
  statement: PreparedStatement,
  transaction: TransactionState,
  told: readonly ResultColumn[],
  formats: readonly Format[],
): RowLayout {
  try {
    return statement.layout(told, formats)
  } catch (error) {
    throw notSent(statement, transaction, error)
  }
}
