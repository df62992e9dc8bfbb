/**
 * DROP of tables, views, indexes and sequences. SQLite drops a table whatever views use it, and deletes its rows first, on which foreign keys
 * of other tables act. So what PostgreSQL refuses is refused here, and tables that refer to each other go in the order of their references.
 */

import type { DropStmt, Node } from 'libpg-query'
import { notSupported } from '../error.ts'
import { only, open, quoteColumn, quoteName, quoteText, strings } from './ast.ts'
import { definition, nothing, objectName, type Definition } from './definition.ts'
import { dependentViews } from './dependents.ts'
import { inOrderOfReferences } from './references.ts'
import type { Schema, SchemaForeignKey, SchemaRelation } from './schema.ts'
import type { Translation, Translator } from './translation.ts'

type Word = 'TABLE' | 'VIEW' | 'INDEX'

const DROPPED: Readonly<Record<string, Word>> = {
  OBJECT_TABLE: 'TABLE',
  OBJECT_VIEW: 'VIEW',
  OBJECT_INDEX: 'INDEX',
  OBJECT_SEQUENCE: 'TABLE',
}

export function drop(body: DropStmt, { context }: Translator): Definition {
  only('DropStmt', body, 'objects', 'removeType', 'behavior', 'missing_ok', 'concurrent')
  const word = DROPPED[body.removeType ?? '']
  if (word === undefined) throw notSupported(`DROP ${objectName(body.removeType)}`)
  const names = (body.objects ?? []).map(nameOf)
  const isMissingOk = body.missing_ok === true
  if (word === 'INDEX') {
    return definition(
      ...names.map(({ name }) => {
        const index = temporaryIndex(name, context.schema) ?? name
        return `DROP INDEX ${isMissingOk ? 'IF EXISTS ' : ''}${quoteName(index)}`
      }),
    )
  }
  const found = names.map((name) => relationNamed(name, word, isMissingOk, context))
  const relations = new Set(found.filter((each) => typeof each !== 'string'))
  const notices = found.filter((each) => typeof each === 'string')
  if (relations.size === 0) return nothing(notices[0] ?? '')
  const isCascading = body.behavior === 'DROP_CASCADE'
  return { sql: dropAll(relations, isCascading, context), notices }
}

/** Null where no temporary table of the session has such an index. */
function temporaryIndex(name: string, schema: Schema): string | null {
  const own = [...schema.all()].filter(({ temporary }) => temporary !== null)
  return own.flatMap(({ indexes }) => indexes).find((index) => index.name === name)?.sqliteName ?? null
}

interface QualifiedName {
  readonly space: '' | 'public' | 'pg_temp'
  readonly name: string
}

function nameOf(node: Node): QualifiedName {
  const names = strings(open(node).body['items'] as readonly Node[])
  const space = names.length > 1 ? names.at(-2) : ''
  if (space !== '' && space !== 'public' && space !== 'pg_temp')
    throw notSupported(`the schema "${space}" (there is only "public")`)
  return { space, name: names.at(-1) ?? '' }
}

/** A text is the notice for one that is missing. */
function relationNamed(
  { space, name }: QualifiedName,
  word: Word,
  isMissingOk: boolean,
  context: Translation,
): SchemaRelation | string {
  const kind = word.toLowerCase()
  const relation = space === '' ? context.schema.find(name) : context.schema.findIn(space, name)
  if (relation?.kind === kind) return relation
  if (relation !== null) throw context.error('42809', `"${name}" is not a ${kind}`)
  if (isMissingOk) return `${kind} "${name}" does not exist, skipping`
  throw context.error('42P01', `${kind} "${name}" does not exist`)
}

function dropAll(
  relations: ReadonlySet<SchemaRelation>,
  isCascading: boolean,
  context: Translation,
): string[] {
  const { schema } = context
  const views = dependentViews(relations, schema)
  const references = [...relations].flatMap((relation) => referencesTo(relation, relations, schema))
  if (!isCascading && (views.size > 0 || references.length > 0)) {
    const [first] = [...relations].filter((each) => dependsAny(each, relations, schema))
    const name = first?.shownName ?? ''
    throw context.error('2BP01', `cannot drop ${first?.kind} ${name} because other objects depend on it`)
  }
  return [
    ...references.map(({ from, key }) => unusedCheck(from, key)),
    ...[...views].map((view) => `DROP VIEW ${quoteName(view.name)}`),
    ...inOrderOfReferences(relations).map(
      ({ kind, name }) => `DROP ${kind.toUpperCase()} ${quoteName(name)}`,
    ),
  ]
}

function dependsAny(relation: SchemaRelation, dropped: ReadonlySet<SchemaRelation>, schema: Schema): boolean {
  return (
    referencesTo(relation, dropped, schema).length > 0 || dependentViews(new Set([relation]), schema).size > 0
  )
}

interface Reference {
  readonly from: SchemaRelation
  readonly key: SchemaForeignKey
}

/** Foreign keys of tables that stay. */
function referencesTo(
  { name }: SchemaRelation,
  dropped: ReadonlySet<SchemaRelation>,
  schema: Schema,
): Reference[] {
  return [...schema.all()]
    .filter((from) => !dropped.has(from))
    .flatMap((from) =>
      from.foreignKeys
        .filter(({ table }) => table.toLowerCase() === name.toLowerCase())
        .map((key) => ({ from, key })),
    )
}

/**
 * CASCADE drops the foreign key in PostgreSQL and keeps the rows. SQLite keeps the key, which then refuses rows that use it, and would delete or change
 * those that do.
 */
function unusedCheck(from: SchemaRelation, key: SchemaForeignKey): string {
  const message = `DROP TABLE … CASCADE while rows of "${from.shownName}" refer to "${key.table}" is not supported by HarmonyDB`
  const uses = key.columns.map((column) => `${quoteColumn(column)} IS NOT NULL`).join(' AND ')
  return `SELECT pg_require(NOT EXISTS (SELECT 1 FROM ${quoteName(from.name)} WHERE ${uses}), ${quoteText(message)})`
}
