/** What the commands of ALTER TABLE have in common. */

import { PgError } from '../error.ts'
import { quoteName, quoteText } from './ast.ts'
import { dependentViews, mentions } from './dependents.ts'
import type { Schema, SchemaColumn, SchemaRelation } from './schema.ts'
import type { TableDraft } from './table-draft.ts'
import type { Translator } from './translation.ts'

/** One command of an ALTER TABLE. */
export interface Alteration {
  /** Null where SQLite has no statement for it. */
  readonly sql: readonly string[] | null
  readonly change: (draft: TableDraft) => void
  /** Statements that fail where the rows that are there do not allow it. */
  readonly checks?: readonly string[]
  readonly notices?: readonly string[]
}

export interface AlterationContext {
  readonly relation: SchemaRelation
  readonly translator: Translator
}

export const NO_CHANGE: Alteration = { sql: [], change: () => undefined }

/** Throws 42703. */
export function columnNamed(relation: SchemaRelation, name: string): SchemaColumn {
  const wanted = name.toLowerCase()
  const column = relation.columns.find((each) => each.name.toLowerCase() === wanted)
  if (column !== undefined) return column
  throw new PgError('42703', `column "${name}" of relation "${relation.shownName}" does not exist`)
}

export function alterText({ name }: SchemaRelation): string {
  return `ALTER TABLE ${quoteName(name)}`
}

/** A statement that fails with this message, unless no row of the table meets the condition. */
export function noRowCheck({ name }: SchemaRelation, condition: string, message: string): string {
  return `SELECT pg_require(NOT EXISTS (SELECT 1 FROM ${quoteName(name)} WHERE ${condition}), ${quoteText(message)})`
}

export function nullCheck(relation: SchemaRelation, column: string, condition: string): string {
  const message = `column "${column}" of relation "${relation.shownName}" contains null values`
  return noRowCheck(relation, condition, message)
}

/** Views follow a column by its name only. So what PostgreSQL refuses, or would drop along, is refused. */
export function viewUsing(relation: SchemaRelation, column: string, schema: Schema): SchemaRelation | null {
  const views = [...dependentViews(new Set([relation]), schema)]
  return views.find(({ sql }) => mentions(sql, column)) ?? null
}
