/** Operators: arithmetic, comparison, concatenation, JSON, arrays. */

import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import {
  BOOL,
  DATE,
  FLOAT8,
  INT4_TYPE,
  INTERVAL,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  typeByName,
  type PgType,
  OID_TYPE,
} from '../types/registry.ts'
import { cast, isDateTime, isInteger, isNumber, isText, unified, widest } from './casts.ts'
import { resolved, resolvedText } from './literals.ts'
import { arithmeticType } from './numeric-scale.ts'
import { like, regex, type PatternOperator } from './patterns.ts'
import { sortKey } from './sort-key.ts'
import type { Translation } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'

const TEXT_ARRAY = must(typeByName('_text'))

const COMPARISONS: Readonly<Record<string, string>> = {
  '=': '=',
  '==': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}

export function isComparison(operator: string): boolean {
  return operator in COMPARISONS
}

export function binary(operator: string, left: Typed, right: Typed, context: Translation): Typed {
  if (isComparison(operator)) return comparison(operator, left, right, context)
  switch (operator) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
      return arithmetic(operator, left, right, context)
    case '&':
    case '|':
    case '#':
    case '<<':
    case '>>':
      return bits(operator, left, right)
    case '||':
      return concatenation(left, right, context)
    case '~~':
    case '!~~':
    case '~~*':
    case '!~~*':
      return like(operator satisfies PatternOperator, left, right, null)
    case '~':
    case '~*':
    case '!~':
    case '!~*':
      return regex(operator, left, right)
    case '->':
    case '->>':
    case '#>':
    case '#>>':
    case '?':
      return json(operator, left, right)
    case '?|':
    case '?&':
    case '#-':
      return jsonByKeys(operator, left, right)
    case '@>':
    case '<@':
      return operator === '@>' ? containment(left, right) : containment(right, left)
    case '&&':
      return overlap(left, right)
    case '^@': {
      const [a, b] = [left, right].map((each) => operand(resolvedText(each)))
      return atom(`(substr(${a}, 1, length(${b})) = ${b})`, BOOL)
    }
    default:
      throw notSupported(`the operator ${operator}`)
  }
}

export function unary(operator: string, right: Typed): Typed {
  const type = right.type ?? plain(FLOAT8)
  const value = resolved(right, type)
  switch (operator) {
    case '+':
      return compound(`+${operand(value)}`, plain(type.type))
    case '-':
      if (type.type === INTERVAL) return atom(`pg_interval_multiply(${value.sql}, -1)`, INTERVAL)
      return negated(value)
    case '~':
      return compound(`~${operand(value)}`, type)
    case '@':
      return atom(`abs(${value.sql})`, plain(type.type))
    case '|/':
      return atom(`sqrt(${value.sql})`, FLOAT8)
    default:
      throw notSupported(`the operator ${operator}`)
  }
}

/** -9223372036854775808 is one constant for PostgreSQL's users, and two tokens for every parser. */
function negated(value: Typed): Typed {
  const type = plain((value.type ?? plain(FLOAT8)).type)
  const digits = value.numberText === undefined ? {} : { numberText: `-${value.numberText}` }
  const constant = typeof value.constant === 'number' ? { constant: -value.constant } : {}
  return { ...compound(`-${operand(value)}`, type), ...constant, ...digits }
}

export function comparison(operator: string, left: Typed, right: Typed, context: Translation): Typed {
  refuseMixed(operator, left, right)
  const { typed, type } = unified([left, right], context)
  if (type.type === JSON_TYPE) throw context.error('42883', `operator does not exist: json ${operator} json`)
  const [a, b] = typed.map(sortKey) as [Typed, Typed]
  return compound(`${operand(a)} ${COMPARISONS[operator]} ${operand(b)}`, BOOL)
}

/** SQLite compares a number with a text, and finds them different. */
function refuseMixed(operator: string, left: Typed, right: Typed): void {
  const [a, b] = [left.type?.type, right.type?.type]
  if (a === undefined || b === undefined) return
  const isMixed =
    (isText(a) && isPlainNumber(b)) ||
    (isPlainNumber(a) && isText(b)) ||
    (a === BOOL && (isText(b) || isPlainNumber(b))) ||
    (b === BOOL && (isText(a) || isPlainNumber(a)))
  if (!isMixed) return
  const message = `operator does not exist: ${a.sqlName} ${operator} ${b.sqlName}`
  const hint =
    'No operator matches the given name and argument types. You might need to add explicit type casts.'
  throw new PgError('42883', message, { hint })
}

/** Catalogs compare OIDs with names. */
function isPlainNumber(type: PgType): boolean {
  return isNumber(type) && type !== OID_TYPE
}

/** Of arrays or of jsonb; what is left open is of the type of the other side. */
function containment(whole: Typed, part: Typed): Typed {
  const type = whole.type ?? part.type ?? plain(JSONB)
  const name = type.type.elementOid === 0 ? 'pg_json_contains' : 'pg_array_contains'
  if (type.type !== JSONB && type.type.elementOid === 0)
    throw notSupported(`the operator @> on ${type.type.sqlName}`)
  return atom(`${name}(${resolved(whole, type).sql}, ${resolved(part, type).sql})`, BOOL)
}

function overlap(left: Typed, right: Typed): Typed {
  const type = left.type ?? right.type
  if (type === null || type.type.elementOid === 0)
    throw notSupported(`the operator && on ${type?.type.sqlName ?? 'unknown'}`)
  return atom(`pg_array_overlaps(${resolved(left, type).sql}, ${resolved(right, type).sql})`, BOOL)
}

/** `?|`, `?&` and `#-` take an array of texts. */
function jsonByKeys(operator: string, left: Typed, right: Typed): Typed {
  const document = resolved(left, plain(JSONB)).sql
  const keys = resolved(right, plain(TEXT_ARRAY)).sql
  if (operator === '#-') return atom(`pg_json_without_path(${document}, ${keys})`, JSONB)
  return atom(`pg_json_has_keys(${document}, ${keys}, ${operator === '?&' ? 1 : 0})`, BOOL)
}

/** `jsonb - 'key'`, `jsonb - 1`, `jsonb - '{a,b}'::text[]`. */
function jsonWithout(left: Typed, right: Typed): Typed {
  const key = right.type === null ? resolvedText(right) : right
  const name =
    key.type !== null && key.type.type.elementOid !== 0 ? 'pg_json_without_keys' : 'pg_json_without'
  return atom(`${name}(${left.sql}, ${key.sql})`, JSONB)
}

function arithmetic(operator: string, left: Typed, right: Typed, context: Translation): Typed {
  const leftType = left.type?.type
  const rightType = right.type?.type
  if (operator === '-' && leftType === JSONB) return jsonWithout(left, right)
  if (isTemporal(leftType) || isTemporal(rightType)) return dateArithmetic(operator, left, right, context)
  const types = [leftType ?? rightType ?? FLOAT8, rightType ?? leftType ?? FLOAT8]
  const type = widest(types)
  if (!types.every(isNumber))
    throw context.error(
      '42883',
      `operator does not exist: ${leftType?.sqlName} ${operator} ${rightType?.sqlName}`,
    )
  const a = resolved(left, plain(type))
  const b = resolved(right, plain(type))
  switch (operator) {
    case '/':
      return division(a, b, type)
    case '%':
      return modulo(a, b, type)
    case '^':
      return atom(`pow(${a.sql}, ${b.sql})`, type === NUMERIC ? NUMERIC : FLOAT8)
    default:
      return compound(
        `${operand(a)} ${operator} ${operand(b)}`,
        type === NUMERIC ? arithmeticType(operator, a, b) : plain(type),
      )
  }
}

function isTemporal(type: PgType | undefined): boolean {
  return type !== undefined && (isDateTime(type) || type === TIME || type === INTERVAL)
}

/** SQLite gives NULL for a division by zero, PostgreSQL an error; `pg_nonzero` gives that error. */
function division(left: Typed, right: Typed, type: PgType): Typed {
  const dividend = isInteger(type) ? operand(left) : `CAST(${left.sql} AS REAL)`
  return compound(`${dividend} / ${nonZero(right)}`, type)
}

function modulo(left: Typed, right: Typed, type: PgType): Typed {
  if (isInteger(type)) return compound(`${operand(left)} % ${nonZero(right)}`, type)
  return atom(
    `mod(${left.sql}, ${nonZero(right)})`,
    type === NUMERIC ? arithmeticType('%', left, right) : plain(type),
  )
}

export function nonZero(divisor: Typed): string {
  if (typeof divisor.constant === 'number' && divisor.constant !== 0) return operand(divisor)
  return `pg_nonzero(${divisor.sql})`
}

function dateArithmetic(operator: string, left: Typed, right: Typed, context: Translation): Typed {
  const a = left.type?.type
  const b = right.type?.type
  if (operator === '-' && a === DATE && (b === DATE || b === undefined)) {
    return compound(`${days(resolved(left, plain(DATE)))} - ${days(resolved(right, plain(DATE)))}`, INT4_TYPE)
  }
  if (a === DATE && b !== undefined && isInteger(b)) {
    return atom(
      `date(${left.sql}, ${operator === '-' ? `-${operand(right)}` : operand(right)} || ' days')`,
      DATE,
    )
  }
  if (operator === '+' && b === DATE && a !== undefined && isInteger(a)) {
    return atom(`date(${right.sql}, ${operand(left)} || ' days')`, DATE)
  }
  if (operator === '+' && a === INTERVAL && b !== INTERVAL && isTemporal(b))
    return shifted(right, '+', left, context)
  if ((operator === '+' || operator === '-') && isTemporal(a) && (b === INTERVAL || b === undefined)) {
    if (a === INTERVAL)
      return atom(
        `pg_interval_add(${left.sql}, '${operator}', ${resolved(right, plain(INTERVAL)).sql})`,
        INTERVAL,
      )
    return shifted(left, operator, resolved(right, plain(INTERVAL)), context)
  }
  if (operator === '-' && a !== undefined && a === b && isDateTime(a)) {
    return atom(`pg_timestamp_difference(${left.sql}, ${right.sql})`, INTERVAL)
  }
  if (operator === '-' && a !== undefined && b !== undefined && isDateTime(a) && isDateTime(b)) {
    const { typed } = unified([left, right], context)
    return atom(`pg_timestamp_difference(${typed[0]?.sql}, ${typed[1]?.sql})`, INTERVAL)
  }
  if (operator === '*' && a === INTERVAL)
    return atom(`pg_interval_multiply(${left.sql}, ${right.sql})`, INTERVAL)
  if (operator === '/' && a === INTERVAL)
    return atom(
      `pg_interval_multiply(${left.sql}, 1.0 / ${nonZero(resolved(right, plain(FLOAT8)))})`,
      INTERVAL,
    )
  if (operator === '*' && b === INTERVAL)
    return atom(`pg_interval_multiply(${right.sql}, ${left.sql})`, INTERVAL)
  throw notSupported(
    `the operator ${operator} between ${a?.sqlName ?? 'unknown'} and ${b?.sqlName ?? 'unknown'}`,
  )
}

function days(date: Typed): string {
  return `CAST(julianday(${date.sql}) + 0.5 AS INTEGER)`
}

/** date ± interval is a timestamp; a day is 24 hours in UTC, the only zone in which stored times are shifted. */
function shifted(moment: Typed, sign: '+' | '-', interval: Typed, context: Translation): Typed {
  const type = moment.type?.type
  const start = type === DATE ? cast(moment, plain(TIMESTAMP), context) : moment
  if (start.type?.type.name === 'timestamptz') context.requireUtc('arithmetic on timestamp with time zone')
  return atom(
    `pg_time_shift(${start.sql}, '${sign}', ${interval.sql})`,
    plain((start.type ?? plain(TIMESTAMP)).type),
  )
}

function bits(operator: string, left: Typed, right: Typed): Typed {
  const type = plain(widest([left.type?.type ?? INT4_TYPE, right.type?.type ?? INT4_TYPE]))
  if (!isInteger(type.type)) throw notSupported(`the operator ${operator} on ${type.type.sqlName}`)
  const a = operand(resolved(left, type))
  const b = operand(resolved(right, type))
  if (operator === '#') return compound(`(${a} | ${b}) - (${a} & ${b})`, type)
  return compound(`${a} ${operator} ${b}`, type)
}

function concatenation(left: Typed, right: Typed, context: Translation): Typed {
  for (const { type } of [left, right]) {
    if (type?.type === JSONB) return jsonConcatenation(left, right)
    if (type !== null && type !== undefined && type.type.elementOid !== 0)
      return arrayConcatenation(left, right)
  }
  if (left.type?.type.name === 'bytea' || right.type?.type.name === 'bytea') {
    const type = (left.type ?? right.type) as NonNullable<Typed['type']>
    const parts = [left, right].map((each) => operand(resolved(each, type)))
    return atom(`CAST(${parts.join(' || ')} AS BLOB)`, type)
  }
  const parts = [left, right].map((each) => operand(textOf(each, context)))
  return compound(parts.join(' || '), TEXT)
}

function jsonConcatenation(left: Typed, right: Typed): Typed {
  const [a, b] = [left, right].map((each) => resolved(each, plain(JSONB)))
  return atom(`pg_json_concat(${a?.sql}, ${b?.sql})`, JSONB)
}

/** As text where PostgreSQL converts by itself: in `||`, concat() and the like. */
export function textOf(typed: Typed, context: Translation): Typed {
  if (typed.type === null) return resolvedText(typed)
  return isText(typed.type.type) ? typed : cast(typed, plain(TEXT), context)
}

function arrayConcatenation(left: Typed, right: Typed): Typed {
  const array = [left, right].find(({ type }) => type !== null && type.type.elementOid !== 0)?.type
  if (array === null || array === undefined) throw notSupported('the operator ||')
  const isArray = (typed: Typed): boolean => typed.type === null || typed.type.type.elementOid !== 0
  const a = resolved(left, array)
  const b = resolved(right, array)
  if (!isArray(left)) return atom(`pg_array_prepend(${a.sql}, ${b.sql})`, array)
  if (!isArray(right)) return atom(`pg_array_append(${a.sql}, ${b.sql})`, array)
  return atom(`pg_array_concat(${a.sql}, ${b.sql})`, array)
}

/** SQLite's -> and ->> take the same labels and, for a number, the same element; negative ones count from the end in both. */
function json(operator: string, left: Typed, right: Typed): Typed {
  const type = left.type?.type === JSON_TYPE ? JSON_TYPE : JSONB
  const document = resolved(left, plain(type))
  if (operator === '?') {
    const key = resolvedText(right)
    return atom(`pg_json_has(${document.sql}, ${key.sql})`, BOOL)
  }
  if (operator === '#>' || operator === '#>>') {
    const path = resolved(right, { type: TEXT_ARRAY, modifier: -1 })
    return atom(
      `pg_json_path(${document.sql}, ${path.sql}, ${operator === '#>>' ? 1 : 0})`,
      operator === '#>>' ? TEXT : type,
    )
  }
  const result = operator === '->' ? type : TEXT
  if (right.type !== null && isInteger(right.type.type)) {
    const index =
      operator === '->>'
        ? `pg_json_text(${document.sql}, ${right.sql})`
        : `${operand(document)} -> ${operand(right)}`
    return operator === '->>' ? atom(index, result) : compound(index, result)
  }
  const key = resolvedText(right)
  if (operator === '->>') return atom(`pg_json_text(${document.sql}, ${key.sql})`, TEXT)
  // SQLite would take a key that starts with $ for a path.
  return atom(`pg_json_get(${document.sql}, ${key.sql})`, result)
}
