/** From rows as lists of values to what Drizzle's types say. */

import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core/query-builders/select.types'
import * as utils from 'drizzle-orm/utils'
import type { Value } from '../../embed/values.ts'

/** Of relational queries: Drizzle gives a function that makes what was asked for of all rows. */
export type RowMapper = (rows: unknown[][], mapColumnValue?: (value: unknown) => unknown) => unknown

type NullableJoins = Record<string, boolean> | undefined

/** All of Drizzle's own drivers use it, though its types leave it away. */
const { mapResultRow } = utils as unknown as {
  readonly mapResultRow: (
    columns: SelectedFieldsOrdered,
    row: readonly unknown[],
    nullableJoins: NullableJoins,
  ) => Record<string, unknown>
}

export function mapRows(
  rows: Value[][],
  fields: SelectedFieldsOrdered | undefined,
  mapper: RowMapper | undefined,
  nullableJoins: NullableJoins,
): unknown {
  if (mapper !== undefined) return mapper(rows)
  if (fields === undefined) return rows
  return rows.map((row) => mapResultRow(fields, row, nullableJoins))
}

/** Undefined if there is no row. */
export function mapFirst(
  rows: Value[][],
  fields: SelectedFieldsOrdered | undefined,
  mapper: RowMapper | undefined,
  nullableJoins: NullableJoins,
): unknown {
  const [row] = rows
  if (row === undefined) return undefined
  if (mapper !== undefined) return mapper(rows)
  return fields === undefined ? row : mapResultRow(fields, row, nullableJoins)
}
