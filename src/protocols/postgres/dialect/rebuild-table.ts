/**
 * What SQLite's ALTER TABLE can't do, done by making the table anew: a new one under another name, its rows copied, the old one dropped, the new one renamed, indexes,
 * triggers and views put back (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"). All in one transaction.
 *
 * DROP TABLE deletes the rows first, and foreign keys of other tables would act on that (foreign keys can't be switched off inside a transaction).
 * So a table that others refer to may be made anew only while it is empty, which a first step checks.
 */

import { notSupported } from '../error.ts'
import { quoteName, quoteText } from './ast.ts'
import type { Schema, SchemaRelation } from './schema.ts'

/** The table with one more constraint, as SQLite statements. */
export function withConstraint(relation: SchemaRelation, constraint: string, schema: Schema): string[] {
  const body = tableBody(relation)
  const at = body.lastIndexOf(')')
  return rebuilt(relation, `${body.slice(0, at).trimEnd()}, ${constraint}${body.slice(at)}`, schema)
}

/** From the opening parenthesis on. */
function tableBody({ name, sql }: SchemaRelation): string {
  if (name.includes('(')) throw notSupported(`this ALTER TABLE of "${name}"`)
  return sql.slice(sql.indexOf('('))
}

function rebuilt(relation: SchemaRelation, body: string, schema: Schema): string[] {
  const { name } = relation
  const temporary = `_rebuilt_${name}`
  const columns = relation.columns
    .filter(({ isGenerated }) => !isGenerated)
    .map((column) => quoteName(column.name))
    .join(', ')
  const dependents = relation.triggers
  const views = viewsOf(name, schema)
  return [
    ...(isReferenced(relation, schema) ? [emptinessCheck(name)] : []),
    ...views.map((view) => `DROP VIEW ${quoteName(view.name)}`),
    `CREATE TABLE ${quoteName(temporary)} ${body}`,
    `INSERT INTO ${quoteName(temporary)} (${columns}) SELECT ${columns} FROM ${quoteName(name)}`,
    ...numbering(relation, temporary),
    `DROP TABLE ${quoteName(name)}`,
    `ALTER TABLE ${quoteName(temporary)} RENAME TO ${quoteName(name)}`,
    ...relation.indexes.flatMap(({ sql }) => (sql === null ? [] : [sql])),
    ...dependents,
    ...views.map(({ sql }) => sql),
  ]
}

/** References of a table to itself are copied along. */
function isReferenced(relation: SchemaRelation, schema: Schema): boolean {
  const wanted = relation.name.toLowerCase()
  return [...schema.all()].some(({ foreignKeys }) =>
    foreignKeys.some(({ table }) => table.toLowerCase() === wanted),
  )
}

function emptinessCheck(name: string): string {
  const message = `this ALTER TABLE of "${name}", which other tables refer to and which has rows, is not supported by HarmonyDB`
  return `SELECT pg_require(NOT EXISTS (SELECT 1 FROM ${quoteName(name)}), ${quoteText(message)})`
}

/** AUTOINCREMENT goes on where it was, even if the last rows were deleted. */
function numbering({ name, sql }: SchemaRelation, temporary: string): string[] {
  if (!/\bautoincrement\b/i.test(sql)) return []
  return [
    `UPDATE sqlite_sequence SET seq = (SELECT o.seq FROM sqlite_sequence o WHERE o.name = ${quoteText(name)}) ` +
      `WHERE name = ${quoteText(temporary)} AND EXISTS (SELECT 1 FROM sqlite_sequence o WHERE o.name = ${quoteText(name)})`,
  ]
}

/** RENAME checks all views, and would find those on the dropped table broken. */
export function viewsOf(name: string, schema: Schema): SchemaRelation[] {
  const word = new RegExp(
    `(?<![\\w$])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}(?![\\w$])`,
    'i',
  )
  return [...schema.all()].filter(({ kind, sql }) => kind === 'view' && word.test(sql))
}
