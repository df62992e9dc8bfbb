/** A table's name where a value is wanted: its row, for the functions that make JSON of it. */

import type { Node } from 'libpg-query'
import { JSON_TYPE } from '../types/registry.ts'
import { open, quoteText, strings } from './ast.ts'
import { jsonValue } from './json-value.ts'
import type { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, type Typed } from './typed.ts'

/** What takes a whole row and makes an object of it. */
export const TO_JSON: ReadonlySet<string> = new Set([
  'to_json',
  'to_jsonb',
  'row_to_json',
  'json_agg',
  'jsonb_agg',
])

/**
 * The row of a table, where its name stands for it; else null. Beside other tables it is refused: a row that an outer join left
 * out is NULL, and would look like a row of NULLs.
 */
export function wholeRow(node: Node, scope: Scope, translator: Translator): Typed | null {
  const { kind, body } = open(node)
  const fields = kind === 'ColumnRef' ? (body['fields'] as readonly Node[]) : []
  const name =
    fields.length === 1 && open(fields[0] as Node).kind === 'String' ? strings(fields)[0] : undefined
  if (name === undefined || scope.column(name) !== null) return null
  const source = scope.source(name)
  if (source === null) return null
  if (scope.sources.length > 1) throw translator.context.notSupported('a whole row of a join as a value')
  const parts = scope
    .starOf(source)
    .map(({ column, typed }) => `${quoteText(column.name)}, ${jsonValue(typed, translator.context)}`)
  return atom(`json_object(${parts.join(', ')})`, JSON_TYPE)
}
