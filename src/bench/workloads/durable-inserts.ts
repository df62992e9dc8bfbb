/** One small row a transaction, acknowledged when it is durable: what a write costs at least. */

import { randomUUID } from 'node:crypto'
import type { AnyWorkload } from '../workload.ts'
import { countedKey, recreate } from './rows.ts'

const VALUE = 'x'.repeat(100)
const INSERT = 'INSERT INTO event (value) VALUES (?)'

export const DURABLE_INSERTS: AnyWorkload = {
  name: 'durable-inserts',
  title: 'Durable single-row inserts',
  summary:
    'One row of 100 bytes a transaction, acknowledged when it is on disk (at a majority, in a cluster).',
  needs: 'any',
  load: async (connection) => {
    if (connection.kind !== 'sql') return
    await recreate(connection, { event: `id ${countedKey(connection.dialect)}, value TEXT NOT NULL` })
  },
  begin: () => {
    const prefix = randomUUID()
    let next = 0
    return Promise.resolve(async (connection) => {
      if (connection.kind === 'sql') await connection.execute(INSERT, [VALUE])
      else await connection.put(`event/${prefix}/${next++}`, VALUE)
    })
  },
}
