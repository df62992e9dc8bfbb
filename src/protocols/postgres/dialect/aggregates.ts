/** Aggregates: SQLite's own where they mean the same, its JSON aggregates for arrays and JSON. */

import { notSupported } from '../error.ts'
import {
  arrayOf,
  BOOL,
  FLOAT4,
  FLOAT8,
  INT2_TYPE,
  INT4_TYPE,
  INT8_TYPE,
  INTERVAL,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  TEXT,
  type PgType,
} from '../types/registry.ts'
import { isNumber } from './casts.ts'
import { jsonValue } from './json-value.ts'
import { resolvedText } from './literals.ts'
import { numericOfScale, scaleOf } from './numeric-scale.ts'
import { textOf } from './operators.ts'
import type { Translation } from './translation.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { plain, type Typed } from './typed.ts'

/** The call is `name(distinct arguments order) filter over`, and `around` is put around all of it. */
export interface AggregateCall {
  readonly name: string
  readonly arguments: readonly string[]
  readonly type: TypeWithModifier
  readonly around: (sql: string) => string
}

const AGGREGATES: ReadonlySet<string> = new Set([
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'bool_and',
  'bool_or',
  'every',
  'string_agg',
  'array_agg',
  'json_agg',
  'jsonb_agg',
  'json_object_agg',
  'jsonb_object_agg',
])

export function isAggregate(name: string): boolean {
  return AGGREGATES.has(name)
}

const asIs = (sql: string): string => sql
/** PostgreSQL's array and JSON aggregates of no rows are NULL, SQLite's are empty. */
const emptyIsNull = (sql: string): string => `nullif(${sql}, '[]')`

export function aggregate(name: string, args: readonly Typed[], context: Translation): AggregateCall {
  const first = args[0]
  const type = first?.type?.type ?? TEXT
  if (name !== 'count' && first === undefined)
    throw context.error('42883', `function ${name}() does not exist`)
  checkArgument(name, type, context)
  switch (name) {
    case 'count':
      return call('count', [first?.sql ?? '*'], INT8_TYPE)
    case 'sum':
      return { ...call('sum', [value(first).sql], sumType(type)), type: sumOf(value(first), type) }
    case 'avg':
      return call('avg', [value(first).sql], type === FLOAT4 || type === FLOAT8 ? FLOAT8 : NUMERIC)
    case 'min':
    case 'max':
      return { ...call(name, [value(first).sql], type), type: value(first).type ?? plain(type) }
    case 'bool_and':
    case 'every':
      return call('min', [value(first).sql], BOOL)
    case 'bool_or':
      return call('max', [value(first).sql], BOOL)
    case 'string_agg':
      return call(
        'string_agg',
        [textOf(value(first), context).sql, textOf(value(args[1]), context).sql],
        TEXT,
      )
    default:
      return jsonAggregate(name, args, type, context)
  }
}

/** SQLite would add up and compare whatever it gets. */
function checkArgument(name: string, type: PgType, context: Translation): void {
  const isRight =
    name === 'sum' || name === 'avg'
      ? isNumber(type)
      : name === 'min' || name === 'max'
        ? type !== INTERVAL && type !== JSON_TYPE && type !== JSONB && type !== BOOL && type.elementOid === 0
        : !/^bool_|^every$/.test(name) || type === BOOL
  if (isRight) return
  if (type === INTERVAL || type.elementOid !== 0) throw notSupported(`${name} of ${type.sqlName}`)
  throw context.error('42883', `function ${name}(${type.sqlName}) does not exist`)
}

function jsonAggregate(
  name: string,
  args: readonly Typed[],
  type: PgType,
  context: Translation,
): AggregateCall {
  const result = name.startsWith('jsonb') ? JSONB : JSON_TYPE
  if (name === 'array_agg') {
    const array = arrayOf(type)
    if (array === null) throw notSupported(`array_agg of ${type.sqlName}`)
    const element = value(args[0])
    const isJson = type === JSON_TYPE || type === JSONB
    return { ...call('json_group_array', [isJson ? element.sql : element.sql], array), around: emptyIsNull }
  }
  if (name === 'json_agg' || name === 'jsonb_agg') {
    return { ...call('json_group_array', [jsonValue(value(args[0]), context)], result), around: emptyIsNull }
  }
  const pair = [textOf(value(args[0]), context).sql, jsonValue(value(args[1]), context)]
  return { ...call('json_group_object', pair, result), around: (sql) => `nullif(${sql}, '{}')` }
}

function call(name: string, args: readonly string[], type: PgType): AggregateCall {
  return { name, arguments: args, type: plain(type), around: asIs }
}

function value(typed: Typed | undefined): Typed {
  if (typed === undefined) throw notSupported('an aggregate with too few arguments')
  return typed.type === null ? resolvedText(typed) : typed
}

function sumOf(first: Typed, type: PgType): TypeWithModifier {
  return type === NUMERIC ? numericOfScale(scaleOf(first)) : plain(sumType(type))
}

function sumType(type: PgType): PgType {
  if (type === INT2_TYPE || type === INT4_TYPE) return INT8_TYPE
  if (type === INT8_TYPE) return NUMERIC
  return type
}
