/** What a statement gives to its client, and how columns get their types. */

import type { ResultColumn, SqlValue } from '../../../base/value.ts'
import type { ColumnPlan } from '../dialect/plan.ts'
import { typeOfDeclaration, type TypeWithModifier } from '../types/declared-type.ts'
import type { FieldDescription } from '../wire/encoder.ts'
import type { Format } from '../wire/messages.ts'
import { PgError } from '../error.ts'

export interface ResolvedColumn {
  readonly name: string
  readonly type: TypeWithModifier
  readonly tableOid: number
  readonly columnNumber: number
}

export interface CommandResult {
  /** null for a statement that gives no rows, not even none of them. */
  readonly columns: readonly ResolvedColumn[] | null
  readonly rows: readonly (readonly SqlValue[])[]
  readonly tag: string
}

/** The plan's word where it has one, SQLite's otherwise. */
export function resolveColumns(
  plan: readonly ColumnPlan[] | null,
  told: readonly ResultColumn[],
): readonly ResolvedColumn[] {
  if (plan === null || plan.length !== told.length) return told.map(columnAsTold)
  const known = columnsOfPlan(plan)
  if (known !== null) return known
  return plan.map((column, index) => ({
    name: column.name,
    type: column.type ?? typeOfDeclaration(told[index]?.declaredType ?? null),
    tableOid: column.tableOid,
    columnNumber: column.columnNumber,
  }))
}

function columnAsTold(column: ResultColumn): ResolvedColumn {
  return {
    name: column.name,
    type: typeOfDeclaration(column.declaredType),
    tableOid: 0,
    columnNumber: 0,
  }
}

/** What `columnsOfPlan` gave: most drivers prepare the same text for each execution, and the plan is kept with the text. */
const columnsOf = new WeakMap<readonly ColumnPlan[], readonly ResolvedColumn[] | null>()

/**
 * The columns when the plan alone knows all of them: then nobody has to ask SQLite. The same array for the same plan, so that what is made of it
 * can be kept, too.
 */
export function columnsOfPlan(plan: readonly ColumnPlan[] | null): readonly ResolvedColumn[] | null {
  if (plan === null) return null
  let columns = columnsOf.get(plan)
  if (columns === undefined) {
    const isKnown = plan.every(({ type }) => type !== null)
    columns = isKnown ? plan.map((column) => ({ ...column, type: column.type as TypeWithModifier })) : null
    columnsOf.set(plan, columns)
  }
  return columns
}

export function fieldDescriptions(
  columns: readonly ResolvedColumn[],
  formats: readonly Format[],
): FieldDescription[] {
  return columns.map((column, index) => ({
    name: column.name,
    tableOid: column.tableOid,
    columnNumber: column.columnNumber,
    typeOid: column.type.type.oid,
    typeSize: column.type.type.sizeBytes,
    typeModifier: column.type.modifier,
    format: formatAt(formats, index),
  }))
}

/** None: all text. One: for all. Else one for each. */
export function formatAt(formats: readonly Format[], index: number): Format {
  if (formats.length === 0) return 0
  return (formats.length === 1 ? formats[0] : formats[index]) ?? 0
}

export function checkFormatCount(formats: readonly Format[], count: number): void {
  if (formats.length > 1 && formats.length !== count) {
    throw new PgError(
      '08P01',
      `bind message has ${formats.length} result formats but query has ${count} columns`,
    )
  }
}
