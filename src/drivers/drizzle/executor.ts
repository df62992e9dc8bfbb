/** Where a session's statements go: its transaction, where it is one; else the application's thread for local reads, or the core's. */

import type { Database } from '../../embed/database.ts'
import type { Result } from '../../embed/result.ts'
import type { Transaction } from '../../embed/transaction.ts'
import type { Parameter, Row, Value } from '../../embed/values.ts'
import type { LocalReads } from '../local-reads.ts'

export interface Executor {
  readonly client: Database
  /** Null: reads are linearizable. */
  readonly local: LocalReads | null
  readonly transaction: Transaction | null
}

/** Rows as objects, for statements that Drizzle did not put together. */
export async function objectsOf(
  { client, local, transaction }: Executor,
  sql: string,
  values: Parameter[],
): Promise<Row[]> {
  const statement = transaction === null ? local?.find(sql) : null
  if (statement !== null && statement !== undefined) return statement.all(...values)
  const { rows } = await (transaction ?? client).execute(sql, values)
  return rows
}

/** Rows as lists of values: results of joins have columns of one name. */
export async function valuesOf(
  { client, local, transaction }: Executor,
  sql: string,
  values: Parameter[],
): Promise<Value[][]> {
  const statement = transaction === null ? local?.find(sql) : null
  if (statement !== null && statement !== undefined) return statement.values(...values)
  const { rows } = await (transaction ?? client).execute<Value[]>(sql, values, { rowsAs: 'arrays' })
  return rows
}

export function run({ client, transaction }: Executor, sql: string, values: Parameter[]): Promise<Result> {
  return (transaction ?? client).execute(sql, values)
}
