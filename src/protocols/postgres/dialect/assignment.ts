/** A value on its way into a column: PostgreSQL's assignment casts, and its refusals. */

import { PgError } from '../error.ts'
import {
  elementOf,
  BOOL,
  BPCHAR,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  VARCHAR,
  type PgType,
} from '../types/registry.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { roundDecimal } from '../types/numeric-codec.ts'
import { UTC } from '../types/time-zone.ts'
import { cast, fittedNumeric, isDateTime, isInteger, isNumber, isText } from './casts.ts'
import { resolved, valueText } from './literals.ts'
import type { SchemaColumn } from './schema.ts'
import { isBound, type Translator } from './translation.ts'
import { plain, type Typed } from './typed.ts'

export function assigned(typed: Typed, column: SchemaColumn, translator: Translator): string {
  if (!isCertain(typed, column)) translator.context.computedColumns.add(column)
  const target = column.type
  if (typed.type === null) return resolved(typed, target).sql
  const from = typed.type.type
  const to = target.type
  if (
    from === to &&
    typed.numberText === undefined &&
    (target.modifier < 0 || target.modifier === typed.type.modifier)
  ) {
    return typed.sql
  }
  refuseMismatch(from, to, column)
  if (isText(to)) return assignedText(typed, column, translator)
  if (typed.numberText !== undefined && isNumber(to)) return constantFor(typed.numberText, from, target)
  if (to === NUMERIC && target.modifier >= 4) return fittedNumeric(typed.sql, target.modifier)
  if (from === to || (isInteger(from) && isInteger(to)) || isArrayOfSuch(from, to)) return typed.sql
  return cast(typed, plain(to), translator.context).sql
}

/** What is checked before the statement runs: constants, and parameters of the column's own type. Anything else may turn out not to fit. */
function isCertain(typed: Typed, column: SchemaColumn): boolean {
  if (typed.type === null || typed.numberText !== undefined || typed.constant !== undefined) return true
  if (typed.sql.startsWith('"excluded".') && typed.origin?.name === column.name) return true
  return typed.type.type === column.type.type && isBound(typed.sql)
}

/** A constant is checked against the column's range when the plan is made. */
function constantFor(digits: string, from: PgType, target: TypeWithModifier): string {
  const { codec, sqlName } = target.type
  const text = isInteger(target.type) && !isInteger(from) ? roundDecimal(digits, 0) : digits
  try {
    return valueText(codec.decodeText(text, target.modifier, { timeZone: UTC }))
  } catch (error) {
    const isRange = isInteger(target.type) && error instanceof PgError && error.sqlState === '22003'
    throw isRange ? new PgError('22003', `${sqlName} out of range`) : error
  }
}

/** A cast would cut off what does not fit; an assignment must refuse it. */
function assignedText(typed: Typed, column: SchemaColumn, translator: Translator): string {
  const { type, modifier } = column.type
  const text = cast(typed, plain(type), translator.context).sql
  if (modifier < 0 || (type !== VARCHAR && type !== BPCHAR)) return text
  return `pg_fit_text(${text}, ${modifier - 4}, '${type === VARCHAR ? 'character varying' : 'character'}')`
}

function refuseMismatch(from: PgType, to: PgType, column: SchemaColumn): void {
  const isSame =
    from === to ||
    isText(to) ||
    (isNumber(from) && isNumber(to)) ||
    (isDateTime(from) && isDateTime(to)) ||
    isJson(from, to) ||
    isArrayOfSuch(from, to) ||
    // A column that SQLite users declared without a type takes anything.
    (from === BOOL && to === BOOL)
  if (isSame) return
  throw new PgError(
    '42804',
    `column "${column.name}" is of type ${to.sqlName} but expression is of type ${from.sqlName}`,
    {
      hint: 'You will need to rewrite or cast the expression.',
      routine: 'transformAssignedExpr',
    },
  )
}

/** int2[] into int4[], varchar[] into text[]: stored alike. */
function isArrayOfSuch(from: PgType, to: PgType): boolean {
  const [source, target] = [elementOf(from), elementOf(to)]
  if (source === null || target === null) return false
  return source === target || (isNumber(source) && isNumber(target)) || (isText(source) && isText(target))
}

function isJson(from: PgType, to: PgType): boolean {
  const isJsonType = (type: PgType): boolean => type === JSON_TYPE || type === JSONB
  return isJsonType(from) && isJsonType(to)
}
