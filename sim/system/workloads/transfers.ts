/**
 * A bank: transfers as interactive transactions that read before they write. Every transaction must fit into one serial
 * order (promise P3): the ledger tells what each one read, and in the order of the ledger it must have read what the ones
 * before left. No money is made or lost, at any moment at which somebody looks.
 */

import { Violation } from '../../checkers/checker.ts'
import { numbers, run } from '../client.ts'
import type { Answer, Client, Statements } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const ACCOUNTS = [1, 2, 3, 4, 5]
const OPENING_BALANCE = 100

const SETUP = [
  'CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0))',
  `CREATE TABLE IF NOT EXISTS transfers (id INTEGER PRIMARY KEY AUTOINCREMENT, token INTEGER NOT NULL UNIQUE,
    source INTEGER NOT NULL REFERENCES accounts, target INTEGER NOT NULL REFERENCES accounts, amount INTEGER NOT NULL,
    source_before INTEGER NOT NULL, target_before INTEGER NOT NULL)`,
  ...ACCOUNTS.map((id) => `INSERT OR IGNORE INTO accounts VALUES (${id}, ${OPENING_BALANCE})`),
]

interface Transfer {
  readonly token: number
  readonly source: number
  readonly target: number
  readonly amount: number
}

export class Transfers extends Workload {
  readonly name = 'transfers'
  readonly #answers = new Map<number, Answer<void>>()
  #nextToken = 1

  protected async serve(client: Client): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => (client.random.chance(0.3) ? this.#audit(client) : this.#transfer(client)))
  }

  async #audit(client: Client): Promise<void> {
    const answer = await client.ask(async (session) =>
      numbers(await run(session, 'SELECT sum(balance), count(*) FROM accounts')),
    )
    if (answer.kind === 'ok') checkSum(answer.value[0] ?? 0)
  }

  async #transfer(client: Client): Promise<void> {
    const { random } = client
    const [source = 0, target = 0] = random.shuffled(ACCOUNTS)
    const transfer = { token: this.#nextToken++, source, target, amount: random.integer(1, 40) }
    const begin = random.pick(['BEGIN', 'BEGIN IMMEDIATE'])
    const progress = { isCommitSent: false }
    const answer = await client.ask((session) => perform(session, transfer, begin, progress))
    // Whoever has not sent COMMIT knows that nothing happened, however the connection ended.
    const isUnknown = answer.kind === 'unknown' && progress.isCommitSent
    const known: Answer<void> =
      answer.kind === 'unknown' && !isUnknown ? { kind: 'refused', code: 'COMMIT not sent' } : answer
    this.counts[known.kind]++
    this.#answers.set(transfer.token, known)
  }

  override check(final: FinalContent): void {
    const balances = new Map(ACCOUNTS.map((id) => [id, OPENING_BALANCE]))
    const done = new Set<number>()
    const ledger = final.rows(
      'SELECT token, source, target, amount, source_before, target_before FROM transfers ORDER BY id',
    )
    for (const row of ledger) {
      const [token = 0, source = 0, target = 0, amount = 0, sourceBefore, targetBefore] = row.map(Number)
      const [sourceNow = 0, targetNow = 0] = [balances.get(source), balances.get(target)]
      if (sourceBefore !== sourceNow || targetBefore !== targetNow) {
        throw new Violation(
          'serializable transactions',
          `transfer ${token} read ${sourceBefore} and ${targetBefore}; in the order of the ledger they were ${sourceNow} and ${targetNow}`,
        )
      }
      balances.set(source, sourceNow - amount)
      balances.set(target, targetNow + amount)
      done.add(token)
    }
    for (const [id, balance] of final.rows('SELECT id, balance FROM accounts')) {
      if (balances.get(Number(id)) !== Number(balance)) {
        throw new Violation(
          'serializable transactions',
          `account ${id} has ${balance}; its transfers make ${balances.get(Number(id))}`,
        )
      }
    }
    this.#checkAnswers(done)
  }

  #checkAnswers(done: ReadonlySet<number>): void {
    for (const [token, answer] of this.#answers) {
      if (answer.kind === 'ok' && !done.has(token))
        throw new Violation(
          'acknowledged writes are there',
          `transfer ${token} was acknowledged and is not there`,
        )
      if (answer.kind === 'refused' && done.has(token))
        throw new Violation(
          'nothing refused is there',
          `transfer ${token} was refused with ${answer.code} and is there`,
        )
    }
  }
}

function checkSum(sum: number): void {
  const expected = ACCOUNTS.length * OPENING_BALANCE
  if (sum !== expected)
    throw new Violation('serializable transactions', `all accounts together have ${sum} and not ${expected}`)
}

async function perform(
  session: Statements,
  transfer: Transfer,
  begin: string,
  progress: { isCommitSent: boolean },
): Promise<void> {
  const { token, source, target, amount } = transfer
  const balanceOf = async (id: number): Promise<number> =>
    numbers(await run(session, 'SELECT balance FROM accounts WHERE id = ?', [BigInt(id)]))[0] ?? 0
  const add = (id: number, by: number) =>
    run(session, 'UPDATE accounts SET balance = balance + ? WHERE id = ?', [BigInt(by), BigInt(id)])
  await run(session, begin)
  const sourceBefore = await balanceOf(source)
  const targetBefore = await balanceOf(target)
  await add(target, amount)
  // Fails where the account has too little, and the whole transfer with it.
  await add(source, -amount)
  const values = [token, source, target, amount, sourceBefore, targetBefore].map(BigInt)
  await run(
    session,
    'INSERT INTO transfers (token, source, target, amount, source_before, target_before) VALUES (?, ?, ?, ?, ?, ?)',
    values,
  )
  progress.isCommitSent = true
  await run(session, 'COMMIT')
}
