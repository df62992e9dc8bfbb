/**
 * Functions with an effect on the server in the list of a SELECT: `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity`. SQLite gives their arguments, as a JSON
 * array, where their results are to be; the effects happen afterwards, row by row, and their results take that place. So they can stand only where nothing is
 * computed from them, which the compiler sees to.
 */

import type { SqlValue, StatementResult } from '../../../base/value.ts'
import type { CallName, QueryPlan } from '../dialect/plan.ts'

export type Effect = (name: CallName, args: readonly SqlValue[]) => Promise<SqlValue>

export async function withEffects(
  plan: QueryPlan,
  result: StatementResult,
  effect: Effect,
): Promise<StatementResult> {
  const rows: SqlValue[][] = []
  for (const row of result.rows) {
    const values = [...row]
    for (const [index, name] of plan.effects.entries()) {
      if (name !== null) values[index] = await resultOf(name, String(row[index]), effect)
    }
    rows.push(values)
  }
  return { ...result, rows }
}

/** NULL for a NULL argument, and nothing happens. */
async function resultOf(name: CallName, json: string, effect: Effect): Promise<SqlValue> {
  const args = (JSON.parse(json) as (string | number | null)[]).map((value) =>
    typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value,
  )
  return args.includes(null) ? null : effect(name, args)
}
