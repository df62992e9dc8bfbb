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
import { isFloat, isInteger, isNumber } from './casts.ts'
import { jsonValue } from './json-value.ts'
import { resolved, resolvedText } from './literals.ts'
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

/** Of numbers, one or two: numeric where all of them are exact (PostgreSQL documentation, "Aggregate Functions for Statistics"). */
const STATISTICS: Readonly<Record<string, { readonly sql: string; readonly isFloat: boolean }>> = {
  stddev: { sql: 'pg_stddev_samp', isFloat: false },
  stddev_samp: { sql: 'pg_stddev_samp', isFloat: false },
  stddev_pop: { sql: 'pg_stddev_pop', isFloat: false },
  variance: { sql: 'pg_var_samp', isFloat: false },
  var_samp: { sql: 'pg_var_samp', isFloat: false },
  var_pop: { sql: 'pg_var_pop', isFloat: false },
  corr: { sql: 'pg_corr', isFloat: true },
  covar_pop: { sql: 'pg_covar_pop', isFloat: true },
  covar_samp: { sql: 'pg_covar_samp', isFloat: true },
  regr_slope: { sql: 'pg_regr_slope', isFloat: true },
  regr_intercept: { sql: 'pg_regr_intercept', isFloat: true },
  regr_r2: { sql: 'pg_regr_r2', isFloat: true },
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
  'any_value',
  'percentile_cont',
  'percentile_disc',
  'mode',
  ...Object.keys(STATISTICS),
  'bit_and',
  'bit_or',
  'bit_xor',
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
  if (type === INTERVAL && ['sum', 'avg', 'min', 'max'].includes(name))
    return call(`pg_interval_${name}`, [value(first).sql], INTERVAL)
  checkArgument(name, type, context)
  const statistic = STATISTICS[name]
  if (statistic !== undefined) return statisticCall(statistic, args)
  switch (name) {
    case 'count':
      return call('count', [first?.sql ?? '*'], INT8_TYPE)
    case 'any_value':
      return { ...call('min', [value(first).sql], type), type: value(first).type ?? plain(type) }
    case 'bit_and':
    case 'bit_or':
    case 'bit_xor':
      return call(`pg_${name}`, [value(first).sql], type)
    case 'percentile_cont':
    case 'percentile_disc':
    case 'mode':
      throw context.error('42809', `WITHIN GROUP is required for ordered-set aggregate ${name}`)
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
    name === 'sum' || name === 'avg' || name in STATISTICS
      ? isNumber(type)
      : name.startsWith('bit_')
        ? isInteger(type)
        : name === 'min' || name === 'max'
          ? type !== INTERVAL &&
            type !== JSON_TYPE &&
            type !== JSONB &&
            type !== BOOL &&
            type.elementOid === 0
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

function statisticCall(
  { sql, isFloat: isAlwaysFloat }: { sql: string; isFloat: boolean },
  args: readonly Typed[],
): AggregateCall {
  const values = args.map((argument) => value(argument))
  const isExact = !isAlwaysFloat && values.every(({ type }) => type !== null && !isFloat(type.type))
  return call(
    sql,
    values.map((each) => each.sql),
    isExact ? NUMERIC : FLOAT8,
  )
}

/** percentile_cont, percentile_disc and mode. */
export function orderedSet(
  name: string,
  args: readonly Typed[],
  ordered: Typed,
  isDescending: boolean,
  context: Translation,
): AggregateCall {
  const type = ordered.type ?? plain(TEXT)
  if (name === 'mode') return { ...call('pg_mode', [ordered.sql], type.type), type }
  const fraction = args[0] === undefined ? '' : resolved(args[0], plain(FLOAT8)).sql
  const isArray = (args[0]?.type?.type.elementOid ?? 0) !== 0
  if (name !== 'percentile_cont' && name !== 'percentile_disc') throw notSupported(`WITHIN GROUP for ${name}`)
  if (fraction === '' || isArray) throw notSupported(`${name} of several fractions`)
  if (name === 'percentile_disc') {
    if (isDescending) throw notSupported('percentile_disc in descending order')
    return { ...call('pg_percentile_disc', [ordered.sql, fraction], type.type), type }
  }
  if (!isNumber(type.type))
    throw context.error('42883', `function percentile_cont(${type.type.sqlName}) does not exist`)
  return call('pg_percentile_cont', [ordered.sql, isDescending ? `1 - (${fraction})` : fraction], FLOAT8)
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
