/** ALTER … RENAME. Tables and columns SQLite renames itself; views and indexes are made again under the new name. */

import type { RangeVar, RenameStmt } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { findConstraint, renameConstraint } from './alter-constraint.ts'
import { alterText, columnNamed } from './alteration.ts'
import { only, quoteName } from './ast.ts'
import { dependentViews } from './dependents.ts'
import { definition, nothing, objectName, type Definition } from './definition.ts'
import { relationOf } from './from.ts'
import type { Schema, SchemaIndex, SchemaRelation } from './schema.ts'
import type { Translator } from './translation.ts'

export function rename(body: RenameStmt, translator: Translator): Definition {
  only(
    'RenameStmt',
    body,
    'renameType',
    'relationType',
    'relation',
    'subname',
    'newname',
    'behavior',
    'missing_ok',
  )
  const newName = body.newname ?? ''
  if (body.renameType === 'OBJECT_INDEX') return renameIndex(body, newName, translator)
  const relation = must(body.relation)
  if (body.missing_ok === true && translator.context.schema.find(relation.relname ?? '') === null) {
    return nothing(`relation "${relation.relname}" does not exist, skipping`)
  }
  return renamed(body, relationOf(relation, translator), newName, translator.context.schema)
}

function renamed(body: RenameStmt, relation: SchemaRelation, newName: string, schema: Schema): Definition {
  const oldName = body.subname ?? ''
  switch (String(body.renameType)) {
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_SEQUENCE':
      refuseTaken(newName, relation, schema)
      return relation.kind === 'view' ? renameView(relation, newName, schema) : renameTable(relation, newName)
    case 'OBJECT_COLUMN':
      return renameColumn(relation, oldName, newName)
    case 'OBJECT_TABCONSTRAINT':
      return renameTableConstraint(relation, oldName, newName, schema)
    default:
      throw notSupported(`ALTER ${objectName(body.renameType)} … RENAME`)
  }
}

function refuseTaken(newName: string, { temporary }: SchemaRelation, schema: Schema): void {
  const taken = schema.findIn(temporary === null ? 'public' : 'pg_temp', newName)
  if (taken !== null) throw new PgError('42P07', `relation "${newName}" already exists`)
}

function nameBeside(newName: string, { temporary }: SchemaRelation): string {
  return quoteName(`${temporary?.prefix ?? ''}${newName}`)
}

function renameTable(relation: SchemaRelation, newName: string): Definition {
  return definition(`${alterText(relation)} RENAME TO ${nameBeside(newName, relation)}`)
}

function renameView(relation: SchemaRelation, newName: string, schema: Schema): Definition {
  if (dependentViews(new Set([relation]), schema).size > 0)
    throw notSupported('ALTER VIEW … RENAME of a view that others stand on')
  const name = nameBeside(newName, relation)
  const text = relation.sql.replace(
    /^(\s*create\s+view\s+)("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[\w$]+)/i,
    (_all, create) => `${create}${name}`,
  )
  return definition(`DROP VIEW ${quoteName(relation.name)}`, text)
}

function renameColumn(relation: SchemaRelation, oldName: string, newName: string): Definition {
  const { name } = columnNamed(relation, oldName)
  if (relation.columns.some((column) => column.name.toLowerCase() === newName.toLowerCase())) {
    const message = `column "${newName}" of relation "${relation.shownName}" already exists`
    throw new PgError('42701', message)
  }
  return definition(`${alterText(relation)} RENAME COLUMN ${quoteName(name)} TO ${quoteName(newName)}`)
}

function renameTableConstraint(
  relation: SchemaRelation,
  oldName: string,
  newName: string,
  schema: Schema,
): Definition {
  const index = relation.indexes.find(
    (each) => each.name === oldName && each.isConstraint && each.sql !== null,
  )
  if (index !== undefined) return indexAnew(index, newName, relation)
  const found = findConstraint(oldName, relation)
  if (found !== null) return definition(...renameConstraint(found, newName, relation, schema))
  throw new PgError('42704', `constraint "${oldName}" for table "${relation.shownName}" does not exist`)
}

function renameIndex(body: RenameStmt, newName: string, { context }: Translator): Definition {
  const oldName = (must(body.relation) as RangeVar).relname ?? ''
  for (const relation of context.schema.all()) {
    const index = relation.indexes.find(({ name }) => name === oldName)
    if (index?.sql === null) throw notSupported('ALTER INDEX … RENAME of the index of a constraint')
    if (index !== undefined) return indexAnew(index, newName, relation)
  }
  if (body.missing_ok === true) return nothing(`relation "${oldName}" does not exist, skipping`)
  throw context.error('42P01', `relation "${oldName}" does not exist`)
}

function indexAnew({ sqliteName, sql }: SchemaIndex, newName: string, relation: SchemaRelation): Definition {
  const name = nameBeside(newName, relation)
  const text = must(sql).replace(
    /^(\s*create\s+(?:unique\s+)?index\s+)("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[\w$]+)/i,
    (_all, create) => `${create}${name}`,
  )
  return definition(`DROP INDEX ${quoteName(sqliteName)}`, text)
}
