/** `x::type`, and the conversions that PostgreSQL makes by itself. */

import type { TypeName } from 'libpg-query'
import { notSupported, PgError } from '../error.ts'
import { numericModifier } from '../types/numeric-codec.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import {
  arrayOf,
  BOOL,
  BPCHAR,
  BYTEA,
  DATE,
  FLOAT4,
  FLOAT8,
  INT2_TYPE,
  INT4_TYPE,
  INT8_TYPE,
  INTERVAL,
  JSON_TYPE,
  JSONB,
  NAME,
  NUMERIC,
  OID_TYPE,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  typeByName,
  UUID,
  VARCHAR,
  type PgType,
} from '../types/registry.ts'
import { integerOf, only, strings } from './ast.ts'
import { resolved } from './literals.ts'
import type { Translation } from './translation.ts'
import { atom, compound, operand, type Typed } from './typed.ts'

const ALIASES: Readonly<Record<string, PgType>> = {
  serial: INT4_TYPE,
  serial4: INT4_TYPE,
  bigserial: INT8_TYPE,
  serial8: INT8_TYPE,
  smallserial: INT2_TYPE,
  serial2: INT2_TYPE,
  string: TEXT,
  citext: TEXT,
  cstring: TEXT,
  integer: INT4_TYPE,
}

/** The type that a TypeName node names; null for one that PostgreSQL would not know either. */
export function typeOfName(name: TypeName): TypeWithModifier | null {
  only('TypeName', name, 'names', 'typmods', 'typemod', 'arrayBounds')
  const names = strings(name.names)
  const last = names.at(-1) ?? ''
  const type = typeByName(last) ?? ALIASES[last] ?? null
  if (type === null) return null
  const modifier = modifierOf(type, name)
  if ((name.arrayBounds ?? []).length === 0) return { type, modifier }
  const array = arrayOf(type)
  if (array === null) throw notSupported(`an array of ${type.sqlName}`)
  return { type: array, modifier }
}

export function knownType(name: TypeName, context: Translation): TypeWithModifier {
  const type = typeOfName(name)
  if (type !== null) return type
  throw context.error('42704', `type "${strings(name.names).join('.')}" does not exist`, name.location)
}

function modifierOf(type: PgType, name: TypeName): number {
  const [first, second] = (name.typmods ?? []).map((node) => integerOf(node))
  if (type === BPCHAR && first === undefined) return strings(name.names).length > 1 ? 5 : -1
  if (first === undefined) return -1
  if (first === null) throw notSupported(`the modifier of type ${type.sqlName}`)
  if (type === NUMERIC) return numericModifierOf(first, second ?? 0)
  if (type === VARCHAR || type === BPCHAR) {
    if (first < 1) throw new PgError('22023', `length for type ${type.name} must be at least 1`)
    return first + 4
  }
  if (type === TIMESTAMP || type === TIMESTAMPTZ || type === TIME) return Math.min(first, 6)
  if (type === INTERVAL) throw notSupported('an interval with fields or a precision')
  return -1
}

function numericModifierOf(precision: number, scale: number): number {
  if (precision < 1 || precision > 1000) {
    throw new PgError('22023', `NUMERIC precision ${precision} must be between 1 and 1000`)
  }
  if (scale < 0 || scale > precision) throw notSupported(`numeric(${precision},${scale})`)
  return numericModifier(precision, scale)
}

const INTEGERS: ReadonlySet<PgType> = new Set([INT2_TYPE, INT4_TYPE, INT8_TYPE, OID_TYPE])
const FLOATS: ReadonlySet<PgType> = new Set([FLOAT4, FLOAT8])
const TEXTS: ReadonlySet<PgType> = new Set([TEXT, VARCHAR, BPCHAR, NAME])
const DATE_TIMES: ReadonlySet<PgType> = new Set([DATE, TIMESTAMP, TIMESTAMPTZ])

export function isInteger(type: PgType): boolean {
  return INTEGERS.has(type)
}

export function isFloat(type: PgType): boolean {
  return FLOATS.has(type)
}

export function isNumber(type: PgType): boolean {
  return isInteger(type) || isFloat(type) || type === NUMERIC
}

export function isText(type: PgType): boolean {
  return TEXTS.has(type)
}

export function isDateTime(type: PgType): boolean {
  return DATE_TIMES.has(type)
}

/** An explicit cast. */
export function cast(typed: Typed, target: TypeWithModifier, context: Translation): Typed {
  if (typed.type === null) return castOpen(typed, target)
  const from = typed.type.type
  const to = target.type
  if (from === to) return remodified(typed, target)
  if (typed.constant === null) return atom('NULL', target)
  const sql = castText(typed, from, target, context)
  if (sql === null) throw context.error('42846', `cannot cast type ${from.sqlName} to ${to.sqlName}`)
  return sql
}

/** A literal cast to varchar(3) is cut off, where one that is stored is refused. */
function castOpen(typed: Typed, target: TypeWithModifier): Typed {
  if (!isText(target.type) || target.modifier < 0) return resolved(typed, target)
  return applyModifier(resolved(typed, { type: target.type, modifier: -1 }), target)
}

/** Same type, other modifier: varchar(3), numeric(10,2), timestamp(0). */
function remodified(typed: Typed, target: TypeWithModifier): Typed {
  if (target.modifier === -1 || target.modifier === typed.type?.modifier) return { ...typed, type: target }
  return applyModifier(typed, target)
}

/** As an explicit cast does: cuts text off and rounds numbers. */
function applyModifier(typed: Typed, target: TypeWithModifier): Typed {
  const { type, modifier } = target
  if (modifier < 0) return { ...typed, type: target }
  if (type === VARCHAR || type === BPCHAR) return atom(`substr(${typed.sql}, 1, ${modifier - 4})`, target)
  if (type === NUMERIC) return atom(fittedNumeric(typed.sql, modifier), target)
  if (isDateTime(type) || type === TIME) return atom(`pg_round_time(${typed.sql}, ${modifier})`, target)
  return { ...typed, type: target }
}

/** Rounded to the scale; an error where the precision is not enough. */
export function fittedNumeric(sql: string, modifier: number): string {
  return `pg_fit_numeric(${sql}, ${(modifier - 4) >> 16}, ${(modifier - 4) & 0xffff})`
}

function castText(typed: Typed, from: PgType, target: TypeWithModifier, context: Translation): Typed | null {
  const to = target.type
  if (isText(to)) return applyModifier(asText(typed, from, context), target)
  if (isInteger(to)) return toInteger(typed, from, target)
  if (isFloat(to)) return toFloat(typed, from, target)
  if (to === NUMERIC) return toNumeric(typed, from, target)
  if (to === BOOL) return toBoolean(typed, from, target)
  if (isDateTime(to) || to === TIME) return toDateTime(typed, from, target, context)
  if (to === JSON_TYPE || to === JSONB) return toJson(typed, from, target)
  if (isText(from)) return fromText(typed, target)
  return null
}

function asText(typed: Typed, from: PgType, context: Translation): Typed {
  const sql = typed.sql
  if (isText(from) || from === JSON_TYPE || from === UUID || from === INTERVAL || from === DATE) {
    return { ...typed, type: { type: TEXT, modifier: -1 } }
  }
  if (from === BOOL)
    return compound(`CASE ${operand(typed)} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END`, TEXT)
  if (isInteger(from)) return atom(`CAST(${sql} AS TEXT)`, TEXT)
  if (isFloat(from) || from === NUMERIC) return atom(`pg_number_text(${sql})`, TEXT)
  if (from === BYTEA) return compound(`'\\x' || lower(hex(${sql}))`, TEXT)
  if (from === TIMESTAMP || from === TIME) return { ...typed, type: { type: TEXT, modifier: -1 } }
  if (from === TIMESTAMPTZ) {
    context.requireUtc('a cast of timestamp with time zone to text')
    return atom(`replace(${sql}, '+00:00', '+00')`, TEXT)
  }
  if (from === JSONB) return atom(`pg_jsonb_text(${sql})`, TEXT)
  if (from.name.startsWith('reg')) return { ...typed, type: { type: TEXT, modifier: -1 } }
  if (from.elementOid !== 0) return atom(`pg_array_text(${sql})`, TEXT)
  return { ...typed, type: { type: TEXT, modifier: -1 } }
}

function toInteger(typed: Typed, from: PgType, target: TypeWithModifier): Typed | null {
  if (isInteger(from))
    return isNarrower(target.type, from) ? inRange(typed, target) : { ...typed, type: target }
  if (from === BOOL) return { ...typed, type: target }
  // PostgreSQL rounds floats half to even, numerics half away from zero.
  if (from === NUMERIC) return inRange(atom(`CAST(round(${typed.sql}) AS INTEGER)`, target), target)
  if (isFloat(from)) return inRange(atom(`pg_float_to_integer(${typed.sql})`, target), target)
  return isText(from) ? fromText(typed, target) : null
}

function isNarrower(to: PgType, from: PgType): boolean {
  return (to === INT2_TYPE && from !== INT2_TYPE) || (to === INT4_TYPE && from === INT8_TYPE)
}

const RANGE_BITS: ReadonlyMap<PgType, number> = new Map([
  [INT2_TYPE, 15],
  [INT4_TYPE, 31],
])

/** 22003 for a value that the type does not hold; a constant that it holds needs no check. */
function inRange(typed: Typed, target: TypeWithModifier): Typed {
  const bits = RANGE_BITS.get(target.type)
  const { constant } = typed
  const isKnown = typeof constant === 'number' && Math.abs(constant) < 2 ** (bits ?? 0)
  if (bits === undefined || isKnown) return { ...typed, type: target }
  return atom(`pg_from_text(${typed.sql}, '${target.type.name}')`, target)
}

function toFloat(typed: Typed, from: PgType, target: TypeWithModifier): Typed | null {
  if (isNumber(from)) return atom(`CAST(${typed.sql} AS REAL)`, target)
  return isText(from) ? fromText(typed, target) : null
}

function toNumeric(typed: Typed, from: PgType, target: TypeWithModifier): Typed | null {
  if (isNumber(from)) return applyModifier(typed, target)
  return isText(from) ? fromText(typed, target) : null
}

function toBoolean(typed: Typed, from: PgType, target: TypeWithModifier): Typed | null {
  if (isInteger(from)) return compound(`${operand(typed)} <> 0`, target)
  return isText(from) ? fromText(typed, target) : null
}

function toDateTime(
  typed: Typed,
  from: PgType,
  target: TypeWithModifier,
  context: Translation,
): Typed | null {
  if (isText(from)) return fromText(typed, target)
  if (!isDateTime(from)) return null
  const to = target.type
  const needsZone = (from === TIMESTAMPTZ) !== (to === TIMESTAMPTZ)
  if (needsZone) context.requireUtc(`a conversion of ${from.sqlName} to ${to.sqlName}`)
  return compound(dateTimeText(operand(typed), from, to), target)
}

function dateTimeText(sql: string, from: PgType, to: PgType): string {
  if (to === DATE) return `substr(${sql}, 1, 10)`
  if (to === TIME) return `replace(substr(${sql}, 12), '+00:00', '')`
  if (from === DATE) return `${sql} || ' 00:00:00${to === TIMESTAMPTZ ? '+00:00' : ''}'`
  return to === TIMESTAMPTZ ? `${sql} || '+00:00'` : `replace(${sql}, '+00:00', '')`
}

function toJson(typed: Typed, from: PgType, target: TypeWithModifier): Typed | null {
  if (from === JSON_TYPE || from === JSONB) return { ...typed, type: target }
  return isText(from) ? atom(`json(${typed.sql})`, target) : null
}

/** Text that is not known before it runs: checked then, by the same rules as a literal. */
function fromText(typed: Typed, target: TypeWithModifier): Typed {
  return applyModifier(atom(`pg_from_text(${typed.sql}, '${target.type.name}')`, target), target)
}

/** What PostgreSQL converts by itself when both sides differ: dates to timestamps, integers to numerics. */
export function promoted(typed: Typed, target: PgType, context: Translation): Typed {
  const from = typed.type?.type
  if (from === undefined || from === target || !isDateTime(from) || !isDateTime(target)) return typed
  return cast(typed, { type: target, modifier: -1 }, context)
}

const DATE_TIME_ORDER: readonly PgType[] = [DATE, TIMESTAMP, TIMESTAMPTZ]

/** Both operands of a comparison, or all branches of a CASE, with one type. */
export function unified(
  all: readonly Typed[],
  context: Translation,
): { typed: Typed[]; type: TypeWithModifier } {
  const known = all.flatMap(({ type }) => (type === null ? [] : [type]))
  const type = commonType(known)
  const typed = all.map((each) =>
    promoted(resolved(each, { type: type.type, modifier: -1 }), type.type, context),
  )
  return { typed, type }
}

export function commonType(known: readonly TypeWithModifier[]): TypeWithModifier {
  const [first] = known
  if (first === undefined) return { type: TEXT, modifier: -1 }
  const types = known.map(({ type }) => type)
  if (types.every((type) => type === first.type)) {
    return known.every(({ modifier }) => modifier === first.modifier)
      ? first
      : { type: first.type, modifier: -1 }
  }
  if (types.every(isNumber)) return { type: widest(types), modifier: -1 }
  const latest = DATE_TIME_ORDER.findLast((type) => types.includes(type))
  if (latest !== undefined && types.every(isDateTime)) return { type: latest, modifier: -1 }
  if (types.every(isText)) return { type: TEXT, modifier: -1 }
  return first
}

const NUMBER_ORDER: readonly PgType[] = [INT2_TYPE, INT4_TYPE, OID_TYPE, INT8_TYPE, NUMERIC, FLOAT4, FLOAT8]

/** The type that arithmetic on these gives. */
export function widest(types: readonly PgType[]): PgType {
  return types.reduce((left, right) =>
    NUMBER_ORDER.indexOf(left) >= NUMBER_ORDER.indexOf(right) ? left : right,
  )
}
