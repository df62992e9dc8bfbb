/** How a catalog relation is described: its columns, and its rows as a function of the schema. */

import type { ActivityRow } from '../session/activity.ts'
import type { Schema } from '../dialect/schema.ts'
import {
  BOOL,
  INT4_TYPE,
  INT8_TYPE,
  NAME,
  OID_TYPE,
  TEXT,
  typeByName,
  type PgType,
} from '../types/registry.ts'
import { must } from '../../../base/assert.ts'

/** What rows may depend on besides the schema. */
export interface CatalogFacts {
  readonly user: string
  readonly database: string
  readonly processId: number
  readonly databases: readonly string[]
  readonly settings: readonly { readonly name: string; readonly value: string }[]
  /** Connections to this member. */
  readonly activity: readonly ActivityRow[]
  /** The session's own, with the names of their parameters' types. */
  readonly prepared: readonly {
    readonly name: string
    readonly sql: string
    readonly types: readonly string[]
  }[]
}

export type CatalogCell = string | number | boolean | null | readonly (string | number)[]

export interface CatalogDefinition {
  readonly schema: 'pg_catalog' | 'information_schema'
  readonly name: string
  readonly columns: readonly (readonly [name: string, type: PgType])[]
  readonly rows: (schema: Schema, facts: CatalogFacts) => readonly (readonly CatalogCell[])[]
}

const TYPES: Readonly<Record<string, PgType>> = {
  bool: BOOL,
  int4: INT4_TYPE,
  int8: INT8_TYPE,
  name: NAME,
  oid: OID_TYPE,
  text: TEXT,
  varchar: must(typeByName('varchar')),
  char: must(typeByName('char')),
  int2: must(typeByName('int2')),
  'int2[]': must(typeByName('_int2')),
  'oid[]': must(typeByName('_oid')),
  'text[]': must(typeByName('_text')),
  'char[]': must(typeByName('_char')),
  float4: must(typeByName('float4')),
  timestamptz: must(typeByName('timestamptz')),
  regproc: must(typeByName('regproc')),
}

/** Columns as a text: `oid oid, relname name`. */
export function relation(
  schema: CatalogDefinition['schema'],
  name: string,
  columns: string,
  rows: CatalogDefinition['rows'] = () => [],
): CatalogDefinition {
  const pairs = columns
    .trim()
    .split(/\s*,\s*/)
    .map((item) => {
      const [column = '', type = ''] = item.split(/\s+/)
      return [column, must(TYPES[type], `the type ${type} of ${name}.${column}`)] as const
    })
  return { schema, name, columns: pairs, rows }
}

export const PUBLIC_OID = 2200
/** Every session sees one such schema, its own. */
export const TEMPORARY_OID = 12_999
export const TEMPORARY_SCHEMA = 'pg_temp_1'
export const CATALOG_OID = 11
export const INFORMATION_OID = 13_000
export const OWNER_OID = 10
export const HEAP_OID = 2
export const BTREE_OID = 403
export const DATABASE_OID_FIRST = 5
