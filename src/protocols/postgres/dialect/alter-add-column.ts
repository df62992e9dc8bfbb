/** ADD COLUMN. SQLite adds columns whose value in the rows that are there is known beforehand; for others the table is made anew. */

import type { AlterTableCmd, ColumnDef, Constraint } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { constraintNames } from './alter-constraint.ts'
import { alterText, nullCheck, type Alteration, type AlterationContext } from './alteration.ts'
import { only, open, quoteName } from './ast.ts'
import { columnText, isNumbered } from './create-table.ts'
import { tableScope } from './definition.ts'
import { nameOf } from './new-relation.ts'
import { parseColumn, type Clause } from './table-text.ts'

export function addColumn(command: AlterTableCmd, { relation, translator }: AlterationContext): Alteration {
  const column = open(must(command.def)).body as ColumnDef
  const name = column.colname ?? ''
  if (relation.columns.some((each) => each.name.toLowerCase() === name.toLowerCase())) {
    const message = `column "${name}" of relation "${relation.shownName}" already exists`
    if (command.missing_ok !== true) throw new PgError('42701', message)
    return { sql: [], change: () => undefined, notices: [`${message}, skipping`] }
  }
  const constraints = (column.constraints ?? []).map((node) => open(node).body as Constraint)
  const isKey = constraints.some(({ contype }) => contype === 'CONSTR_PRIMARY')
  if (isKey && relation.keys.some(({ isPrimary }) => isPrimary))
    throw new PgError('42P16', `multiple primary keys for table "${relation.shownName}" are not allowed`)
  if (isNumbered(column) && !isKey)
    throw notSupported('ALTER TABLE … ADD a SERIAL column that is no primary key')
  const text = columnText(column, {
    relation: nameOf(relation),
    names: constraintNames(relation),
    scope: tableScope(relation),
    translator,
    primaryKey: isKey ? [name] : [],
  })
  const key = uniqueKey(column, constraints, relation)
  const isFilled = constraints.some(({ contype }) =>
    ['CONSTR_DEFAULT', 'CONSTR_GENERATED'].includes(contype ?? ''),
  )
  const isNotNull = constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL')
  const needsNoRows = !isNumbered(column) && !isFilled && (isNotNull || isKey)
  return {
    checks: needsNoRows ? [nullCheck(relation, name, 'TRUE')] : [],
    sql: isAddable(parseColumn(text).clauses)
      ? [`${alterText(relation)} ADD COLUMN ${withoutKey(text)}`, ...key]
      : null,
    change: (draft) => {
      draft.addColumn(withoutKey(text))
      draft.after.push(...key)
    },
  }
}

/** SQLite adds no UNIQUE column, but makes an index on one that is there (lang_altertable.html, "ALTER TABLE ADD COLUMN"). */
function uniqueKey(
  column: ColumnDef,
  constraints: readonly Constraint[],
  { name: table, shownName, temporary }: AlterationContext['relation'],
): readonly string[] {
  const unique = constraints.find(({ contype }) => contype === 'CONSTR_UNIQUE')
  if (unique === undefined) return []
  only('Constraint', unique, 'contype', 'conname', 'keys', 'initially_valid', 'is_enforced')
  const given = unique.conname ?? ''
  const name = given === '' ? `${shownName}_${column.colname}_key` : given
  const index = quoteName(`${temporary?.prefix ?? ''}${name}`)
  return [`CREATE UNIQUE INDEX ${index} ON ${quoteName(table)} (${quoteName(column.colname ?? '')})`]
}

function withoutKey(text: string): string {
  const { name, type, clauses } = parseColumn(text)
  const kept = clauses.filter(({ kind }) => kind !== 'unique').map((clause) => clause.text)
  return [quoteName(name), type, ...kept].join(' ')
}

function isAddable(clauses: readonly Clause[]): boolean {
  const has = (kind: Clause['kind']): boolean => clauses.some((clause) => clause.kind === kind)
  const isComputed = clauses.some(({ kind, text }) => kind === 'default' && /^default\s*\(/i.test(text))
  return !has('primary') && !has('generated') && !isComputed && !(has('foreign') && has('default'))
}
