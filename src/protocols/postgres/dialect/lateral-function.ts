/**
 * Functions in FROM whose arguments name tables beside them, as in `FROM t, unnest(t.tags) tag`. A subquery of SQLite's can't see those tables, but its table-valued
 * functions can, so what is made of `json_each` stands in FROM as that function, and its columns are expressions over it.
 */

import type { FuncCall, RangeFunction } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { elementOf, INT8_TYPE, JSON_TYPE, JSONB, TEXT } from '../types/registry.ts'
import { only, quoteName, strings } from './ast.ts'
import { resolvedText } from './literals.ts'
import type { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { plain, type Typed } from './typed.ts'

/** Whether a column in there is one of a table of the same FROM. */
export function namesSibling(node: unknown, scope: Scope): boolean {
  if (Array.isArray(node)) return node.some((each) => namesSibling(each, scope))
  if (typeof node !== 'object' || node === null) return false
  if ('ColumnRef' in node) return isOfSibling(node.ColumnRef as { fields?: never[] }, scope)
  return Object.values(node).some((each) => namesSibling(each, scope))
}

function isOfSibling({ fields }: { readonly fields?: never[] }, { sources }: Scope): boolean {
  const names = strings(fields).map((name) => name.toLowerCase())
  const [first = ''] = names
  if (names.length > 1) return sources.some(({ alias }) => alias.toLowerCase() === first)
  return sources.some(({ columns }) => columns.some(({ name }) => name.toLowerCase() === first))
}

interface Column {
  readonly name: string
  readonly type: TypeWithModifier
  readonly inlineSql: string
}

export function lateralFunction(
  name: string,
  call: FuncCall,
  item: RangeFunction,
  scope: Scope,
  translator: Translator,
): string {
  only('RangeFunction', item, 'lateral', 'functions', 'alias', 'ordinality')
  const [argument, ...more] = (call.args ?? []).map((node) => translator.expression(node, scope))
  const alias = item.alias?.aliasname ?? name
  const columns = more.length > 0 ? null : columnsOf(name, must(argument), alias)
  if (columns === null) {
    throw translator.context.notSupported(`the function ${name} in FROM over columns of other tables there`)
  }
  const all =
    item.ordinality === true
      ? [
          ...columns,
          { name: 'ordinality', type: plain(INT8_TYPE), inlineSql: `(${quoteName(alias)}."key" + 1)` },
        ]
      : columns
  const names = strings(item.alias?.colnames)
  scope.add({
    alias,
    merged: new Set(),
    columns: all.map((column, index) => ({ ...column, name: names[index] ?? column.name, origin: null })),
  })
  const source = name === 'unnest' ? must(argument).sql : resolvedText(must(argument)).sql
  return `json_each(${source}) AS ${quoteName(alias)}`
}

/** Null for a function that is not made of json_each. A single column is named for the alias, but where PostgreSQL names it. */
function columnsOf(name: string, argument: Typed, alias: string): Column[] | null {
  const row = quoteName(alias)
  const value = `${row}."value"`
  switch (name) {
    case 'unnest': {
      const type = argument.type === null ? null : elementOf(argument.type.type)
      return type === null ? null : [{ name: alias, type: plain(type), inlineSql: value }]
    }
    case 'json_array_elements':
    case 'jsonb_array_elements': {
      const type = name.startsWith('jsonb') ? JSONB : JSON_TYPE
      const inlineSql =
        `CASE ${row}."type" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ` +
        `WHEN 'object' THEN ${value} WHEN 'array' THEN ${value} ELSE json_quote(${value}) END`
      return [{ name: 'value', type: plain(type), inlineSql: `(${inlineSql})` }]
    }
    case 'json_array_elements_text':
    case 'jsonb_array_elements_text':
      return [{ name: 'value', type: plain(TEXT), inlineSql: jsonText(row, name.startsWith('jsonb')) }]
    case 'json_object_keys':
    case 'jsonb_object_keys':
      return [{ name: alias, type: plain(TEXT), inlineSql: `${row}."key"` }]
    case 'json_each_text':
    case 'jsonb_each_text':
      return [
        { name: 'key', type: plain(TEXT), inlineSql: `${row}."key"` },
        { name: 'value', type: plain(TEXT), inlineSql: jsonText(row, name.startsWith('jsonb')) },
      ]
    default:
      return null
  }
}

/** JSON's truth values are 1 and 0 in json_each. jsonb has spaces between its parts. */
export function jsonText(row: string | null, isJsonb: boolean): string {
  const prefix = row === null ? '' : `${row}.`
  const value = `${prefix}"value"`
  const parts = isJsonb ? `pg_jsonb_text(${value})` : value
  return (
    `(CASE ${prefix}"type" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'object' THEN ${parts} ` +
    `WHEN 'array' THEN ${parts} ELSE CAST(${value} AS TEXT) END)`
  )
}
