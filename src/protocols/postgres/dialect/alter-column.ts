/** ALTER COLUMN: TYPE, SET DEFAULT, DROP DEFAULT. SQLite has none of them, so the table is made anew. */

import type { ColumnDef, Node } from 'libpg-query'
import { notSupported, PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { INT2_TYPE, INT4_TYPE, INT8_TYPE } from '../types/registry.ts'
import { NO_CHANGE, viewUsing, type Alteration, type AlterationContext } from './alteration.ts'
import { only, quoteColumn, quoteName } from './ast.ts'
import { assigned } from './assignment.ts'
import { cast, isInteger, isText } from './casts.ts'
import { columnTypeOf, declaredType } from './create-table.ts'
import { storageDefault } from './defaults.ts'
import { INT2_RANGE, INT4_RANGE } from './schema-loader.ts'
import type { SchemaColumn } from './schema.ts'
import { tableScope } from './definition.ts'
import type { TableDraft } from './table-draft.ts'
import { atom, type Typed } from './typed.ts'

export function setDefault(
  column: SchemaColumn,
  value: Node,
  { relation, translator }: AlterationContext,
): Alteration {
  if (column.isGenerated)
    throw new PgError(
      '42601',
      `column "${column.name}" of relation "${relation.shownName}" is a generated column`,
    )
  if (column.name === relation.rowidColumn) throw notSupported('SET DEFAULT of a SERIAL column')
  const text = `DEFAULT ${storageDefault(value, column, translator)}`
  return {
    sql: null,
    change: (draft) => {
      draft.removeClauses(column.name, 'default')
      draft.addClause(column.name, text)
    },
  }
}

export function dropDefault(column: SchemaColumn, { relation }: AlterationContext): Alteration {
  if (!column.hasDefault) return NO_CHANGE
  if (column.name === relation.rowidColumn) throw notSupported('DROP DEFAULT of a SERIAL column')
  return { sql: null, change: (draft) => draft.removeClauses(column.name, 'default') }
}

export function setType(column: SchemaColumn, body: ColumnDef, context: AlterationContext): Alteration {
  only('ColumnDef', body, 'typeName', 'raw_default', 'collClause')
  const { relation, translator } = context
  if (column.isGenerated) throw notSupported('ALTER COLUMN … TYPE of a generated column')
  if (viewUsing(relation, column.name, translator.context.schema) !== null)
    throw new PgError('0A000', 'cannot alter type of a column used by a view or rule')
  const type = columnTypeOf(body, translator)
  if (column.name === relation.rowidColumn) return setRowidType(column, type)
  refuseDefault(column, type)
  const old = atom(quoteColumn(column.name), column.type)
  const value =
    body.raw_default === undefined
      ? converted(old, column, type, context)
      : assigned(
          translator.expression(body.raw_default, tableScope(relation, false)),
          { ...column, type },
          translator,
        )
  return {
    sql: null,
    change: (draft) => {
      draft.setType(column.name, declaredType(type))
      draft.setValue(column.name, value)
    },
  }
}

/** Without USING: what an assignment would make of it; else 42804, in PostgreSQL's words. */
function converted(
  old: Typed,
  column: SchemaColumn,
  type: TypeWithModifier,
  { translator }: AlterationContext,
): string {
  try {
    const value = assigned(old, { ...column, type }, translator)
    // Which does not look at the range of integers.
    return isText(type.type) ? value : cast(old, type, translator.context).sql
  } catch (error) {
    if (!(error instanceof PgError) || error.sqlState !== '42804') throw error
    const message = `column "${column.name}" cannot be cast automatically to type ${type.type.sqlName}`
    throw new PgError('42804', message, {
      hint: `You might need to specify "USING ${column.name}::${type.type.sqlName}".`,
    })
  }
}

/** A default is a value of the column's type, too. What PostgreSQL would not cast by itself, and what we can't, goes. */
function refuseDefault({ name, defaultText, type: old }: SchemaColumn, { type }: TypeWithModifier): void {
  if (defaultText === null || old.type === type || isText(type) || old.type.category === type.category) return
  throw new PgError(
    '42804',
    `default for column "${name}" cannot be cast automatically to type ${type.sqlName}`,
    {
      hint: 'DROP DEFAULT before, SET DEFAULT after it.',
    },
  )
}

/** SQLite's rowid must be declared INTEGER; what tells its type is the range that it may have (create-table.ts). */
function setRowidType({ name }: SchemaColumn, { type }: TypeWithModifier): Alteration {
  if (!isInteger(type)) throw notSupported(`ALTER COLUMN … TYPE ${type.sqlName} of a SERIAL column`)
  const range = type === INT4_TYPE ? INT4_RANGE : type === INT2_TYPE ? INT2_RANGE : null
  if (range === null && type !== INT8_TYPE) throw notSupported(`a SERIAL column of type ${type.sqlName}`)
  const isRange = ({ text }: { readonly text: string }): boolean =>
    text.includes(INT4_RANGE) || text.includes(INT2_RANGE)
  const change = (draft: TableDraft): void => {
    draft.removeClauses(name, 'check', isRange)
    if (range !== null) draft.addClause(name, `CHECK (${quoteName(name)} ${range})`)
  }
  return { sql: null, change }
}
