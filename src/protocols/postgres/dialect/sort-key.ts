/** Values stored as text that do not compare as such are compared by keys, which the engine's functions make of them. */

import { notSupported } from '../error.ts'
import { INTERVAL, JSON_TYPE, JSONB, type PgType } from '../types/registry.ts'
import { unified } from './casts.ts'
import type { Translation } from './translation.ts'
import { atom, operand, type Typed } from './typed.ts'
import { INT8_TYPE, TEXT } from '../types/registry.ts'

/** What SQLite compares and sorts as PostgreSQL does the values. */
export function sortKey(typed: Typed): Typed {
  const type = typed.type?.type
  if (type === undefined) return typed
  if (type === INTERVAL) return atom(`pg_interval_key(${typed.sql})`, INT8_TYPE)
  if (type === JSONB) return atom(`pg_json_key(${typed.sql})`, TEXT)
  if (type === JSON_TYPE) throw notSupported('comparison or order of json (cast it to jsonb)')
  return type.elementOid === 0 ? typed : atom(`pg_array_key(${typed.sql})`, TEXT)
}

export function needsKey(type: PgType): boolean {
  return type === INTERVAL || type === JSONB || type.elementOid !== 0
}

/** For a comparison: one type, and as operands. */
export function comparable(all: readonly Typed[], context: Translation): string[] {
  return unified(all, context).typed.map((typed) => operand(sortKey(typed)))
}
