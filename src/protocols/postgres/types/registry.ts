/** The types that clients can meet: PostgreSQL's own OIDs (pg_type.dat), sizes and categories, each with its codec. */

import { must } from '../../../base/assert.ts'
import { arrayCodec } from './array-codec.ts'
import { BOOLEAN_CODEC } from './boolean-codec.ts'
import { BYTEA_CODEC } from './bytea-codec.ts'
import type { Codec } from './codec.ts'
import { DATE_CODEC, TIME_CODEC, TIMESTAMP_CODEC, TIMESTAMPTZ_CODEC } from './datetime-codec.ts'
import { FLOAT4_CODEC, FLOAT8_CODEC } from './float-codec.ts'
import { integerCodec } from './integer-codec.ts'
import { INTERVAL_CODEC } from './interval-codec.ts'
import { JSON_CODEC, JSONB_CODEC } from './json-codec.ts'
import { NUMERIC_CODEC } from './numeric-codec.ts'
import { BPCHAR_CODEC, TEXT_CODEC, VARCHAR_CODEC } from './text-codec.ts'
import { UUID_CODEC } from './uuid-codec.ts'
import { INT64_MAX, INT64_MIN } from '../../../base/value.ts'

/** pg_type.typcategory: Numeric, String, Boolean, Date/time, Timespan, User-defined, Array, Unknown, Pseudo, Z internal. */
export type TypeCategory = 'N' | 'S' | 'B' | 'D' | 'T' | 'U' | 'A' | 'X' | 'P' | 'Z'

export interface PgType {
  readonly oid: number
  /** pg_type.typname */
  readonly name: string
  /** As format_type shows it, without a modifier. */
  readonly sqlName: string
  /** pg_type.typlen: bytes, -1 for variable, -2 for a C string. */
  readonly sizeBytes: number
  readonly category: TypeCategory
  /** 0 where there is none. */
  readonly arrayOid: number
  readonly elementOid: number
  readonly codec: Codec
}

const INT2 = integerCodec({ typeName: 'smallint', sizeBytes: 2, min: -32768n, max: 32767n })
const INT4 = integerCodec({ typeName: 'integer', sizeBytes: 4, min: -(2n ** 31n), max: 2n ** 31n - 1n })
const INT8 = integerCodec({ typeName: 'bigint', sizeBytes: 8, min: INT64_MIN, max: INT64_MAX })
const OID = integerCodec({ typeName: 'oid', sizeBytes: 4, min: 0n, max: 2n ** 32n - 1n })

type Row = readonly [
  oid: number,
  name: string,
  sqlName: string,
  sizeBytes: number,
  category: TypeCategory,
  arrayOid: number,
  codec: Codec,
]

const ROWS: readonly Row[] = [
  [16, 'bool', 'boolean', 1, 'B', 1000, BOOLEAN_CODEC],
  [17, 'bytea', 'bytea', -1, 'U', 1001, BYTEA_CODEC],
  [18, 'char', '"char"', 1, 'Z', 1002, TEXT_CODEC],
  [19, 'name', 'name', 64, 'S', 1003, TEXT_CODEC],
  [20, 'int8', 'bigint', 8, 'N', 1016, INT8],
  [21, 'int2', 'smallint', 2, 'N', 1005, INT2],
  [23, 'int4', 'integer', 4, 'N', 1007, INT4],
  [24, 'regproc', 'regproc', 4, 'N', 1008, TEXT_CODEC],
  [25, 'text', 'text', -1, 'S', 1009, TEXT_CODEC],
  [26, 'oid', 'oid', 4, 'N', 1028, OID],
  [28, 'xid', 'xid', 4, 'U', 1011, OID],
  [114, 'json', 'json', -1, 'U', 199, JSON_CODEC],
  [700, 'float4', 'real', 4, 'N', 1021, FLOAT4_CODEC],
  [701, 'float8', 'double precision', 8, 'N', 1022, FLOAT8_CODEC],
  [705, 'unknown', 'unknown', -2, 'X', 0, TEXT_CODEC],
  [1042, 'bpchar', 'character', -1, 'S', 1014, BPCHAR_CODEC],
  [1043, 'varchar', 'character varying', -1, 'S', 1015, VARCHAR_CODEC],
  [1082, 'date', 'date', 4, 'D', 1182, DATE_CODEC],
  [1083, 'time', 'time without time zone', 8, 'D', 1183, TIME_CODEC],
  [1114, 'timestamp', 'timestamp without time zone', 8, 'D', 1115, TIMESTAMP_CODEC],
  [1184, 'timestamptz', 'timestamp with time zone', 8, 'D', 1185, TIMESTAMPTZ_CODEC],
  [1186, 'interval', 'interval', 16, 'T', 1187, INTERVAL_CODEC],
  [1700, 'numeric', 'numeric', -1, 'N', 1231, NUMERIC_CODEC],
  [2205, 'regclass', 'regclass', 4, 'N', 2210, TEXT_CODEC],
  [2206, 'regtype', 'regtype', 4, 'N', 2211, TEXT_CODEC],
  [2278, 'void', 'void', 4, 'P', 0, TEXT_CODEC],
  [2950, 'uuid', 'uuid', 16, 'U', 2951, UUID_CODEC],
  [3802, 'jsonb', 'jsonb', -1, 'U', 3807, JSONB_CODEC],
]

const BY_OID = new Map<number, PgType>()
const BY_NAME = new Map<string, PgType>()

function add(type: PgType): void {
  BY_OID.set(type.oid, type)
  BY_NAME.set(type.name, type)
}

for (const [oid, name, sqlName, sizeBytes, category, arrayOid, codec] of ROWS) {
  add({ oid, name, sqlName, sizeBytes, category, arrayOid, elementOid: 0, codec })
  if (arrayOid === 0) continue
  add({
    oid: arrayOid,
    name: `_${name}`,
    sqlName: `${sqlName}[]`,
    sizeBytes: -1,
    category: 'A',
    arrayOid: 0,
    elementOid: oid,
    codec: arrayCodec(oid, codec),
  })
}

export const TYPES: readonly PgType[] = [...BY_OID.values()]

export function typeByOid(oid: number): PgType | null {
  return BY_OID.get(oid) ?? null
}

/** By the name in pg_type: `int4`, `_text`. */
export function typeByName(name: string): PgType | null {
  return BY_NAME.get(name) ?? null
}

function named(name: string): PgType {
  return must(BY_NAME.get(name), name)
}

export const BOOL: PgType = named('bool')
export const BYTEA: PgType = named('bytea')
export const INT2_TYPE: PgType = named('int2')
export const INT4_TYPE: PgType = named('int4')
export const INT8_TYPE: PgType = named('int8')
export const FLOAT4: PgType = named('float4')
export const FLOAT8: PgType = named('float8')
export const NUMERIC: PgType = named('numeric')
export const TEXT: PgType = named('text')
export const NAME: PgType = named('name')
export const OID_TYPE: PgType = named('oid')
export const VARCHAR: PgType = named('varchar')
export const BPCHAR: PgType = named('bpchar')
export const UNKNOWN: PgType = named('unknown')
export const DATE: PgType = named('date')
export const TIME: PgType = named('time')
export const TIMESTAMP: PgType = named('timestamp')
export const TIMESTAMPTZ: PgType = named('timestamptz')
export const INTERVAL: PgType = named('interval')
export const JSON_TYPE: PgType = named('json')
export const JSONB: PgType = named('jsonb')
export const UUID: PgType = named('uuid')
export const REGCLASS: PgType = named('regclass')
export const VOID: PgType = named('void')

/** The array of that type; null where there is none. */
export function arrayOf(type: PgType): PgType | null {
  return type.arrayOid === 0 ? null : typeByOid(type.arrayOid)
}

/** The type of the elements; null if it is no array. */
export function elementOf(type: PgType): PgType | null {
  return type.elementOid === 0 ? null : typeByOid(type.elementOid)
}
