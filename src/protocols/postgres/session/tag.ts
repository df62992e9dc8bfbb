/** The word and the count in CommandComplete. */

import type { StatementResult } from '../../../base/value.ts'
import type { QueryPlan } from '../dialect/plan.ts'

const ONE_ROW = 'SELECT 1'

export function tagOf(plan: QueryPlan, result: StatementResult): string {
  switch (plan.command) {
    case 'SELECT':
      return result.rows.length === 1 ? ONE_ROW : `SELECT ${result.rows.length}`
    case 'CREATE TABLE AS':
    case 'SELECT INTO':
      return `SELECT ${result.changes}`
    case 'INSERT':
      return `INSERT 0 ${result.changes}`
    case 'UPDATE':
    case 'DELETE':
      return `${plan.command} ${result.changes}`
    default:
      return plan.command
  }
}
