/**
 * Types of a view's columns. SQLite tells what their origins were declared as, which is less than the schema knows (int4 of a SERIAL), and nothing for
 * expressions. The view's text, where PostgreSQL's parser takes it, tells all.
 */

import type { SelectStmt } from 'libpg-query'
import { open } from './ast.ts'
import { parseTree } from './parse.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'

/** A relation lives as long as its schema. */
const remembered = new WeakMap<SchemaRelation, readonly SchemaColumn[]>()

export function columnsOf(relation: SchemaRelation, translator: Translator): readonly SchemaColumn[] {
  if (relation.kind === 'table') return relation.columns
  const known = remembered.get(relation)
  if (known !== undefined) return known
  // A view that reads itself is refused by SQLite; it must not catch us here either.
  remembered.set(relation, relation.columns)
  const columns = typedColumns(relation, translator) ?? relation.columns
  remembered.set(relation, columns)
  return columns
}

function typedColumns(relation: SchemaRelation, translator: Translator): readonly SchemaColumn[] | null {
  try {
    const [statement] = parseTree(relation.sql)
    const view = statement?.stmt === undefined ? null : open(statement.stmt)
    if (view?.kind !== 'ViewStmt') return null
    const select = open(view.body['query'] as never).body as SelectStmt
    const { columns } = translator.separate().query(select, new Scope(null))
    if (columns.length !== relation.columns.length) return null
    return relation.columns.map((column, index) => ({ ...column, type: columns[index]?.type ?? column.type }))
  } catch {
    return null
  }
}
