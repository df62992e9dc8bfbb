/** Is every member's own copy the same, and sound? */

import { until } from '../cluster/cluster.ts'
import type { Row } from '../cluster/load.ts'
import { query } from '../cluster/load.ts'
import type { Members } from './members.ts'

const TABLES = ['lists', 'registers'] as const

/** What is wrong, for people; empty if nothing is. Without clients, so that all replicas come to rest. */
export async function compareReplicas(members: Members): Promise<string[]> {
  await until('all replicas have applied the same', async () => {
    const states = await Promise.all(members.indexes.map((index) => members.state(index)))
    const applied = states.map(
      (state) => state?.groups.find(({ database }) => database === 'default')?.appliedIndex,
    )
    return applied.every((index) => index !== undefined && index === applied[0])
  })
  const contents = await Promise.all(members.indexes.map((index) => contentOf(members.url(index))))
  return members.indexes.flatMap((index) => {
    const differing = TABLES.filter((_, at) => contents[index]?.tables[at] !== contents[0]?.tables[at])
    const integrity = contents[index]?.integrity ?? ''
    return [
      ...differing.map((table) => `m${index} has another content of ${table} than m0`),
      ...(integrity === 'ok' ? [] : [`integrity_check of m${index}: ${integrity}`]),
    ]
  })
}

async function contentOf(url: string): Promise<{ tables: string[]; integrity: string }> {
  const own = (sql: string): Promise<Row[]> => query(url, `/* harmonydb: stale */ ${sql}`)
  const tables = await Promise.all(
    TABLES.map(async (table) => JSON.stringify(await own(`SELECT * FROM ${table} ORDER BY 1`))),
  )
  const integrity = await own('PRAGMA integrity_check')
  return { tables, integrity: integrity.map(([line]) => String(line)).join('; ') }
}
