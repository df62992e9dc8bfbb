/** What an asynchronous statement gives. */

import type { SqlValue } from '../base/value.ts'
import type { ExecuteResult } from '../gateway/session.ts'
import type { Row } from './values.ts'
import { exactValues, rowMaker, toRow } from './row-shape.ts'
import { fromSqlValue } from './values.ts'

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

/** As objects by column name; or as lists of values, for results in which several columns have one name. */
export type RowForm = 'objects' | 'arrays'

export function toResult<R>(
  { columns, rows, changes, lastInsertRowid, index }: ExecuteResult,
  rowsAs: RowForm = 'objects',
): Result<R> {
  const names = columns.map(({ name }) => name)
  return {
    rows: (rowsAs === 'arrays' ? rows.map(exactValues) : toRows(names, rows)) as R[],
    columns: names,
    changes: Number(changes),
    lastInsertRowid: fromSqlValue(lastInsertRowid) as number | bigint | null,
    index,
  }
}

function toRows(names: readonly string[], rows: ExecuteResult['rows']): Row[] {
  // A function for a single row would cost more than it saves.
  const make =
    rows.length < ROWS_WORTH_COMPILING ? (row: readonly SqlValue[]) => toRow(names, row) : rowMaker(names)
  return rows.map((row) => make(exactValues(row)))
}

const ROWS_WORTH_COMPILING = 1_000
