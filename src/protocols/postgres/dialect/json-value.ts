/** An SQL value as SQLite's JSON functions must get it so that it looks as in PostgreSQL's JSON. */

import {
  BOOL,
  BYTEA,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  FLOAT8,
  FLOAT4,
  TIMESTAMP,
  TIMESTAMPTZ,
} from '../types/registry.ts'
import { cast } from './casts.ts'
import { resolvedText } from './literals.ts'
import type { Translation } from './translation.ts'
import { operand, plain, type Typed } from './typed.ts'
import { TEXT } from '../types/registry.ts'

export function jsonValue(typed: Typed, context: Translation): string {
  const value = typed.type === null ? resolvedText(typed) : typed
  const type = value.type?.type
  if (type === undefined) return value.sql
  if (type === BOOL) {
    return `json(CASE ${operand(value)} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END)`
  }
  if (type === JSON_TYPE || type === JSONB || type.elementOid !== 0) return `json(${value.sql})`
  if (type === TIMESTAMP) return `replace(${value.sql}, ' ', 'T')`
  if (type === TIMESTAMPTZ) {
    context.requireUtc('timestamp with time zone in JSON')
    return `replace(${value.sql}, ' ', 'T')`
  }
  if (type === NUMERIC || type === FLOAT8 || type === FLOAT4) return `json(pg_number_text(${value.sql}))`
  return type === BYTEA ? cast(value, plain(TEXT), context).sql : value.sql
}
