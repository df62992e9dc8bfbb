/**
 * Lists that transactions read and append to, several at once: the history must be strictly serializable (promises P2 and P3).
 *
 * All appends go through one table with a growing id, so the final content tells the order of all transactions that wrote: no other order is
 * possible, because each of them changed what the next one changed. What is left to check is that
 * - each transaction read what those before it in that order had appended, and nothing else, in all lists that it read;
 * - those that only read fit in somewhere: after the last append that they saw, and before the first that they did not see;
 * - the order agrees with time: what was answered before another one was asked for comes before it.
 *
 * So no search for cycles is needed: where one order is given, a cycle is a pair that stands in the wrong order.
 */

import { Violation } from '../../checkers/checker.ts'
import { run } from '../client.ts'
import type { Client, Statements } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const KEYS = [1, 2, 3, 4]
const SETUP = [
  'CREATE TABLE IF NOT EXISTS appends (id INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL, value INTEGER NOT NULL)',
  'CREATE INDEX IF NOT EXISTS appends_by_key ON appends (key)',
]
const READ = 'SELECT value FROM appends WHERE key = ? ORDER BY id'
const APPEND = 'INSERT INTO appends (key, value) VALUES (?, ?)'

interface Read {
  readonly key: number
  /** Without what the transaction itself had appended. */
  readonly values: readonly number[]
}

interface Transaction {
  readonly calledAt: number
  /** Null where it was not acknowledged. */
  returnedAt: number | null
  readonly reads: Read[]
  readonly appended: { readonly key: number; readonly value: number }[]
  fate: 'ok' | 'refused' | 'unknown'
  isCommitSent: boolean
}

/** Where a transaction stands: after everything that it saw, before everything that it did not see. Positions are ids of appends. */
interface Place {
  readonly transaction: Transaction
  readonly after: number
  readonly before: number
}

export class Lists extends Workload {
  readonly name = 'lists'
  readonly #transactions: Transaction[] = []
  #nextValue = 1

  protected async serve(client: Client): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => this.#operate(client))
  }

  async #operate(client: Client): Promise<void> {
    const transaction: Transaction = {
      calledAt: client.stamp(),
      returnedAt: null,
      reads: [],
      appended: [],
      fate: 'unknown',
      isCommitSent: false,
    }
    this.#transactions.push(transaction)
    const keys = client.random.shuffled(KEYS).slice(0, client.random.integer(1, 3))
    const appends = keys.filter(() => client.random.chance(0.5))
    const answer = await client.ask((session) => this.#perform(session, transaction, keys, appends))
    if (answer.kind === 'ok') transaction.returnedAt = client.stamp()
    const isCertain = answer.kind !== 'unknown' || !transaction.isCommitSent
    transaction.fate = answer.kind === 'ok' ? 'ok' : isCertain ? 'refused' : 'unknown'
    this.counts[transaction.fate]++
  }

  async #perform(
    session: Statements,
    transaction: Transaction,
    keys: readonly number[],
    appends: readonly number[],
  ): Promise<void> {
    const isAlone = keys.length === 1
    // Alone, a statement is committed with its answer.
    transaction.isCommitSent = isAlone
    if (!isAlone) await run(session, 'BEGIN')
    for (const key of keys) {
      if (!isAlone || !appends.includes(key)) await this.#read(session, transaction, key)
      if (appends.includes(key)) await this.#append(session, transaction, key)
    }
    transaction.isCommitSent = true
    if (!isAlone) await run(session, 'COMMIT')
  }

  async #read(session: Statements, transaction: Transaction, key: number): Promise<void> {
    const { rows } = await run(session, READ, [BigInt(key)])
    transaction.reads.push({ key, values: rows.map(([value]) => Number(value)) })
  }

  async #append(session: Statements, transaction: Transaction, key: number): Promise<void> {
    const value = this.#nextValue++
    transaction.appended.push({ key, value })
    await run(session, APPEND, [BigInt(key), BigInt(value)])
  }

  override check(final: FinalContent): void {
    const rows = final.rows('SELECT id, key, value FROM appends ORDER BY id').map((row) => row.map(Number))
    const content = new Content(rows.map(([id = 0, key = 0, value = 0]) => ({ id, key, value })))
    const places = this.#transactions.flatMap((transaction) => content.placeOf(transaction) ?? [])
    checkTime(places)
  }
}

interface Row {
  readonly id: number
  readonly key: number
  readonly value: number
}

/** The lists as they are in the end. */
class Content {
  readonly #lists: ReadonlyMap<number, readonly Row[]>
  readonly #ids: ReadonlyMap<number, number>

  constructor(rows: readonly Row[]) {
    this.#lists = Map.groupBy(rows, ({ key }) => key)
    this.#ids = new Map(rows.map(({ value, id }) => [value, id]))
  }

  /** Null for a transaction that left no trace and told nothing. Throws where it fits nowhere. */
  placeOf(transaction: Transaction): Place | null {
    const { fate, appended } = transaction
    const ids = appended.map(({ value }) => this.#ids.get(value)).filter((id) => id !== undefined)
    if (fate === 'ok' && ids.length < appended.length)
      throw new Violation(
        'acknowledged writes are there',
        `${describe(transaction)} was acknowledged and is not there`,
      )
    if (fate === 'refused' && ids.length > 0)
      throw new Violation('nothing refused is there', `${describe(transaction)} was refused and is there`)
    if (ids.length > 0 && ids.length < appended.length)
      throw new Violation('atomic transactions', `of ${describe(transaction)} there is only a part`)
    if (fate !== 'ok' && ids.length === 0) return null
    const [first, last] = [Math.min(...ids), Math.max(...ids)]
    const spans = transaction.reads.map((read) => this.#spanOf(transaction, read, first))
    // Its own appends stand together: nobody else's come in between.
    const after = Math.max(ids.length > 0 ? last : 0, ...spans.map((span) => span.after))
    const before = Math.min(ids.length > 0 ? first : Infinity, ...spans.map((span) => span.before))
    const seen = Math.max(0, ...spans.map((span) => span.after))
    if (seen < before) return { transaction, after, before }
    throw new Violation(
      'strictly serializable',
      `${describe(transaction)} saw append ${seen}, and not append ${before}, which came before`,
    )
  }

  /** The last append of others that a read saw, and the first that it did not see. */
  #spanOf(
    transaction: Transaction,
    { key, values }: Read,
    ownFirst: number,
  ): { after: number; before: number } {
    const own = new Set(transaction.appended.map(({ value }) => value))
    const list = (this.#lists.get(key) ?? []).filter(({ value }) => !own.has(value))
    const seen = values.filter((value) => !own.has(value))
    for (const [at, value] of seen.entries()) {
      if (list[at]?.value === value) continue
      throw new Violation(
        'strictly serializable',
        `${describe(transaction)} read list ${key} as ${tail(seen)}; in the end it has ${tail(list.slice(0, seen.length).map((row) => row.value))}`,
      )
    }
    const next = list[seen.length]?.id ?? Infinity
    return {
      after: list[seen.length - 1]?.id ?? 0,
      before: next < ownFirst || ownFirst === Infinity ? next : Infinity,
    }
  }
}

/** In the order of time; `after` of whatever was answered before another one was asked for must be below its `before`. */
function checkTime(places: readonly Place[]): void {
  const returns = places
    .filter(({ transaction }) => transaction.returnedAt !== null)
    .toSorted((left, right) => (left.transaction.returnedAt ?? 0) - (right.transaction.returnedAt ?? 0))
  const calls = places.toSorted((left, right) => left.transaction.calledAt - right.transaction.calledAt)
  let [next, newest] = [0, null as Place | null]
  for (const place of calls) {
    for (; isReturnedBefore(returns[next], place); next++) {
      const candidate = returns[next]
      if (candidate !== undefined && (newest === null || candidate.after > newest.after)) newest = candidate
    }
    if (newest === null || newest.after < place.before) continue
    throw new Violation(
      'strictly serializable',
      `${describe(place.transaction)} was asked for after ${describe(newest.transaction)} had been answered, and comes before it`,
    )
  }
}

function isReturnedBefore(earlier: Place | undefined, { transaction }: Place): boolean {
  return earlier !== undefined && (earlier.transaction.returnedAt ?? Infinity) < transaction.calledAt
}

function describe({ reads, appended }: Transaction): string {
  const done = [
    ...reads.map(({ key, values }) => `read ${key}: ${tail(values)}`),
    ...appended.map(({ key, value }) => `append ${value} to ${key}`),
  ]
  return `the transaction (${done.join(', ')})`
}

function tail(values: readonly number[]): string {
  return `[${values.length > 3 ? '… ' : ''}${values.slice(-3).join(' ')}]`
}
