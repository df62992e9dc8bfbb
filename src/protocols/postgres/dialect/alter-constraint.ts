/** ADD CONSTRAINT and DROP CONSTRAINT. A key that is added later is a unique index: SQLite can't put it into a table that is there. */

import type { AlterTableCmd, Constraint } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import {
  alterText,
  columnNamed,
  noRowCheck,
  nullCheck,
  type Alteration,
  type AlterationContext,
} from './alteration.ts'
import { quoteColumn, quoteName, strings } from './ast.ts'
import { checkText, foreignText } from './create-table.ts'
import { tableScope } from './definition.ts'
import { nameOf } from './new-relation.ts'
import { rebuilt } from './rebuild-table.ts'
import type { Schema, SchemaRelation } from './schema.ts'
import { TableDraft } from './table-draft.ts'
import { parseConstraint, parseTable, type Clause } from './table-text.ts'

export function addConstraint(constraint: Constraint, context: AlterationContext): Alteration {
  const { relation, translator } = context
  if (constraint.indexname !== undefined) throw notSupported('ADD CONSTRAINT … USING INDEX')
  switch (String(constraint.contype)) {
    case 'CONSTR_PRIMARY':
      return addPrimaryKey(constraint, relation)
    case 'CONSTR_UNIQUE':
      return addUnique(constraint, relation)
    case 'CONSTR_CHECK': {
      const names = constraintNames(relation)
      const table = { relation: nameOf(relation), scope: tableScope(relation), translator, names }
      const text = checkText(constraint, table)
      const { name, text: parsed } = parseConstraint(text)
      const message = `check constraint "${name}" of relation "${relation.shownName}" is violated by some row`
      return {
        checks: [noRowCheck(relation, `NOT (${checkedBy(parsed)})`, message)],
        // SQLite's own ADD CONSTRAINT takes a condition that is NULL for a broken one.
        sql: null,
        change: (draft) => draft.addConstraint(text),
      }
    }
    case 'CONSTR_FOREIGN': {
      for (const name of strings(constraint.fk_attrs)) columnNamed(relation, name)
      const list = strings(constraint.fk_attrs).map(quoteName).join(', ')
      const owner = { relation: nameOf(relation), translator }
      const text = foreignText(constraint, `FOREIGN KEY (${list}) `, owner)
      return { sql: null, change: (draft) => draft.addConstraint(text) }
    }
    default:
      throw notSupported(`ALTER TABLE … ADD ${constraint.contype ?? ''}`)
  }
}

/** The condition of a CHECK. */
function checkedBy(text: string): string {
  return text.slice(text.indexOf('CHECK (') + 'CHECK ('.length, -1)
}

function keyColumns(constraint: Constraint, relation: SchemaRelation): readonly string[] {
  return strings(constraint.keys).map((name) => {
    const column = relation.columns.find((each) => each.name.toLowerCase() === name.toLowerCase())
    if (column !== undefined) return column.name
    throw new PgError('42703', `column "${name}" named in key does not exist`)
  })
}

function uniqueIndex(name: string, columns: readonly string[], relation: SchemaRelation): string {
  const index = quoteName(`${relation.temporary?.prefix ?? ''}${name}`)
  return `CREATE UNIQUE INDEX ${index} ON ${quoteName(relation.name)} (${columns.map(quoteName).join(', ')})`
}

function addPrimaryKey(constraint: Constraint, relation: SchemaRelation): Alteration {
  if (relation.keys.some(({ isPrimary }) => isPrimary))
    throw new PgError('42P16', `multiple primary keys for table "${relation.shownName}" are not allowed`)
  const columns = keyColumns(constraint, relation)
  const missing = columns.filter((name) => !columnNamed(relation, name).isNotNull)
  const index = uniqueIndex(constraint.conname ?? `${relation.shownName}_pkey`, columns, relation)
  const notNulls = missing.map(
    (name) => `${alterText(relation)} ALTER COLUMN ${quoteName(name)} SET NOT NULL`,
  )
  return {
    checks: missing.map((name) => nullCheck(relation, name, `${quoteColumn(name)} IS NULL`)),
    sql: [...notNulls, index],
    change: (draft) => {
      for (const name of missing) draft.addClause(name, 'NOT NULL')
      draft.after.push(index)
    },
  }
}

function addUnique(constraint: Constraint, relation: SchemaRelation): Alteration {
  const columns = keyColumns(constraint, relation)
  const name = constraint.conname ?? `${relation.shownName}_${columns.join('_')}_key`
  const index = uniqueIndex(name, columns, relation)
  return { sql: [index], change: (draft) => draft.after.push(index) }
}

/** Names of CHECKs, which others must not get. */
export function constraintNames({ sql, shownName }: SchemaRelation): Set<string> {
  const { columns, constraints } = parseTable(sql, shownName)
  const all = [...constraints, ...columns.flatMap(({ clauses }) => clauses)]
  return new Set(all.flatMap(({ name }) => (name === null ? [] : [name])))
}

export function dropConstraint(command: AlterTableCmd, { relation }: AlterationContext): Alteration {
  const name = command.name ?? ''
  const index = relation.indexes.find((each) => each.name === name && each.isConstraint && each.sql !== null)
  if (index !== undefined) {
    const { sql } = index
    return {
      sql: [`DROP INDEX ${quoteName(index.sqliteName)}`],
      change: (draft) => draft.removeIndex(sql ?? ''),
    }
  }
  const found = findConstraint(name, relation)
  if (found !== null) return { sql: null, change: (draft) => removeConstraint(draft, found) }
  const message = `constraint "${name}" of relation "${relation.shownName}" does not exist`
  if (command.missing_ok !== true) throw new PgError('42704', message)
  return { sql: [], change: () => undefined, notices: [`${message}, skipping`] }
}

export interface FoundConstraint {
  readonly clause: Clause
  /** Null for one of the table. */
  readonly column: string | null
}

/** By the name that it has, or that PostgreSQL would have given it. */
export function findConstraint(name: string, relation: SchemaRelation): FoundConstraint | null {
  const text = parseTable(relation.sql, relation.shownName)
  const all: FoundConstraint[] = [
    ...text.constraints.map((clause) => ({ clause, column: null })),
    ...text.columns.flatMap((column) => column.clauses.map((clause) => ({ clause, column: column.name }))),
  ]
  return all.find((each) => shownName(each, relation) === name) ?? null
}

function shownName({ clause, column }: FoundConstraint, relation: SchemaRelation): string | null {
  if (clause.name !== null) return clause.name
  const columns = column === null ? clause.columns : [column]
  const isSame = (own: readonly string[]): boolean =>
    own.join('\0').toLowerCase() === columns.join('\0').toLowerCase()
  if (clause.kind === 'primary') return relation.indexes.find(({ isPrimary }) => isPrimary)?.name ?? null
  if (clause.kind === 'unique')
    return relation.keys.find((key) => isSame(key.columns) && !key.isPrimary)?.name ?? null
  if (clause.kind === 'foreign') return relation.foreignKeys.find((key) => isSame(key.columns))?.name ?? null
  return null
}

export function renameConstraint(
  found: FoundConstraint,
  newName: string,
  relation: SchemaRelation,
  schema: Schema,
): readonly string[] {
  const { clause, column } = found
  const bare = clause.text.replace(/^constraint\s+("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[\w$]+)\s+/i, '')
  const draft = new TableDraft(relation)
  if (column === null) draft.replaceConstraint(clause.text, `CONSTRAINT ${quoteName(newName)} ${bare}`)
  else draft.replaceClause(column, clause.text, `CONSTRAINT ${quoteName(newName)} ${bare}`)
  return rebuilt(relation, draft.finished(), schema)
}

function removeConstraint(draft: TableDraft, { clause, column }: FoundConstraint): void {
  if (clause.kind === 'primary' && /\bautoincrement\b/i.test(clause.text))
    throw notSupported('DROP CONSTRAINT of the primary key of a SERIAL column')
  if (column === null) draft.removeConstraints((each) => each.text === clause.text)
  else draft.removeClauses(must(column), clause.kind, (each) => each.text === clause.text)
}
