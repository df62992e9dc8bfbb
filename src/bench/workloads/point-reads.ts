/** Reads of one small row by an integer key, all keys alike: what a read costs at least. */

import type { Connection } from '../target.ts'
import type { AnyWorkload } from '../workload.ts'
import { insertAll, recreate } from './rows.ts'

const ROWS_PER_SCALE = 100_000
/** One request each: a tenth is enough where rows are loaded one by one. */
const ENTRIES_PER_SCALE = 10_000
const VALUE_BYTES = 100
const LOADERS = 64
const READ = 'SELECT value FROM item WHERE id = ?'

function keyOf(id: number): string {
  return `item/${String(id).padStart(10, '0')}`
}

async function load(connection: Connection, scale: number): Promise<void> {
  if (connection.kind === 'sql') {
    await recreate(connection, { item: 'id INTEGER PRIMARY KEY, value TEXT NOT NULL' })
    const rows = Array.from({ length: ROWS_PER_SCALE * scale }, (_, at) => [at + 1, valueOf(at + 1)])
    return insertAll(connection, 'item', ['id', 'value'], rows)
  }
  const ids = Array.from({ length: ENTRIES_PER_SCALE * scale }, (_, at) => at + 1).values()
  const loader = async (): Promise<void> => {
    for (const id of ids) await connection.put(keyOf(id), valueOf(id))
  }
  await Promise.all(Array.from({ length: LOADERS }, loader))
}

function valueOf(id: number): string {
  return String(id).padStart(VALUE_BYTES, '0')
}

export const POINT_READS: AnyWorkload = {
  name: 'point-reads',
  title: 'Point reads',
  summary: 'One row of 100 bytes by its integer key, all of 100,000 keys alike (10,000 in key-value stores).',
  needs: 'any',
  load,
  begin: (_, scale) =>
    Promise.resolve(async (connection, random) => {
      if (connection.kind === 'sql') {
        const id = random.between(1, ROWS_PER_SCALE * scale)
        const rows = await connection.execute(READ, [id])
        if (rows[0]?.[0] !== valueOf(id)) throw new Error(`Row ${id} is not as it was written`)
      } else {
        const id = random.between(1, ENTRIES_PER_SCALE * scale)
        if ((await connection.get(keyOf(id))) !== valueOf(id))
          throw new Error(`Entry ${id} is not as it was written`)
      }
    }),
}
