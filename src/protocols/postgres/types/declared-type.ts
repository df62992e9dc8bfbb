/**
 * From the type that a column was declared with in SQLite to PostgreSQL's type and back. PostgreSQL's names come first; then the ones that SQLite
 * users write; then SQLite's own rule of affinity by substrings (datatype3.html section 3.1), so that every declaration means something.
 */

import { numericModifier } from './numeric-codec.ts'
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
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  typeByName,
  UUID,
  VARCHAR,
  type PgType,
} from './registry.ts'

/** A type with its modifier: varchar(20), numeric(10,2). */
export interface TypeWithModifier {
  readonly type: PgType
  readonly modifier: number
}

const NAMES: Readonly<Record<string, PgType>> = {
  boolean: BOOL,
  bool: BOOL,
  int2: INT2_TYPE,
  smallint: INT2_TYPE,
  int4: INT4_TYPE,
  int8: INT8_TYPE,
  bigint: INT8_TYPE,
  // A column that SQLite's users declare so may hold 64 bits.
  integer: INT8_TYPE,
  int: INT8_TYPE,
  real: FLOAT8,
  float: FLOAT8,
  double: FLOAT8,
  'double precision': FLOAT8,
  float8: FLOAT8,
  float4: FLOAT4,
  numeric: NUMERIC,
  decimal: NUMERIC,
  text: TEXT,
  varchar: VARCHAR,
  'character varying': VARCHAR,
  char: BPCHAR,
  character: BPCHAR,
  bpchar: BPCHAR,
  bytea: BYTEA,
  blob: BYTEA,
  date: DATE,
  time: TIME,
  'time without time zone': TIME,
  timestamp: TIMESTAMP,
  datetime: TIMESTAMP,
  'timestamp without time zone': TIMESTAMP,
  timestamptz: TIMESTAMPTZ,
  'timestamp with time zone': TIMESTAMPTZ,
  interval: INTERVAL,
  json: JSON_TYPE,
  jsonb: JSONB,
  uuid: UUID,
}

const remembered = new Map<string, TypeWithModifier>()
const REMEMBERED_MAX = 1000

/** The type of a column; text for an expression, which has no declaration. */
export function typeOfDeclaration(declaredType: string | null): TypeWithModifier {
  if (declaredType === null) return { type: TEXT, modifier: -1 }
  const known = remembered.get(declaredType)
  if (known !== undefined) return known
  if (remembered.size >= REMEMBERED_MAX) remembered.clear()
  const type = parseDeclaration(declaredType)
  remembered.set(declaredType, type)
  return type
}

function parseDeclaration(declaredType: string): TypeWithModifier {
  const match = /^([^([]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*([^([]*?)\s*((?:\[\d*\])*)$/.exec(
    declaredType.trim().toLowerCase(),
  )
  if (match === null) return { type: byAffinity(declaredType.toLowerCase()), modifier: -1 }
  const [, before = '', first, second, after = '', brackets = ''] = match
  const name = `${before} ${after}`.trim().replaceAll(/\s+/g, ' ')
  const type = NAMES[name] ?? typeByName(name) ?? byAffinity(name)
  const modifier = modifierOf(type, first, second)
  if (brackets === '') return { type, modifier }
  return { type: arrayOf(type) ?? TEXT, modifier }
}

function modifierOf(type: PgType, first: string | undefined, second: string | undefined): number {
  if (first === undefined) return -1
  if (type === VARCHAR || type === BPCHAR) return Number(first) + 4
  if (type === NUMERIC) return numericModifier(Number(first), Number(second ?? 0))
  return type === TIMESTAMP || type === TIMESTAMPTZ || type === TIME ? Number(first) : -1
}

function byAffinity(name: string): PgType {
  if (name.includes('int')) return INT8_TYPE
  if (/char|clob|text/.test(name)) return TEXT
  if (name.includes('blob')) return BYTEA
  if (/real|floa|doub/.test(name)) return FLOAT8
  if (name === '') return TEXT
  return /^(?:num|dec|money|number)/.test(name) ? NUMERIC : TEXT
}

/** As format_type shows it: `numeric(10,2)`, `character varying(20)[]`. */
export function formatType({ type, modifier }: TypeWithModifier): string {
  if (modifier < 0) return type.sqlName
  const suffix = type.elementOid === 0 ? '' : '[]'
  const base = type.sqlName.replace(/\[\]$/, '')
  if (base.startsWith('numeric'))
    return `${base}(${(modifier - 4) >> 16},${(modifier - 4) & 0xffff})${suffix}`
  if (base.startsWith('character')) return `${base}(${modifier - 4})${suffix}`
  if (base.startsWith('time')) return `${base.replace(/^(timestamp|time)/, `$1(${modifier})`)}${suffix}`
  return type.sqlName
}
