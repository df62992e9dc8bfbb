/** HarmonyDB inside this process, as an application uses it: reads by prepared statements, writes and transactions by promises. */

import { open, type HarmonyDB, type Statement } from '../../embed/main.ts'
import type { Row, SqlConnection, Value } from '../target.ts'
import type { Connector } from './connect.ts'

/** As patient as the clients of the other targets: on a machine that is busy with other things a round fails by its own timeout, or not at all. */
const RETRY_TIMEOUT_MS = 60_000

export async function openEmbedded(folder: string): Promise<Connector> {
  const database = await open(folder)
  const connection = connectionOf(database)
  return { connect: () => Promise.resolve(connection), close: () => database.close() }
}

function connectionOf(database: HarmonyDB): SqlConnection {
  const statements = new Map<string, Statement>()
  let runs = 0
  let transactions = 0
  const read = (sql: string, args: readonly Value[]): readonly Row[] => {
    let statement = statements.get(sql)
    if (statement === undefined) statements.set(sql, (statement = database.prepare(sql)))
    return statement.values(...args) as Row[]
  }
  return {
    kind: 'sql',
    dialect: 'sqlite',
    get retries() {
      return runs - transactions
    },
    execute: async (sql, args = []) =>
      /^\s*SELECT/i.test(sql)
        ? read(sql, args)
        : (await database.execute<Value[]>(sql, args, { rowsAs: 'arrays' })).rows,
    transaction: async (work, mode = 'write') => {
      transactions++
      return database.transaction(
        (transaction) => {
          runs++
          return work({
            execute: async (sql, args = []) =>
              (await transaction.execute<Value[]>(sql, args, { rowsAs: 'arrays' })).rows,
          })
        },
        { mode: mode === 'write' ? 'immediate' : 'readonly', retryTimeoutMs: RETRY_TIMEOUT_MS },
      )
    },
    close: () => Promise.resolve(),
  }
}
