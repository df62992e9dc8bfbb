/**
 * ALTER TABLE. Each command is known in two forms: the statements of SQLite's that do it, where there are such, and what it changes in a draft of the
 * table's text. When all commands of a statement have the first form, they are carried out so, which copies nothing. Else all of them go into one draft,
 * and the table is made anew from it (rebuild-table.ts).
 */

import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { addColumn } from './alter-add-column.ts'
import {
  alterText,
  columnNamed,
  NO_CHANGE,
  nullCheck,
  type Alteration,
  type AlterationContext,
} from './alteration.ts'
import { addConstraint, dropConstraint } from './alter-constraint.ts'
import { dropDefault, setDefault, setType } from './alter-column.ts'
import { only, open, quoteColumn, quoteName } from './ast.ts'
import { nothing, objectName, type Definition } from './definition.ts'
import { dropColumn } from './alter-drop-column.ts'
import { relationOf } from './from.ts'
import { rebuilt } from './rebuild-table.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import { TableDraft } from './table-draft.ts'
import type { Translator } from './translation.ts'

export function alterTable(body: AlterTableStmt, translator: Translator): Definition {
  only('AlterTableStmt', body, 'relation', 'cmds', 'objtype', 'missing_ok')
  if (body.objtype !== 'OBJECT_TABLE') throw notSupported(`ALTER of ${objectName(body.objtype)}`)
  const relationNode = must(body.relation)
  if (body.missing_ok === true && translator.context.schema.find(relationNode.relname ?? '') === null) {
    return nothing(`relation "${relationNode.relname}" does not exist, skipping`)
  }
  const relation = relationOf(relationNode, translator)
  if (relation.kind === 'view')
    throw new PgError('42809', `ALTER action cannot be performed on relation "${relation.shownName}"`)
  const alterations = (body.cmds ?? []).map((node) =>
    alterationOf(open(node).body as AlterTableCmd, { relation, translator }),
  )
  const notices = alterations.flatMap((alteration) => alteration.notices ?? [])
  return { sql: statementsOf(alterations, relation, translator), notices }
}

function statementsOf(
  alterations: readonly Alteration[],
  relation: SchemaRelation,
  { context }: Translator,
): readonly string[] {
  const direct = alterations.map(({ sql }) => sql)
  const checks = alterations.flatMap((alteration) => alteration.checks ?? [])
  if (!direct.includes(null)) return [...checks, ...direct.flatMap((sql) => sql ?? [])]
  const draft = new TableDraft(relation)
  for (const { change } of alterations) change(draft)
  return [...checks, ...rebuilt(relation, draft.finished(), context.schema), ...draft.after]
}

function alterationOf(command: AlterTableCmd, context: AlterationContext): Alteration {
  const { relation, translator } = context
  const name = command.name ?? ''
  switch (String(command.subtype)) {
    case 'AT_AddColumn':
      return addColumn(command, context)
    case 'AT_DropColumn':
      return dropColumn(command, context)
    case 'AT_AlterColumnType':
      return setType(columnNamed(relation, name), open(must(command.def)).body as ColumnDef, context)
    case 'AT_ColumnDefault':
      return command.def === undefined
        ? dropDefault(columnNamed(relation, name), context)
        : setDefault(columnNamed(relation, name), command.def, context)
    case 'AT_SetNotNull':
      return setNotNull(columnNamed(relation, name), context)
    case 'AT_DropNotNull':
      return dropNotNull(columnNamed(relation, name), context)
    case 'AT_AddConstraint':
      return addConstraint(open(must(command.def)).body as Constraint, context)
    case 'AT_DropConstraint':
      return dropConstraint(command, context)
    // All that there is belongs to the one user of the database; storage parameters tune PostgreSQL; constraints hold from the start.
    case 'AT_ChangeOwner':
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_SetStatistics':
    case 'AT_SetStorage':
    case 'AT_SetCompression':
    case 'AT_ReplicaIdentity':
    case 'AT_ValidateConstraint':
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_ClusterOn':
    case 'AT_DropCluster':
      return NO_CHANGE
    default:
      throw translator.context.notSupported(`ALTER TABLE … ${(command.subtype ?? '').replace('AT_', '')}`)
  }
}

function setNotNull({ name, isNotNull }: SchemaColumn, { relation }: AlterationContext): Alteration {
  if (isNotNull) return NO_CHANGE
  return {
    checks: [nullCheck(relation, name, `${quoteColumn(name)} IS NULL`)],
    sql: [`${alterText(relation)} ALTER COLUMN ${quoteName(name)} SET NOT NULL`],
    change: (draft) => draft.addClause(name, 'NOT NULL'),
  }
}

function dropNotNull({ name, isNotNull }: SchemaColumn, { relation }: AlterationContext): Alteration {
  if (relation.keys.some(({ isPrimary, columns }) => isPrimary && columns.includes(name)))
    throw new PgError('42P16', `column "${name}" is in a primary key`)
  if (!isNotNull) return NO_CHANGE
  return {
    sql: [`${alterText(relation)} ALTER COLUMN ${quoteName(name)} DROP NOT NULL`],
    change: (draft) => draft.removeClauses(name, 'not null'),
  }
}
