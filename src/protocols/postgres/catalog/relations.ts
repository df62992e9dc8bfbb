/** Relations of pg_catalog and information_schema, each a query over sqlite_schema and SQLite's pragma functions. */

import type { SourceColumn } from '../dialect/scope.ts'

export interface CatalogRelation {
  readonly sql: string
  readonly columns: readonly SourceColumn[]
}

/** null where there is no such relation. `schema` is empty for a bare name, which finds pg_catalog's. */
export function catalogRelation(schema: string, name: string): CatalogRelation | null {
  void schema
  void name
  return null
}
