/** All workloads on real SQLite: they run, and their checks notice what is wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteLibrary } from '../clients/sqlite-library-client.ts'
import { LoadRandom } from '../random.ts'
import type { KeyValueConnection, SqlConnection } from '../target.ts'
import type { SqlWorkload } from '../workload.ts'
import { WORKLOADS, workloadNamed } from './all.ts'

async function openSqlite(): Promise<SqlConnection> {
  const connector = openSqliteLibrary({ kind: 'node-sqlite', file: ':memory:' })
  return (await connector.connect(0)) as SqlConnection
}

function openEntries(): KeyValueConnection {
  const entries = new Map<string, string>()
  return {
    kind: 'key-value',
    get: async (key) => entries.get(key) ?? null,
    put: async (key, value) => void entries.set(key, value),
    scan: async (key, limit) => [...entries.keys()].filter((one) => one >= key).slice(0, limit).length,
    close: async () => undefined,
  }
}

async function runSql(
  name: string,
  operations: number,
): Promise<{ workload: SqlWorkload; connection: SqlConnection }> {
  const workload = workloadNamed(name) as SqlWorkload
  const connection = await openSqlite()
  await workload.load(connection, 1)
  const operate = await workload.begin(connection, 1)
  const random = new LoadRandom(11)
  for (let done = 0; done < operations; done++) await operate(connection, random)
  return { workload, connection }
}

for (const workload of WORKLOADS) {
  if (workload.needs !== 'any') continue
  test(`${workload.name} runs on SQL and on a key-value store`, async () => {
    for (const connection of [await openSqlite(), openEntries()]) {
      await workload.load(connection, 1)
      const operate = await workload.begin(connection, 1)
      const random = new LoadRandom(5)
      for (let done = 0; done < 40; done++) await operate(connection, random)
    }
  })
}

/** What a lost, doubled or torn write would leave. */
const BREAKS: Readonly<Record<string, readonly string[]>> = {
  bank: ['UPDATE account SET balance = balance + 1 WHERE id = 1'],
  forum: [
    'UPDATE thread SET posts = posts + 1 WHERE id = 1',
    'DELETE FROM post WHERE id = (SELECT max(id) FROM post)',
  ],
  tpcc: [
    'UPDATE warehouse SET w_ytd = w_ytd + 1',
    'UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_id = 1',
    'DELETE FROM new_order WHERE no_d_id = 1 AND no_o_id = (SELECT max(no_o_id) - 1 FROM new_order WHERE no_d_id = 1)',
    'DELETE FROM order_line WHERE ol_d_id = 2 AND ol_o_id = 90 AND ol_number = 1',
    'UPDATE orders SET o_carrier_id = NULL WHERE o_d_id = 3 AND o_id = 1',
    'UPDATE orders SET o_ol_cnt = o_ol_cnt + 1 WHERE o_d_id = 3 AND o_id = 1',
    'DELETE FROM history WHERE h_id = (SELECT max(h_id) FROM history)',
    'UPDATE customer SET c_balance = c_balance + 1 WHERE c_d_id = 4 AND c_id = 1',
  ],
}

for (const [name, breaks] of Object.entries(BREAKS)) {
  test(`${name}: what it checks holds, and each broken row is noticed`, async () => {
    const { workload, connection } = await runSql(name, 400)
    assert.deepEqual(await workload.check(connection), [])
    for (const sql of breaks) {
      await connection.execute('SAVEPOINT broken')
      await connection.execute(sql)
      assert.notDeepEqual(await workload.check(connection), [], sql)
      await connection.execute('ROLLBACK TO broken')
    }
    assert.deepEqual(await workload.check(connection), [])
  })
}
