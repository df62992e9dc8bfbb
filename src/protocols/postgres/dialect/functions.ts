/** Function calls: scalar rules, aggregates, windows, and the functions that need more than a rule. */

import type { FuncCall, Node } from 'libpg-query'
import { notSupported } from '../error.ts'
import {
  BOOL,
  DATE,
  FLOAT8,
  INT4_TYPE,
  INT8_TYPE,
  INTERVAL,
  JSON_TYPE,
  JSONB,
  NAME,
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  type PgType,
} from '../types/registry.ts'
import { aggregate, isAggregate, orderedSet, type AggregateCall } from './aggregates.ts'
import { arrayFunction } from './array-functions.ts'
import { only, open, quoteText, stringConstant, strings } from './ast.ts'
import { catalogFunction } from './catalog-functions.ts'
import { cast, isFloat, isInteger, isNumber, isText, unified } from './casts.ts'
import { FUNCTION_RULES, WINDOW_FUNCTIONS, type ArgumentRule, type FunctionRule } from './function-rules.ts'
import { jsonValue } from './json-value.ts'
import { resolved, resolvedText } from './literals.ts'
import { textOf } from './operators.ts'
import type { Scope } from './scope.ts'
import { nextvalInside } from './sequences.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'
import { TO_JSON, wholeRow } from './whole-row.ts'
import { orderClause, sortBy, windowClause } from './windows.ts'

const CALL_FIELDS = [
  'funcname',
  'args',
  'agg_order',
  'agg_filter',
  'over',
  'agg_star',
  'agg_distinct',
  'agg_within_group',
  'func_variadic',
  'funcformat',
]

export function functionCall(body: FuncCall, scope: Scope, translator: Translator): Typed {
  only('FuncCall', body, ...CALL_FIELDS.filter((field) => field !== 'func_variadic'))
  const name = functionName(body)
  if (name !== 'make_interval' && (body.args ?? []).some((node) => open(node).kind === 'NamedArgExpr'))
    throw notSupported(`an argument by its name in ${name}`)
  const args = (body.args ?? []).map(
    (node) =>
      (TO_JSON.has(name) ? wholeRow(node, scope, translator) : null) ?? translator.expression(node, scope),
  )
  if (isAggregate(name)) return aggregateCall(name, args, body, scope, translator)
  if (name in WINDOW_FUNCTIONS) return windowCall(name, args, body, scope, translator)
  refuseAggregateParts(name, body)
  return scalar(name, args, body, scope, translator)
}

function functionName(body: FuncCall): string {
  const names = strings(body.funcname)
  const last = names.at(-1) ?? ''
  const schema = names.length > 1 ? names[0] : undefined
  if (schema !== undefined && !['pg_catalog', 'public', 'information_schema'].includes(schema)) {
    throw notSupported(`the function ${names.join('.')}`)
  }
  return last.toLowerCase()
}

function refuseAggregateParts(name: string, body: FuncCall): void {
  const isPlain = body.over === undefined && body.agg_filter === undefined && body.agg_order === undefined
  if (!isPlain || body.agg_star === true || body.agg_distinct === true) {
    throw notSupported(`the aggregate or window function ${name}`)
  }
}

function aggregateCall(
  name: string,
  args: readonly Typed[],
  body: FuncCall,
  scope: Scope,
  translator: Translator,
): Typed {
  if (body.agg_within_group === true) return orderedSetCall(name, args, body, scope, translator)
  const call = aggregate(name, body.agg_star === true ? [] : args, translator.context)
  if (body.over !== undefined && call.name.startsWith('pg_'))
    throw notSupported(`${name} as a window function`)
  return finishedCall(call, body, scope, translator)
}

/** percentile_cont(0.5) WITHIN GROUP (ORDER BY x): the fraction is an argument beside what is ordered. */
function orderedSetCall(
  name: string,
  args: readonly Typed[],
  body: FuncCall,
  scope: Scope,
  translator: Translator,
): Typed {
  const [order, ...more] = (body.agg_order ?? []).map(sortBy)
  if (order === undefined || more.length > 0 || body.over !== undefined)
    throw notSupported(`this form of ${name}`)
  const isDescending = order.sortby_dir === 'SORTBY_DESC'
  const value = settled(translator.expression(order.node as Node, scope))
  const call = orderedSet(name, args, value, isDescending, translator.context)
  const { agg_order: _order, ...rest } = body
  return finishedCall(call, rest, scope, translator)
}

function windowCall(
  name: string,
  args: readonly Typed[],
  body: FuncCall,
  scope: Scope,
  translator: Translator,
): Typed {
  if (body.over === undefined) {
    throw translator.context.error('42P20', `window function ${name} requires an OVER clause`, body.location)
  }
  const first = args[0] === undefined ? undefined : settled(args[0])
  const type = WINDOW_FUNCTIONS[name] ?? first?.type?.type ?? TEXT
  const values = args.map((argument) => resolved(argument, first?.type ?? plain(TEXT)).sql)
  const call: AggregateCall = { name, arguments: values, type: plain(type), around: (sql) => sql }
  return finishedCall(call, body, scope, translator)
}

/** DISTINCT, ORDER BY, FILTER and OVER are written alike in both dialects. */
function finishedCall(call: AggregateCall, body: FuncCall, scope: Scope, translator: Translator): Typed {
  const distinct = body.agg_distinct === true ? 'DISTINCT ' : ''
  if (distinct !== '' && call.arguments.length > 1)
    throw notSupported(`${call.name} of DISTINCT values with a separator`)
  const order = body.agg_order === undefined ? '' : ` ${orderClause(body.agg_order, scope, translator)}`
  const filter =
    body.agg_filter === undefined
      ? ''
      : ` FILTER (WHERE ${resolved(translator.expression(body.agg_filter, scope), plain(BOOL)).sql})`
  const over = body.over === undefined ? '' : ` OVER ${windowClause(body.over, scope, translator)}`
  const sql = `${call.name}(${distinct}${call.arguments.join(', ')}${order})${filter}${over}`
  return atom(call.around(sql), call.type)
}

function settled(typed: Typed): Typed {
  return typed.type === null ? resolvedText(typed) : typed
}

function scalar(
  name: string,
  args: readonly Typed[],
  body: FuncCall,
  scope: Scope,
  translator: Translator,
): Typed {
  const { context } = translator
  const special = SPECIAL[name]
  if (special !== undefined) return special({ name, args, nodes: body.args ?? [], scope, translator })
  const rule = FUNCTION_RULES[name]?.find(({ arguments: wanted }) => wanted.length === args.length)
  if (rule !== undefined) return byRule(rule, args, translator)
  const array = arrayFunction(name, args, context)
  if (array !== null) return array
  const catalog = catalogFunction(name, args, body.args ?? [], context)
  if (catalog !== null) return catalog
  throw context.error(
    '42883',
    `function ${name}(${args.map(typeName).join(', ')}) does not exist`,
    body.location,
  )
}

function typeName(typed: Typed): string {
  return typed.type?.type.sqlName ?? 'unknown'
}

function byRule(rule: FunctionRule, args: readonly Typed[], translator: Translator): Typed {
  const values = args.map((argument, index) =>
    argumentFor(rule.arguments[index] ?? 'any', argument, translator),
  )
  const sql = rule.sql.replaceAll(
    /\$(\d)/g,
    (_all, number: string) => values[Number(number) - 1]?.sql ?? 'NULL',
  )
  return atom(sql, rule.result ?? plain(values[0]?.type?.type ?? TEXT))
}

function argumentFor(rule: ArgumentRule, typed: Typed, translator: Translator): Typed {
  if (rule === 'any') return settled(typed)
  if (rule === 'text') return textOf(typed, translator.context)
  if (rule === 'number') return resolved(typed, plain(FLOAT8))
  if (rule === 'decimal') return decimal(resolved(typed, plain(FLOAT8)))
  const value = resolved(typed, plain(rule))
  const from = value.type?.type
  if (from === rule || from === undefined || (isNumber(from) && isNumber(rule))) return value
  return cast(value, plain(rule), translator.context)
}

function decimal(value: Typed): Typed {
  return value.type !== null && isInteger(value.type.type) ? { ...value, type: plain(FLOAT8) } : value
}

/** As the type prints itself, which for booleans is not what a cast gives. */
function outputText(typed: Typed, { context }: Translator): string {
  if (typed.type?.type !== BOOL) return textOf(typed, context).sql
  return `CASE ${operand(typed)} WHEN TRUE THEN 't' WHEN FALSE THEN 'f' END`
}

interface SpecialCall {
  readonly name: string
  readonly args: readonly Typed[]
  readonly nodes: readonly Node[]
  readonly scope: Scope
  readonly translator: Translator
}

type Special = (call: SpecialCall) => Typed

const now =
  (as: 'timestamptz' | 'timestamp' | 'date' | 'time', type: PgType): Special =>
  ({ translator }) =>
    atom(translator.context.sessionValue({ kind: 'now', as }), type)

const sessionText =
  (kind: 'user' | 'database'): Special =>
  ({ translator }) =>
    atom(translator.context.sessionValue({ kind }), NAME)

const buildObject =
  (type: PgType): Special =>
  ({ args, translator }) => {
    if (args.length % 2 === 1) {
      throw translator.context.error('22023', 'argument list must have even number of elements')
    }
    const parts = args.map((argument, index) =>
      index % 2 === 0 ? textOf(argument, translator.context).sql : jsonValue(argument, translator.context),
    )
    return atom(`json_object(${parts.join(', ')})`, type)
  }

const buildArray =
  (type: PgType): Special =>
  ({ args, translator }) =>
    atom(`json_array(${args.map((argument) => jsonValue(argument, translator.context)).join(', ')})`, type)

const toJson =
  (type: PgType): Special =>
  ({ args, translator }) => {
    const value = jsonValue(args[0] ?? atom('NULL', TEXT), translator.context)
    return atom(value.startsWith('json(') ? value : `json_quote(${value})`, type)
  }

const SPECIAL: Readonly<Record<string, Special>> = {
  // lateral.ts puts it there.
  ' lateral limit': ({ args }) =>
    atom(`pg_lateral_limit(${resolved(args[0] as Typed, plain(INT8_TYPE)).sql})`, INT8_TYPE),
  pg_typeof: ({ args }) => atom(quoteText(args[0]?.type?.type.sqlName ?? 'unknown'), TEXT),
  nextval: ({ nodes, translator }) => {
    if (!translator.context.isOneRow)
      throw notSupported('nextval anywhere but alone in SELECT or in an INSERT of one row')
    return nextvalInside(nodes, translator.context)
  },
  now: now('timestamptz', TIMESTAMPTZ),
  transaction_timestamp: now('timestamptz', TIMESTAMPTZ),
  statement_timestamp: now('timestamptz', TIMESTAMPTZ),
  clock_timestamp: now('timestamptz', TIMESTAMPTZ),
  current_user: sessionText('user'),
  session_user: sessionText('user'),
  user: sessionText('user'),
  current_database: sessionText('database'),
  current_catalog: sessionText('database'),
  current_schema: () => atom("'public'", NAME),
  pg_backend_pid: ({ translator }) => atom(translator.context.sessionValue({ kind: 'processId' }), INT4_TYPE),
  current_setting: currentSetting,
  concat: ({ args, translator }) =>
    atom(`concat(${args.map((argument) => outputText(argument, translator)).join(', ')})`, TEXT),
  concat_ws: ({ args, translator }) =>
    atom(`concat_ws(${args.map((argument) => outputText(argument, translator)).join(', ')})`, TEXT),
  format: ({ args, translator }) =>
    atom(`pg_format(${args.map((argument) => outputText(argument, translator)).join(', ')})`, TEXT),
  round: rounded,
  mod: modulo,
  div: ({ args }) => atom(`trunc(${args[0]?.sql} / pg_nonzero(${args[1]?.sql}))`, NUMERIC),
  extract,
  date_part: (call) => ({ ...extract(call), type: plain(FLOAT8) }),
  date_trunc: dateTrunc,
  timezone: ({ args, translator }) => atTimeZone(args, translator),
  to_timestamp: ({ args, translator }) => {
    if (args.length === 2) return timestampByFormat(args, translator)
    return atom(`pg_epoch_to_timestamptz(${resolved(args[0] as Typed, plain(FLOAT8)).sql})`, TIMESTAMPTZ)
  },
  substring: (call) => {
    const [text, second] = call.args
    const isPattern =
      call.args.length === 2 && second !== undefined && (second.type === null || isText(second.type.type))
    if (!isPattern || text === undefined) return ruled(call)
    return atom(
      `pg_regexp_extract(${textOf(text, call.translator.context).sql}, ${resolvedText(second).sql})`,
      TEXT,
    )
  },
  jsonb_extract_path: jsonPath(JSONB, false),
  json_extract_path: jsonPath(JSON_TYPE, false),
  jsonb_extract_path_text: jsonPath(JSONB, true),
  json_extract_path_text: jsonPath(JSON_TYPE, true),
  num_nulls: countOf('IS NULL'),
  num_nonnulls: countOf('IS NOT NULL'),
  make_interval: makeInterval,
  overlaps,
  like_escape: ({ args, translator }) => {
    throw translator.context.notSupported(`LIKE with ESCAPE (${args.length} arguments)`)
  },
  json_build_object: buildObject(JSON_TYPE),
  jsonb_build_object: buildObject(JSONB),
  json_build_array: buildArray(JSON_TYPE),
  jsonb_build_array: buildArray(JSONB),
  to_json: toJson(JSON_TYPE),
  to_jsonb: toJson(JSONB),
  row_to_json: toJson(JSON_TYPE),
}

/** What is read is in the session's zone. */
function timestampByFormat(args: readonly Typed[], { context }: Translator): Typed {
  context.requireUtc('to_timestamp with a format')
  const [text, format] = args.map((argument) => resolvedText(argument).sql)
  return atom(`pg_to_timestamp(${text}, ${format})`, TIMESTAMPTZ)
}

/** The keys are arguments of their own. */
function jsonPath(type: PgType, asText: boolean): Special {
  return ({ args }) => {
    const [document, ...keys] = args
    const path = `json_array(${keys.map((key) => resolvedText(key).sql).join(', ')})`
    const source = resolved(document as Typed, plain(type)).sql
    return atom(`pg_json_path(${source}, ${path}, ${asText ? 1 : 0})`, asText ? TEXT : type)
  }
}

/** As the table of rules has it. */
function ruled({ name, args, translator }: SpecialCall): Typed {
  const rule = FUNCTION_RULES[name]?.find(({ arguments: wanted }) => wanted.length === args.length)
  if (rule !== undefined) return byRule(rule, args, translator)
  throw translator.context.error('42883', `function ${name}(${args.map(typeName).join(', ')}) does not exist`)
}

/** How many of the arguments are NULL, or are not. */
function countOf(test: 'IS NULL' | 'IS NOT NULL'): Special {
  return ({ args }) =>
    compound(args.map((argument) => `(${operand(settled(argument))} ${test})`).join(' + '), INT4_TYPE)
}

/** `make_interval(days => 3, hours => 2)`: by name, or in this order. */
const INTERVAL_UNITS = ['years', 'months', 'weeks', 'days', 'hours', 'mins', 'secs']

function makeInterval({ args, nodes, translator }: SpecialCall): Typed {
  const values = new Map<string, string>()
  for (const [index, argument] of args.entries()) {
    const node = open(nodes[index] as Node)
    const name = node.kind === 'NamedArgExpr' ? String(node.body['name']) : (INTERVAL_UNITS[index] ?? '')
    if (!INTERVAL_UNITS.includes(name))
      throw translator.context.error('42883', `function make_interval has no argument ${name}`)
    values.set(name, operand(resolved(argument, plain(FLOAT8))))
  }
  const unit = (name: string): string => values.get(name) ?? '0'
  const months = `${unit('years')} * 12 + ${unit('months')}`
  const days = `${unit('weeks')} * 7 + ${unit('days')}`
  const seconds = `${unit('hours')} * 3600 + ${unit('mins')} * 60 + ${unit('secs')}`
  return atom(`pg_make_interval(${months}, ${days}, ${seconds})`, INTERVAL)
}

/** (start, end) OVERLAPS (start, end): the periods have a moment in common; one without length counts as its moment. */
function overlaps({ args, translator }: SpecialCall): Typed {
  if (args.length !== 4) throw notSupported('this form of OVERLAPS')
  const [a, b, c, d] = unified(args, translator.context).typed.map(operand)
  const [start, end] = [`min(${a}, ${b})`, `max(${a}, ${b})`]
  const [otherStart, otherEnd] = [`min(${c}, ${d})`, `max(${c}, ${d})`]
  const isMoment = `${start} = ${otherStart}`
  return atom(`(${isMoment} OR (${start} < ${otherEnd} AND ${otherStart} < ${end}))`, BOOL)
}

function currentSetting({ args, nodes, translator }: SpecialCall): Typed {
  const name = stringConstant(nodes[0])
  if (name === null) throw notSupported('current_setting of a name that is not a constant')
  const isMissingOk = args[1]?.constant === true
  return atom(translator.context.sessionValue({ kind: 'setting', name, isMissingOk }), TEXT)
}

/** numeric rounds half away from zero, as SQLite's round does; float8 half to even. */
function rounded({ args, translator }: SpecialCall): Typed {
  const [first, second] = args
  if (first === undefined || args.length > 2)
    throw translator.context.error('42883', 'function round does not exist')
  const value = resolved(first, plain(NUMERIC))
  const type = value.type?.type ?? NUMERIC
  if (second !== undefined) {
    return atom(`pg_round(${value.sql}, ${resolved(second, plain(INT4_TYPE)).sql})`, NUMERIC)
  }
  if (isInteger(type)) return { ...value, type: plain(FLOAT8) }
  return isFloat(type) ? atom(`pg_round_even(${value.sql})`, FLOAT8) : atom(`round(${value.sql})`, NUMERIC)
}

function modulo({ args }: SpecialCall): Typed {
  const [left, right] = args.map((argument) => resolved(argument, plain(NUMERIC)))
  if (left === undefined || right === undefined) throw notSupported('mod with one argument')
  const type = left.type?.type ?? NUMERIC
  const divisor = `pg_nonzero(${right.sql})`
  return isInteger(type) && isInteger(right.type?.type ?? NUMERIC)
    ? compound(`(${left.sql}) % ${divisor}`, type)
    : atom(`mod(${left.sql}, ${divisor})`, NUMERIC)
}

const EXTRACT_FIELDS: ReadonlySet<string> = new Set([
  'year',
  'month',
  'day',
  'hour',
  'minute',
  'second',
  'epoch',
  'dow',
  'isodow',
  'doy',
  'quarter',
  'week',
  'isoyear',
  'century',
  'decade',
  'millisecond',
  'milliseconds',
  'microsecond',
  'microseconds',
])

function extract({ args, nodes, translator }: SpecialCall): Typed {
  const field = stringConstant(nodes[0])?.toLowerCase() ?? null
  if (field === null || !EXTRACT_FIELDS.has(field))
    throw notSupported(`EXTRACT (${field ?? 'a computed field'})`)
  const source = resolved(args[1] as Typed, plain(TIMESTAMP))
  const type = source.type?.type
  if (type === INTERVAL) return atom(`pg_interval_part('${field}', ${source.sql})`, NUMERIC)
  if (type === TIMESTAMPTZ && field !== 'epoch') {
    translator.context.requireUtc('EXTRACT from a timestamp with time zone')
  }
  if (type !== DATE && type !== TIMESTAMP && type !== TIMESTAMPTZ && type !== TIME) {
    throw translator.context.error('42883', `function extract(${type?.sqlName}) does not exist`)
  }
  return atom(`pg_time_part('${field}', ${source.sql})`, NUMERIC)
}

function dateTrunc({ args, nodes, translator }: SpecialCall): Typed {
  const unit = stringConstant(nodes[0])
  if (unit === null || args.length !== 2) throw notSupported('date_trunc with a computed unit or a time zone')
  const source = resolved(args[1] as Typed, plain(TIMESTAMP))
  const type = source.type?.type === DATE ? TIMESTAMPTZ : (source.type?.type ?? TIMESTAMP)
  if (type === INTERVAL) throw notSupported('date_trunc of an interval')
  if (type === TIMESTAMPTZ) translator.context.requireUtc('date_trunc of a timestamp with time zone')
  const moment = cast(source, plain(type), translator.context)
  return atom(`pg_date_trunc('${unit.toLowerCase().replaceAll("'", "''")}', ${moment.sql})`, type)
}

/** Only UTC: other zones need rules that members could have in different versions. */
function atTimeZone(args: readonly Typed[], translator: Translator): Typed {
  const [zone, moment] = args
  if (zone === undefined || moment === undefined) throw notSupported('timezone() with one argument')
  if (!/^(?:utc|gmt|z|etc\/utc)$/i.test(String(zone.constant)))
    throw notSupported('AT TIME ZONE other than UTC')
  const value = resolved(moment, plain(TIMESTAMPTZ))
  if (value.type?.type === TIMESTAMPTZ) return atom(`replace(${value.sql}, '+00:00', '')`, TIMESTAMP)
  const stamp = cast(value, plain(TIMESTAMP), translator.context)
  return compound(`(${stamp.sql}) || '+00:00'`, TIMESTAMPTZ)
}

/** CASE, COALESCE, GREATEST and LEAST: one type for all branches. */
export function sameType(name: string, args: readonly Typed[], translator: Translator): Typed {
  const { typed, type } = unified(args, translator.context)
  if (typed.length === 1) return { ...(typed[0] as Typed), type }
  return atom(`${name}(${typed.map(({ sql }) => sql).join(', ')})`, type)
}
