/** Errors of a statement, told by what its plan knows where SQLite's words do not say enough. */

import { HarmonyError } from '../../../base/errors.ts'
import type { QueryPlan } from '../dialect/plan.ts'
import type { BreakableKey, WriteTarget } from '../dialect/write-target.ts'
import { PgError } from '../error.ts'

export function statementError(plan: QueryPlan, error: unknown): unknown {
  if (!(error instanceof HarmonyError)) return error
  if (error.code === 'SQL_PARSE_ERROR') return plan.syntaxError ?? error
  if (plan.target === null) return error
  if (error.code === 'SQLITE_CONSTRAINT_FOREIGNKEY') return foreignKeyViolation(plan.target) ?? error
  return error.code === 'SQLITE_CONSTRAINT_CHECK' ? checkViolation(plan.target, error) : error
}

/** In PostgreSQL's words, but for the values, which SQLite does not tell. Null where too little is known. */
function foreignKeyViolation({ table, foreignKeys }: WriteTarget): PgError | null {
  const [only, another] = foreignKeys
  if (only !== undefined && another === undefined) return violationOf(only)
  if (!foreignKeys.every(({ side }) => side === 'referring')) return null
  const message = `insert or update on table "${table}" violates foreign key constraint`
  return new PgError('23503', message, { schema: 'public', table })
}

function violationOf({ name, table, columns, target, targetColumns, side }: BreakableKey): PgError {
  const fields = { schema: 'public', table, constraint: name }
  if (side === 'referring')
    return new PgError(
      '23503',
      `insert or update on table "${table}" violates foreign key constraint "${name}"`,
      { ...fields, detail: `Key (${columns.join(', ')}) is not present in table "${target}".` },
    )
  return new PgError(
    '23503',
    `update or delete on table "${target}" violates foreign key constraint "${name}" on table "${table}"`,
    { ...fields, detail: `Key (${targetColumns.join(', ')}) is still referenced from table "${table}".` },
  )
}

function checkViolation({ table }: WriteTarget, error: HarmonyError): unknown {
  const constraint = /CHECK constraint failed: (.+)/.exec(error.message)?.[1]
  if (constraint === undefined) return error
  const message = `new row for relation "${table}" violates check constraint "${constraint}"`
  return new PgError('23514', message, { schema: 'public', table, constraint })
}
