/** What an asynchronous statement gives. */

import type { ExecuteResult } from '../gateway/session.ts'
import type { Row } from './values.ts'
import { fromSqlValue, toRow } from './values.ts'

export interface Result<R = Row> {
  readonly rows: R[]
  /** Names of the columns, in order. */
  readonly columns: readonly string[]
  /** Rows inserted, updated or deleted. */
  readonly changes: number
  /** The rowid of the row inserted last; null if nothing was inserted. */
  readonly lastInsertRowid: number | bigint | null
  /** Log index of the write, or at which the read was made: a token for `{ level: 'session', index }`, here or on another member. */
  readonly index: bigint
}

export function toResult<R>({ columns, rows, changes, lastInsertRowid, index }: ExecuteResult): Result<R> {
  const names = columns.map(({ name }) => name)
  return {
    rows: rows.map((row) => toRow(names, row) as R),
    columns: names,
    changes: Number(changes),
    lastInsertRowid: fromSqlValue(lastInsertRowid) as number | bigint | null,
    index,
  }
}
