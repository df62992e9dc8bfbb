/** Functions over PostgreSQL's catalog, with what a HarmonyDB database answers. */

import type { Node } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { catalogRelation } from '../catalog/relations.ts'
import {
  BOOL,
  INT4_TYPE,
  INT8_TYPE,
  NAME,
  OID_TYPE,
  TEXT,
  TIMESTAMPTZ,
  typeByName,
  VOID,
  type PgType,
} from '../types/registry.ts'
import { SERVER_VERSION } from '../session/settings.ts'
import { quoteText, stringConstant } from './ast.ts'
import { PgError } from '../error.ts'
import { resolved, resolvedText } from './literals.ts'
import type { CallName } from './plan.ts'
import type { Translation } from './translation.ts'
import { atom, plain, type Typed } from './typed.ts'
import { CALLS } from './utility-statements.ts'

const NAME_ARRAY = must(typeByName('_name'))
const VERSION = `PostgreSQL ${SERVER_VERSION} (HarmonyDB on SQLite)`

/** Same for every argument: name → [SQL, type]. `$1` is the first argument. */
const CONSTANTS: Readonly<Record<string, readonly [sql: string, type: PgType]>> = {
  version: [quoteText(VERSION), TEXT],
  pg_is_in_recovery: ['FALSE', BOOL],
  pg_table_is_visible: ['TRUE', BOOL],
  pg_type_is_visible: ['TRUE', BOOL],
  pg_function_is_visible: ['TRUE', BOOL],
  pg_opclass_is_visible: ['TRUE', BOOL],
  pg_encoding_to_char: ["'UTF8'", NAME],
  pg_get_userbyid: ["'harmonydb'", NAME],
  has_table_privilege: ['TRUE', BOOL],
  has_schema_privilege: ['TRUE', BOOL],
  has_database_privilege: ['TRUE', BOOL],
  has_column_privilege: ['TRUE', BOOL],
  has_any_column_privilege: ['TRUE', BOOL],
  has_sequence_privilege: ['TRUE', BOOL],
  has_function_privilege: ['TRUE', BOOL],
  obj_description: ['NULL', TEXT],
  col_description: ['NULL', TEXT],
  shobj_description: ['NULL', TEXT],
  pg_get_expr: ['$1', TEXT],
  pg_get_statisticsobjdef_columns: ['NULL', TEXT],
  pg_relation_is_publishable: ['FALSE', BOOL],
  pg_get_partkeydef: ['NULL', TEXT],
  pg_tablespace_location: ["''", TEXT],
  pg_get_function_result: ['NULL', TEXT],
  pg_get_function_arguments: ['NULL', TEXT],
  pg_get_function_identity_arguments: ['NULL', TEXT],
  pg_get_triggerdef: ['NULL', TEXT],
  pg_get_ruledef: ['NULL', TEXT],
  pg_postmaster_start_time: ["'2000-01-01 00:00:00+00:00'", TIMESTAMPTZ],
  pg_total_relation_size: ['NULL', INT8_TYPE],
  pg_relation_size: ['NULL', INT8_TYPE],
  pg_table_size: ['NULL', INT8_TYPE],
  pg_indexes_size: ['NULL', INT8_TYPE],
  pg_size_pretty: ["($1 || ' bytes')", TEXT],
  pg_database_size: ['NULL', INT8_TYPE],
  getdatabaseencoding: ["'UTF8'", NAME],
  pg_char_to_encoding: ['6', INT4_TYPE],
  pg_my_temp_schema: ['0', INT4_TYPE],
  inet_server_addr: ['NULL', TEXT],
  inet_server_port: ['NULL', INT4_TYPE],
  inet_client_addr: ['NULL', TEXT],
  inet_client_port: ['NULL', INT4_TYPE],
  txid_current: ['1', INT8_TYPE],
  // Nobody holds any: what takes one is refused. Pools of connections send this before they lend one again.
  pg_advisory_unlock_all: ["''", VOID],
}

const EFFECT_RESULTS: Readonly<Record<CallName, PgType>> = {
  pg_notify: VOID,
  pg_sleep: VOID,
  set_config: TEXT,
  pg_cancel_backend: BOOL,
  pg_terminate_backend: BOOL,
}

/** The arguments, for what happens when the rows are there. */
function effectCall(name: string, args: readonly Typed[], context: Translation): Typed | null {
  const types = CALLS.get(name)
  if (types === undefined) return null
  if (args.length > types.length) throw context.error('42883', `function ${name} does not exist`)
  const values = args.map((argument, index) => resolved(argument, plain(types[index] ?? TEXT)).sql)
  context.effectCount++
  const call = name as CallName
  return { ...atom(`json_array(${values.join(', ')})`, EFFECT_RESULTS[call]), effect: call }
}

/** What is looked up by OID in a catalog relation: its column that holds the answer. */
const LOOKUPS: Readonly<Record<string, readonly [relation: string, column: string]>> = {
  pg_get_indexdef: ['_index_definition', 'definition'],
  pg_get_viewdef: ['_view_definition', 'definition'],
  pg_get_constraintdef: ['pg_constraint', 'definition'],
}

function lookup(relation: string, column: string, oid: string, context: Translation): string {
  const catalog = must(catalogRelation('pg_catalog', relation))
  const rows = context.sessionValue({ kind: 'catalog', relation: catalog.key })
  return `(SELECT "${column}" FROM (${catalog.sql(rows)}) WHERE "oid" = ${oid})`
}

/** varchar(20), numeric(10,2): the modifier's meaning depends on the type. */
export function formatType(oid: string, modifier: string, context: Translation): string {
  const name = `(SELECT value ->> 1 FROM json_each(${context.sessionValue({ kind: 'catalog', relation: 'pg_catalog._type_name' })}) WHERE value ->> 0 = ${oid})`
  return (
    `CASE WHEN ${oid} IN (1042, 1043) AND ${modifier} >= 4 THEN ${name} || '(' || (${modifier} - 4) || ')' ` +
    `WHEN ${oid} = 1700 AND ${modifier} >= 4 THEN 'numeric(' || ((${modifier} - 4) >> 16) || ',' || ((${modifier} - 4) & 65535) || ')' ` +
    `WHEN ${oid} IS NULL THEN NULL ELSE coalesce(${name}, '???') END`
  )
}

export function catalogFunction(
  name: string,
  args: readonly Typed[],
  nodes: readonly Node[],
  context: Translation,
): Typed | null {
  const effect = effectCall(name, args, context)
  if (effect !== null) return effect
  if (name === 'current_schemas') {
    return atom(args[0]?.constant === false ? `'["public"]'` : `'["pg_catalog","public"]'`, NAME_ARRAY)
  }
  if (name === 'to_regclass') return regclassOf(args[0] as Typed, context)
  if (name === 'to_regtype') return regtypeOf(args[0] as Typed, context)
  if (name === 'currval' || name === 'setval' || name === 'lastval') {
    throw context.notSupported(`${name}(${stringConstant(nodes[0]) ?? ''}) in this place`)
  }
  const values = args.map((argument) => (argument.type === null ? resolvedText(argument) : argument).sql)
  if (name === 'format_type') return atom(formatType(values[0] ?? 'NULL', values[1] ?? '-1', context), TEXT)
  if (name === 'pg_get_serial_sequence') return atom(serialSequence(values, context), TEXT)
  const looked = LOOKUPS[name]
  if (looked !== undefined) return lookedUp(looked, values, context)
  const found = CONSTANTS[name]
  if (found === undefined) return null
  const [sql, type] = found
  return atom(
    sql.replaceAll(/\$(\d)/g, (_all, number: string) => values[Number(number) - 1] ?? 'NULL'),
    type,
  )
}

/** pg_get_indexdef(oid, column, pretty) is the column's name; without a column (or 0), the whole definition. */
function lookedUp(
  [relation, column]: readonly [string, string],
  values: readonly string[],
  context: Translation,
): Typed {
  const whole = lookup(relation, column, values[0] ?? 'NULL', context)
  if (relation !== '_index_definition' || values.length < 2) return atom(whole, TEXT)
  const attributes = must(catalogRelation('pg_catalog', 'pg_attribute'))
  const rows = context.sessionValue({ kind: 'catalog', relation: attributes.key })
  const name = `(SELECT "attname" FROM (${attributes.sql(rows)}) WHERE "attrelid" = ${values[0]} AND "attnum" = ${values[1]})`
  return atom(`CASE ${values[1]} WHEN 0 THEN ${whole} ELSE ${name} END`, TEXT)
}

function serialSequence([table = 'NULL', column = 'NULL']: readonly string[], context: Translation): string {
  const catalog = must(catalogRelation('pg_catalog', '_serial'))
  const rows = context.sessionValue({ kind: 'catalog', relation: catalog.key })
  return `(SELECT "sequencename" FROM (${catalog.sql(rows)}) WHERE "tablename" = ${bareName(table)} AND "columnname" = ${column})`
}

/** Without the schema and quotes around it. */
function bareName(text: string): string {
  return `replace(replace(replace(${text}, 'public.', ''), 'pg_catalog.', ''), '"', '')`
}

/** 'int4'::regtype, or 'integer', as an OID; NULL where nothing has that name. */
export function regtypeOf(name: Typed, context: Translation): Typed {
  const text = bareName(`lower(${resolvedText(name).sql})`)
  const types = must(catalogRelation('pg_catalog', 'pg_type'))
  const rows = context.sessionValue({ kind: 'catalog', relation: types.key })
  const byName = `(SELECT "oid" FROM (${types.sql(rows)}) WHERE "typname" = ${text})`
  const names = context.sessionValue({ kind: 'catalog', relation: 'pg_catalog._type_name' })
  const bySqlName = `(SELECT value ->> 0 FROM json_each(${names}) WHERE value ->> 1 = ${text})`
  return atom(`coalesce(${byName}, ${bySqlName})`, OID_TYPE)
}

/** A name in the text is looked up when the statement is read, as in PostgreSQL. Throws 42P01 where nothing has it. */
export function checkRegclass({ constant }: Typed, { schema }: Translation): void {
  if (typeof constant !== 'string' || /^(?:\d+|-)$/.test(constant)) return
  const name = constant.replace(/^(?:public|pg_catalog|information_schema)\./, '').replaceAll('"', '')
  const isCatalog = ['pg_catalog', 'information_schema'].some(
    (space) => catalogRelation(space, name) !== null,
  )
  // Sequences of SERIAL columns are no relations of the schema.
  if (isCatalog || name.endsWith('_seq') || schema.find(name) !== null) return
  for (const { keys, indexes } of schema.all())
    if ([...keys, ...indexes].some((each) => each.name === name)) return
  throw new PgError('42P01', `relation "${constant}" does not exist`)
}

/** 'public.t'::regclass, as an OID; NULL where nothing has that name. */
export function regclassOf(name: Typed, context: Translation): Typed {
  const text = resolvedText(name).sql
  const catalog = must(catalogRelation('pg_catalog', 'pg_class'))
  const rows = context.sessionValue({ kind: 'catalog', relation: catalog.key })
  return atom(`(SELECT "oid" FROM (${catalog.sql(rows)}) WHERE "relname" = ${bareName(text)})`, OID_TYPE)
}
