/**
 * What a statement writes to. SQLite says that a foreign key is violated, but not which; where only one can be, or all belong to one table, clients are told as by
 * PostgreSQL. Nothing is said where a trigger, or an action of a foreign key, writes to other tables.
 */

import type { Schema, SchemaForeignKey, SchemaRelation } from './schema.ts'

export interface BreakableKey {
  readonly name: string
  /** The table that has the constraint, as clients call it, and the one that it refers to. */
  readonly table: string
  readonly columns: readonly string[]
  readonly target: string
  readonly targetColumns: readonly string[]
  /** Whether the statement writes the rows that refer, or those that are referred to. */
  readonly side: 'referring' | 'referred'
}

export interface WriteTarget {
  /** As clients call it. */
  readonly table: string
  /** All foreign keys that the statement can break. */
  readonly foreignKeys: readonly BreakableKey[]
}

/** `changed`: the columns that get other values; null for whole rows that are new or gone. */
interface Write {
  readonly kind: 'insert' | 'update' | 'delete'
  readonly changed: readonly string[] | null
}

const NO_ACTIONS: ReadonlySet<string> = new Set(['NO ACTION', 'RESTRICT'])

/** Null where other tables are written to, too. */
export function writeTarget(relation: SchemaRelation, write: Write, schema: Schema): WriteTarget | null {
  if (relation.triggers.length > 0) return null
  const changes = (columns: readonly string[]): boolean =>
    write.changed === null || columns.some((name) => write.changed?.includes(name) === true)
  const foreignKeys: BreakableKey[] = []
  if (write.kind !== 'delete') {
    const own = relation.foreignKeys.filter(({ columns }) => changes(columns))
    foreignKeys.push(...own.map((key) => breakable(relation, key, 'referring')))
  }
  if (write.kind !== 'insert') {
    for (const { from, key } of referringKeys(relation, schema)) {
      if (!changes(key.targetColumns)) continue
      if (!NO_ACTIONS.has(write.kind === 'delete' ? key.onDelete : key.onUpdate)) return null
      foreignKeys.push(breakable(from, key, 'referred'))
    }
  }
  return { table: relation.shownName, foreignKeys }
}

function* referringKeys(
  { name }: SchemaRelation,
  schema: Schema,
): Generator<{ from: SchemaRelation; key: SchemaForeignKey }, void, void> {
  for (const from of schema.all()) {
    for (const key of from.foreignKeys) {
      if (key.table.toLowerCase() === name.toLowerCase()) yield { from, key }
    }
  }
}

function breakable(
  { shownName }: SchemaRelation,
  { name, columns, table, targetColumns }: SchemaForeignKey,
  side: BreakableKey['side'],
): BreakableKey {
  return { name, table: shownName, columns, target: table, targetColumns, side }
}
