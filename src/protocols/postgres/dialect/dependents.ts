/** What stands on tables without being one: views, by the words in their texts. A word too many costs a refusal, one too few would break a view. */

import type { Schema, SchemaRelation } from './schema.ts'

/** Views on them, and views on those, without the ones that are among them. */
export function dependentViews(relations: ReadonlySet<SchemaRelation>, schema: Schema): Set<SchemaRelation> {
  const found = new Set<SchemaRelation>()
  const waiting = [...relations]
  for (let relation = waiting.pop(); relation !== undefined; relation = waiting.pop()) {
    for (const view of viewsOf(relation.name, schema)) {
      if (found.has(view) || relations.has(view)) continue
      found.add(view)
      waiting.push(view)
    }
  }
  return found
}

export function viewsOf(name: string, schema: Schema): SchemaRelation[] {
  return [...schema.all()].filter(({ kind, sql }) => kind === 'view' && mentions(sql, name))
}

/** Whether a text has the name as a word of its own. */
export function mentions(sql: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`(?<![\\w$])${escaped}(?![\\w$])`, 'i').test(sql)
}
