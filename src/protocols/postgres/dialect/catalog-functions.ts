/** Functions over PostgreSQL's catalog, with what a HarmonyDB database answers. */

import type { Node } from 'libpg-query'
import { BOOL, INT4_TYPE, INT8_TYPE, NAME, TEXT, TIMESTAMPTZ, type PgType } from '../types/registry.ts'
import { SERVER_VERSION } from '../session/settings.ts'
import { quoteText, stringConstant } from './ast.ts'
import { resolvedText } from './literals.ts'
import type { Translation } from './translation.ts'
import { atom, type Typed } from './typed.ts'

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
  pg_get_serial_sequence: ['NULL', TEXT],
  pg_postmaster_start_time: ["'2000-01-01 00:00:00+00:00'", TIMESTAMPTZ],
  pg_total_relation_size: ['0', INT8_TYPE],
  pg_relation_size: ['0', INT8_TYPE],
  pg_table_size: ['0', INT8_TYPE],
  pg_indexes_size: ['0', INT8_TYPE],
  pg_my_temp_schema: ['0', INT4_TYPE],
  inet_server_addr: ['NULL', TEXT],
  inet_server_port: ['NULL', INT4_TYPE],
  inet_client_addr: ['NULL', TEXT],
  inet_client_port: ['NULL', INT4_TYPE],
  txid_current: ['1', INT8_TYPE],
}

/** What looks something up in the catalog relations: name → SQL over them, and the relations that it needs. */
const LOOKUPS: Readonly<Record<string, readonly [sql: string, type: PgType]>> = {
  format_type: ['pg_format_type($1, $2)', TEXT],
  pg_get_indexdef: ['(SELECT sql FROM sqlite_schema WHERE rowid = $1 - 16384)', TEXT],
  pg_get_viewdef: ['(SELECT sql FROM sqlite_schema WHERE rowid = $1 - 16384)', TEXT],
}

export function catalogFunction(
  name: string,
  args: readonly Typed[],
  nodes: readonly Node[],
  context: Translation,
): Typed | null {
  if (name === 'set_config' || name === 'pg_notify' || name === 'pg_sleep') {
    throw context.notSupported(`${name}() anywhere but as the only item of SELECT`)
  }
  if (name === 'current_schemas') return atom(`'["public"]'`, TEXT)
  if (name === 'to_regclass') return regclassOf(args[0] as Typed)
  if (name === 'nextval' || name === 'currval' || name === 'setval') {
    throw context.notSupported(`${name}(${stringConstant(nodes[0]) ?? ''}) in this place`)
  }
  const found = CONSTANTS[name] ?? LOOKUPS[name]
  if (found === undefined) return null
  const [sql, type] = found
  const values = args.map((argument) => (argument.type === null ? resolvedText(argument) : argument).sql)
  return atom(
    sql.replaceAll(/\$(\d)/g, (_all, number: string) => values[Number(number) - 1] ?? 'NULL'),
    type,
  )
}

/** 'public.t'::regclass, as an OID. */
export function regclassOf(name: Typed): Typed {
  const text = resolvedText(name).sql
  return atom(
    `(SELECT 16384 + rowid FROM sqlite_schema WHERE name = replace(replace(replace(${text}, 'public.', ''), 'pg_catalog.', ''), '"', ''))`,
    INT8_TYPE,
  )
}
