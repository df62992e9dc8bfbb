/**
 * Relations of pg_catalog and information_schema. A statement reads them as a JSON array that is bound to it when it runs, made of the schema as it is
 * then: the plan stays the same, and nothing of the catalog is stored in the data file.
 */

import type { Schema } from '../dialect/schema.ts'
import type { SourceColumn } from '../dialect/scope.ts'
import type { CatalogDefinition, CatalogFacts } from './definition.ts'
import { INFORMATION_SCHEMA } from './information-schema.ts'
import { RELATION_ROWS } from './relation-rows.ts'
import { SYSTEM_ROWS } from './system-rows.ts'

const DEFINITIONS = new Map<string, CatalogDefinition>(
  [...RELATION_ROWS, ...SYSTEM_ROWS, ...INFORMATION_SCHEMA].map((definition) => [
    `${definition.schema}.${definition.name}`,
    definition,
  ]),
)

export interface CatalogRelation {
  /** What `catalogJson` wants. */
  readonly key: string
  readonly columns: readonly SourceColumn[]
  /** The relation as a query; `json` is the parameter that holds its rows. */
  readonly sql: (json: string) => string
}

/** null where there is no such relation. `schema` is empty for a bare name, which finds pg_catalog's. */
export function catalogRelation(schema: string, name: string): CatalogRelation | null {
  const key = `${schema === '' ? 'pg_catalog' : schema}.${name}`
  const definition = DEFINITIONS.get(key)
  if (definition === undefined) return null
  const items = definition.columns.map(([column], index) => `value ->> ${index} AS "${column}"`)
  return {
    key,
    columns: definition.columns.map(([column, type]) => ({
      name: column,
      type: { type, modifier: -1 },
      origin: null,
    })),
    sql: (json) => `SELECT ${items.join(', ')} FROM json_each(${json})`,
  }
}

/** The rows of a relation as JSON. */
export function catalogJson(key: string, schema: Schema, facts: CatalogFacts): string {
  const rows = DEFINITIONS.get(key)?.rows(schema, facts) ?? []
  return JSON.stringify(rows)
}
