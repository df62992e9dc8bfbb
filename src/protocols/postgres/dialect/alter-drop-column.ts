/** DROP COLUMN, and what PostgreSQL drops with it: indexes and constraints that have the column. SQLite refuses columns that are in any of those. */

import type { AlterTableCmd } from 'libpg-query'
import { notSupported, PgError } from '../error.ts'
import { alterText, columnNamed, viewUsing, type Alteration, type AlterationContext } from './alteration.ts'
import { quoteName } from './ast.ts'
import { mentions } from './dependents.ts'
import type { SchemaIndex, SchemaRelation } from './schema.ts'
import type { Clause } from './table-text.ts'

export function dropColumn(command: AlterTableCmd, { relation, translator }: AlterationContext): Alteration {
  const given = command.name ?? ''
  const isThere = relation.columns.some((column) => column.name.toLowerCase() === given.toLowerCase())
  if (command.missing_ok === true && !isThere) {
    const notice = `column "${given}" of relation "${relation.shownName}" does not exist, skipping`
    return { sql: [], change: () => undefined, notices: [notice] }
  }
  const { name } = columnNamed(relation, given)
  refuseReferences(name, { relation, translator }, command.behavior === 'DROP_CASCADE')
  refuseViews(name, { relation, translator })
  const dropped = relation.indexes.filter((index) => isOn(index, name))
  const own = dropped.filter(({ sql }) => sql !== null)
  const isFree = dropped.length === own.length && !isConstrained(relation, name)
  return {
    sql: isFree
      ? [
          ...own.map(({ sqliteName }) => `DROP INDEX ${quoteName(sqliteName)}`),
          `${alterText(relation)} DROP COLUMN ${quoteName(name)}`,
        ]
      : null,
    change: (draft) => {
      draft.removeColumn(name)
      draft.removeConstraints((clause) => isOf(clause, name))
      for (const { sql } of own) draft.removeIndex(sql ?? '')
    },
  }
}

function isOn({ columns, sql }: SchemaIndex, name: string): boolean {
  return columns.includes(name) || (columns.includes(null) && sql !== null && mentions(sql, name))
}

/** Its text is looked at only as a word: a table that is made anew without need is the same table. */
function isConstrained({ sql, foreignKeys, rowidColumn }: SchemaRelation, name: string): boolean {
  if (name === rowidColumn || foreignKeys.some(({ columns }) => columns.includes(name))) return true
  return /\b(?:check|as)\b/i.test(sql) && sql.split(quoteName(name)).length > 2
}

function isOf({ kind, columns, text }: Clause, name: string): boolean {
  if (kind === 'check') return mentions(text, name)
  return columns.some((column) => column.toLowerCase() === name.toLowerCase())
}

function refuseViews(name: string, { relation, translator }: AlterationContext): void {
  const view = viewUsing(relation, name, translator.context.schema)
  if (view === null) return
  const column = `column ${name} of table ${relation.shownName}`
  throw new PgError('2BP01', `cannot drop ${column} because other objects depend on it`, {
    detail: `view ${view.shownName} depends on ${column}`,
    hint: 'Drop the view first.',
  })
}

function refuseReferences(
  name: string,
  { relation, translator }: AlterationContext,
  isCascading: boolean,
): void {
  for (const each of translator.context.schema.all()) {
    const key = each.foreignKeys.find(
      ({ table, targetColumns }) =>
        table.toLowerCase() === relation.name.toLowerCase() && targetColumns.includes(name),
    )
    if (key === undefined || each === relation) continue
    if (isCascading)
      throw notSupported(`DROP COLUMN … CASCADE of a column that "${each.shownName}" refers to`)
    const message = `cannot drop column ${name} of table ${relation.shownName} because other objects depend on it`
    throw new PgError('2BP01', message, {
      detail: `constraint ${key.name} on table ${each.shownName} depends on column ${name} of table ${relation.shownName}`,
      hint: 'Use DROP ... CASCADE to drop the dependent objects too.',
    })
  }
}
