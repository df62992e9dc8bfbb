/**
 * Lists that transactions read and append to, several at once: the history must be strictly serializable (promises P2 and P3). The checker is the one
 * that `harmonydb check` has for everyone's histories: it knows nothing of this database. The lists are rows of a table without a
 * primary key, in the order of rowids that nobody sees.
 */

import type { SqlStatement } from '../../../src/base/value.ts'
import type { ExecuteResult } from '../../../src/gateway/session.ts'
import { checkLists } from '../../../src/history/check-lists.ts'
import { describeSteps } from '../../../src/history/list-transactions.ts'
import type { Step, Transaction } from '../../../src/history/list-transactions.ts'
import { Violation } from '../../checkers/checker.ts'
import { run } from '../client.ts'
import type { Client, Statements } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const KEYS = [1, 2, 3, 4]
const SETUP = [
  'CREATE TABLE IF NOT EXISTS lists (key INTEGER NOT NULL, element INTEGER NOT NULL)',
  'CREATE INDEX IF NOT EXISTS lists_by_key ON lists (key)',
]
const READ = 'SELECT element FROM lists WHERE key = ? ORDER BY rowid'
const APPEND = 'INSERT INTO lists VALUES (?, ?)'

/** That all steps of a transaction go in one request. */
const AT_ONCE_CHANCE = 0.3

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

export class Lists extends Workload {
  readonly name = 'lists'
  readonly #history: Transaction[] = []
  #nextElement = 1

  protected async serve(client: Client, at: number): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => this.#operate(client, at))
  }

  async #operate(client: Client, at: number): Promise<void> {
    const keys = client.random.shuffled(KEYS).slice(0, client.random.integer(1, 3))
    const steps: Writable<Step>[] = keys.flatMap((key) => this.#draw(client, String(key)))
    const transaction: Writable<Transaction> = {
      number: this.#history.length + 1,
      process: `client ${at}`,
      outcome: 'info',
      invokedAt: client.stamp(),
      completedAt: null,
      steps,
    }
    this.#history.push(transaction)
    const progress = { isCommitSent: false }
    const isAtOnce = client.random.chance(AT_ONCE_CHANCE)
    const answer = await client.ask((session) =>
      isAtOnce ? performAtOnce(session, steps, progress) : perform(session, steps, progress),
    )
    const isCertain = answer.kind !== 'unknown' || !progress.isCommitSent
    if (isCertain) transaction.completedAt = client.stamp()
    transaction.outcome = answer.kind === 'ok' ? 'ok' : isCertain ? 'fail' : 'info'
    this.counts[answer.kind === 'ok' ? 'ok' : isCertain ? 'refused' : 'unknown']++
  }

  #draw({ random }: Client, key: string): Writable<Step>[] {
    const read = { kind: 'read', key, list: null } as const
    const append = { kind: 'append', key, element: String(this.#nextElement++) } as const
    return random.pick([[{ ...read }], [{ ...append }], [{ ...read }, { ...append }]])
  }

  override check(final: FinalContent): void {
    const stamp =
      1 + Math.max(0, ...this.#history.flatMap(({ invokedAt, completedAt }) => [invokedAt, completedAt ?? 0]))
    const atLast: Transaction = {
      number: this.#history.length + 1,
      process: 'whoever looks in the end',
      outcome: 'ok',
      invokedAt: stamp,
      completedAt: stamp + 1,
      steps: KEYS.map((key) => {
        const rows = final.rows(`SELECT element FROM lists WHERE key = ${key} ORDER BY rowid`)
        return { kind: 'read', key: String(key), list: rows.map(([element]) => String(element)) }
      }),
    }
    const [anomaly] = checkLists([...this.#history, atLast])
    if (anomaly === undefined) return
    const told = anomaly.transactions.map(({ number, steps }) => `T${number}: ${describeSteps(steps)}`)
    throw new Violation('strictly serializable', [`${anomaly.kind}: ${anomaly.text}`, ...told].join('\n'))
  }
}

async function perform(
  session: Statements,
  steps: readonly Writable<Step>[],
  progress: { isCommitSent: boolean },
): Promise<void> {
  // Alone, a statement is committed with its answer.
  const isAlone = steps.length === 1
  progress.isCommitSent = isAlone
  if (!isAlone) await run(session, 'BEGIN')
  for (const step of steps) await take(session, step)
  progress.isCommitSent = true
  if (!isAlone) await run(session, 'COMMIT')
}

async function performAtOnce(
  session: Statements,
  steps: readonly Writable<Step>[],
  progress: { isCommitSent: boolean },
): Promise<void> {
  progress.isCommitSent = true
  const results = await session.executeAtomic(steps.map(statementOf))
  for (const [at, step] of steps.entries()) note(step, results[at]?.rows ?? [])
}

async function take(session: Statements, step: Writable<Step>): Promise<void> {
  const { rows } = await session.execute(statementOf(step))
  note(step, rows)
}

function statementOf(step: Step): SqlStatement {
  if (step.kind === 'read') return { sql: READ, args: { positional: [BigInt(step.key)], named: [] } }
  return { sql: APPEND, args: { positional: [BigInt(step.key), BigInt(step.element)], named: [] } }
}

function note(step: Writable<Step>, rows: ExecuteResult['rows']): void {
  if (step.kind === 'read') step.list = rows.map(([element]) => String(element))
}
