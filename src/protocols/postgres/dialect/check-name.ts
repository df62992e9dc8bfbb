/** The name of a CHECK that nobody named, as PostgreSQL chooses it: by the column, if there is only one in it. */

import type { Node } from 'libpg-query'

export function checkName(expression: Node, table: string, taken: ReadonlySet<string>): string {
  const columns = new Set<string>()
  collectColumns(expression, columns)
  const [column] = columns
  const stem = columns.size === 1 ? `${table}_${column}_check` : `${table}_check`
  for (let number = 0; ; number++) {
    const name = number === 0 ? stem : `${stem}${number}`
    if (!taken.has(name)) return name
  }
}

function collectColumns(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const name = key === 'ColumnRef' ? lastName(inner) : null
    if (name === null) collectColumns(inner, found)
    else found.add(name)
  }
}

function lastName(reference: unknown): string | null {
  const fields = (reference as { fields?: { String?: { sval?: string } }[] }).fields ?? []
  return fields.at(-1)?.String?.sval ?? null
}
