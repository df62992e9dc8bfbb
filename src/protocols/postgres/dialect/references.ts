/** Which tables refer to which by foreign keys. */

import type { Schema, SchemaRelation } from './schema.ts'

/** With the tables that refer to them, and those that refer to these. */
export function withReferring(relations: ReadonlySet<SchemaRelation>, schema: Schema): Set<SchemaRelation> {
  const found = new Set(relations)
  for (const relation of found) {
    const wanted = relation.name.toLowerCase()
    for (const each of schema.all())
      if (each.foreignKeys.some(({ table }) => table.toLowerCase() === wanted)) found.add(each)
  }
  return found
}

/** Those that refer to others before these. In a circle any order is as good. */
export function inOrderOfReferences(relations: ReadonlySet<SchemaRelation>): SchemaRelation[] {
  const byName = new Map([...relations].map((relation) => [relation.name.toLowerCase(), relation]))
  const ordered = new Set<SchemaRelation>()
  const visited = new Set<SchemaRelation>()
  const visit = (relation: SchemaRelation): void => {
    if (visited.has(relation)) return
    visited.add(relation)
    for (const { table } of relation.foreignKeys) {
      const target = byName.get(table.toLowerCase())
      if (target !== undefined) visit(target)
    }
    ordered.add(relation)
  }
  for (const relation of relations) visit(relation)
  return [...ordered].toReversed()
}
