/**
 * What SQLite's ALTER TABLE can't do, done by making the table anew: a new one under another name, its rows copied, the old one dropped, the new one renamed, indexes,
 * triggers and views put back (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"). All in one transaction.
 *
 * DROP TABLE deletes the rows first, and foreign keys of other tables would act on that (foreign keys can't be switched off inside a transaction).
 * So the tables that refer to this one, and those that refer to them, are made anew along with it: the copies refer to
 * each other, and the old ones are dropped in an order in which nobody refers to what is dropped. Tables that refer to each other in a circle have no such
 * order; they may be made anew only while they are empty, which a first step checks.
 */

import { quoteColumn, quoteName, quoteText } from './ast.ts'
import { dependentViews, mentions } from './dependents.ts'
import { inOrderOfReferences, withReferring } from './references.ts'
import type { Schema, SchemaRelation } from './schema.ts'
import { parseTable, referringTo, tableBody, type TableText } from './table-text.ts'

/** How a table is to look, and where the values of its columns come from. */
export interface NewTable {
  readonly text: TableText
  /** Column → expression over the old table. A column that is not in it gets its default. */
  readonly values: ReadonlyMap<string, string>
  /** Their texts; those of the old table that are wanted again among them. */
  readonly indexes: readonly string[]
}

/** SQLite statements that make `relation` into `wanted`. */
export function rebuilt(relation: SchemaRelation, wanted: NewTable, schema: Schema): string[] {
  const together = withReferring(new Set([relation]), schema)
  const order = inOrderOfReferences(together)
  const tables = order.map((each) => (each === relation ? wanted : unchanged(each)))
  const dependents = dependentsOf(together, schema)
  const parentsFirst = order.map((each, index) => ({ each, table: tables[index] as NewTable })).toReversed()
  return [
    ...(isCircular(order) ? order.map(({ name, shownName }) => emptinessCheck(name, shownName)) : []),
    ...dependents.map(({ drop }) => drop),
    ...parentsFirst.map(({ each, table }) => createText(each, table, together)),
    ...parentsFirst.flatMap(({ each, table }) => [copyText(each, table), ...numbering(each)]),
    ...order.map(({ name }) => `DROP TABLE ${quoteName(name)}`),
    ...order.map(({ name }) => `ALTER TABLE ${quoteName(copyOf(name))} RENAME TO ${quoteName(name)}`),
    ...tables.flatMap(({ indexes }) => indexes),
    ...dependents.map(({ create }) => create).toReversed(),
  ]
}

function copyOf(name: string): string {
  return `_rebuilt_${name}`
}

function unchanged(relation: SchemaRelation): NewTable {
  return {
    text: parseTable(relation.sql, relation.shownName),
    values: ownValues(relation),
    indexes: indexTexts(relation),
  }
}

/** Each column as it is. Generated ones make their values themselves. */
export function ownValues({ columns }: SchemaRelation): Map<string, string> {
  return new Map(
    columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => [name, quoteColumn(name)] as const),
  )
}

export function indexTexts({ indexes }: SchemaRelation): string[] {
  return indexes.flatMap(({ sql }) => (sql === null ? [] : [sql]))
}

function createText(
  relation: SchemaRelation,
  { text }: NewTable,
  together: ReadonlySet<SchemaRelation>,
): string {
  const names = new Map([...together].map(({ name }) => [name.toLowerCase(), name]))
  const renamed = (clause: TableText['constraints'][number]): typeof clause => {
    const target = names.get(clause.target?.toLowerCase() ?? '')
    return target === undefined ? clause : referringTo(clause, copyOf(target))
  }
  const body = tableBody({
    ...text,
    columns: text.columns.map((column) => ({ ...column, clauses: column.clauses.map(renamed) })),
    constraints: text.constraints.map(renamed),
  })
  return `CREATE TABLE ${quoteName(copyOf(relation.name))} ${body}`
}

function copyText({ name }: SchemaRelation, { values }: NewTable): string {
  const columns = [...values.keys()].map(quoteName).join(', ')
  const sources = [...values.values()].join(', ')
  return `INSERT INTO ${quoteName(copyOf(name))} (${columns}) SELECT ${sources} FROM ${quoteName(name)}`
}

/** `order` is meant to have those that refer to others before these. */
function isCircular(order: readonly SchemaRelation[]): boolean {
  const places = new Map(order.map(({ name }, index) => [name.toLowerCase(), index]))
  return order.some(({ foreignKeys }, index) =>
    foreignKeys.some(({ table }) => (places.get(table.toLowerCase()) ?? index) < index),
  )
}

function emptinessCheck(name: string, shownName: string): string {
  const message = `this ALTER TABLE with "${shownName}", which has rows and is part of a circle of foreign keys, is not supported by HarmonyDB`
  return `SELECT pg_require(NOT EXISTS (SELECT 1 FROM ${quoteName(name)}), ${quoteText(message)})`
}

/** AUTOINCREMENT goes on where it was, even if the last rows were deleted. */
function numbering({ name, sql }: SchemaRelation): string[] {
  if (!/\bautoincrement\b/i.test(sql)) return []
  return [
    `UPDATE sqlite_sequence SET seq = (SELECT o.seq FROM sqlite_sequence o WHERE o.name = ${quoteText(name)}) ` +
      `WHERE name = ${quoteText(copyOf(name))} AND EXISTS (SELECT 1 FROM sqlite_sequence o WHERE o.name = ${quoteText(name)})`,
  ]
}

interface Dependent {
  readonly drop: string
  readonly create: string
}

/** RENAME checks all views and triggers, and would find those on the dropped tables broken. */
function dependentsOf(relations: ReadonlySet<SchemaRelation>, schema: Schema): Dependent[] {
  const views = dependentViews(relations, schema)
  const touched = [...relations, ...views]
  const triggers = [...schema.all()].flatMap((each) =>
    each.triggers.filter((sql) => relations.has(each) || touched.some(({ name }) => mentions(sql, name))),
  )
  return [
    ...triggers.map((sql) => ({ drop: `DROP TRIGGER ${triggerName(sql)}`, create: sql })),
    ...[...views]
      .toReversed()
      .map(({ name, sql }) => ({ drop: `DROP VIEW ${quoteName(name)}`, create: sql })),
  ]
}

/** The first name behind TRIGGER, as it is written there. */
function triggerName(sql: string): string {
  const match =
    /^\s*create\s+(?:temp\s+|temporary\s+)?trigger\s+(?:if\s+not\s+exists\s+)?(?:main\s*\.\s*)?("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[^\s"`[]+)/i.exec(
      sql,
    )
  return match?.[1] ?? ''
}
