/** An item of FROM under its alias, with the names that AS gives to its columns. */

import type { Alias } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { quoteColumn, quoteName, strings } from './ast.ts'
import type { Scope, SourceColumn } from './scope.ts'

const NOTHING_MERGED: ReadonlySet<string> = new Set()

/** With new column names (`AS v(x, y)`), which SQLite does not have, the item becomes a subquery that renames. */
export function namedColumns(
  sql: string,
  alias: string,
  columns: readonly SourceColumn[],
  aliasNode: Alias | undefined,
  scope: Scope,
  hasAlias: boolean,
): string {
  const names = strings(aliasNode?.colnames)
  if (names.length > columns.length) {
    throw notSupported(`more column aliases for "${alias}" than it has columns`)
  }
  const renamed = columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }))
  scope.add({ alias, columns: renamed, merged: NOTHING_MERGED })
  if (names.length === 0) return hasAlias ? `${sql} AS ${quoteName(alias)}` : sql
  const quote = scope.isKept ? quoteName : quoteColumn
  const items = columns.map(
    (column, index) => `${quote(column.name)} AS ${quoteName(must(renamed[index]).name)}`,
  )
  return `(SELECT ${items.join(', ')} FROM ${sql}) AS ${quoteName(alias)}`
}
