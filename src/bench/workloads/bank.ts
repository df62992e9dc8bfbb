/** Transfers between accounts, in interactive transactions; money is neither made nor lost. */

import type { SqlConnection } from '../target.ts'
import type { SqlWorkload } from '../workload.ts'
import { insertAll, recreate, scalar } from './rows.ts'

const ACCOUNTS_PER_SCALE = 1_000
const BALANCE = 1_000
const AMOUNT_MAX = 20

async function transfer(connection: SqlConnection, from: number, to: number, amount: number): Promise<void> {
  await connection.transaction(async (transaction) => {
    const balance = await scalar(transaction, 'SELECT balance FROM account WHERE id = ?', [from])
    if (balance < amount) return
    await transaction.execute('UPDATE account SET balance = balance - ? WHERE id = ?', [amount, from])
    await transaction.execute('UPDATE account SET balance = balance + ? WHERE id = ?', [amount, to])
  })
}

export const BANK: SqlWorkload = {
  name: 'bank',
  title: 'Bank transfers',
  summary:
    'A serializable transaction that reads one balance and changes two. Afterwards: the sum is as before.',
  needs: 'sql',
  load: async (connection, scale) => {
    await recreate(connection, { account: 'id INTEGER PRIMARY KEY, balance INTEGER NOT NULL' })
    const rows = Array.from({ length: ACCOUNTS_PER_SCALE * scale }, (_, at) => [at + 1, BALANCE])
    await insertAll(connection, 'account', ['id', 'balance'], rows)
  },
  begin: (_, scale) => {
    const count = ACCOUNTS_PER_SCALE * scale
    return Promise.resolve((connection, random) => {
      const from = random.between(1, count)
      const to = 1 + ((from + random.integer(count - 1)) % count)
      return transfer(connection, from, to, random.between(1, AMOUNT_MAX))
    })
  },
  check: async (connection) => {
    const expected = BALANCE * (await scalar(connection, 'SELECT count(*) FROM account'))
    const sum = await scalar(connection, 'SELECT sum(balance) FROM account')
    return sum === expected ? [] : [`the balances sum up to ${sum}, and to ${expected} before`]
  },
}
