/**
 * RETURNING. An error has to come before the statement is done, and a value that its type does not hold shows when it is sent. So numbers that nobody has checked
 * are checked by SQLite (in PostgreSQL their arithmetic is an error, too), and of other types it is said that they are computed (`session/result-risk.ts`).
 */

import type { Node } from 'libpg-query'
import { notSupported } from '../error.ts'
import {
  BOOL,
  FLOAT4,
  FLOAT8,
  INT2_TYPE,
  INT4_TYPE,
  INT8_TYPE,
  NUMERIC,
  type PgType,
} from '../types/registry.ts'
import { isInteger } from './casts.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import type { Scope } from './scope.ts'
import { itemText, outputOf, targetList, type Target } from './select.ts'
import type { OutputColumn, Translator } from './translation.ts'
import { atom, type Typed } from './typed.ts'

interface ReturningClause {
  readonly exprs?: Node[]
  readonly options?: Node[]
}

/** Behind the rest of the statement, which tells what it computes. */
export function returningClause(
  clause: ReturningClause | undefined,
  relation: SchemaRelation,
  scope: Scope,
  translator: Translator,
): { sql: string; columns: readonly OutputColumn[] | null } {
  if (clause === undefined) return { sql: '', columns: null }
  if (clause.options !== undefined) throw notSupported('RETURNING WITH')
  const { computedColumns } = translator.context
  const items = targetList(clause.exprs ?? [], scope, translator).map((target) => {
    const isComputed = isComputedValue(target.typed, relation, computedColumns)
    return isComputed ? checked(target) : { target, isComputed }
  })
  return {
    sql: ` RETURNING ${items.map(({ target }) => itemText(target)).join(', ')}`,
    columns: items.map(({ target, isComputed }) => ({ ...outputOf(target), isComputed })),
  }
}

function isComputedValue(
  { origin, constant }: Typed,
  relation: SchemaRelation,
  computed: ReadonlySet<SchemaColumn>,
): boolean {
  if (constant !== undefined) return false
  if (origin === undefined || origin.tableOid !== relation.oid) return true
  const column = relation.columns.find(({ number }) => number === origin.columnNumber)
  return column === undefined || column.isGenerated || computed.has(column)
}

/** A check in SQL where there is one. */
function checked(target: Target): { target: Target; isComputed: boolean } {
  const typed = checkedValue(target.typed)
  return typed === null ? { target, isComputed: true } : { target: { ...target, typed }, isComputed: false }
}

interface Range {
  readonly between: string
  readonly error: string
}

/** Texts and bytes are beyond all numbers. */
const ANY_NUMBER = '-9e999 AND 9e999'

const RANGES: ReadonlyMap<PgType, Range> = new Map([
  [INT2_TYPE, { between: '-32768 AND 32767', error: 'smallint out of range' }],
  [INT4_TYPE, { between: '-2147483648 AND 2147483647', error: 'integer out of range' }],
  [NUMERIC, { between: `-${Number.MAX_VALUE} AND ${Number.MAX_VALUE}`, error: 'numeric value out of range' }],
  [FLOAT4, { between: ANY_NUMBER, error: 'real out of range' }],
  [FLOAT8, { between: ANY_NUMBER, error: 'double precision out of range' }],
  [BOOL, { between: ANY_NUMBER, error: 'boolean out of range' }],
])

/** The same with a check; null where there is none. */
function checkedValue(typed: Typed): Typed | null {
  if (typed.type === null) return null
  const { type } = typed.type
  const sql = checkedText(typed, type)
  return sql === null ? null : { ...typed, ...atom(sql, typed.type) }
}

function checkedText({ sql, origin }: Typed, type: PgType): string | null {
  // Where 64 bits are not enough, SQLite goes on in floating point.
  if (type === INT8_TYPE) return `pg_float_to_integer(${sql})`
  const range = RANGES.get(type)
  if (range === undefined) return null
  // With a column nothing is computed twice here, and pg_require is known to be quick.
  if (origin !== undefined)
    return `CASE WHEN pg_require(coalesce(${sql} BETWEEN ${range.between}, 1), '${range.error}') THEN ${sql} END`
  return isInteger(type) ? `pg_from_text(pg_float_to_integer(${sql}), '${type.name}')` : null
}
