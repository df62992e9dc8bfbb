/**
 * Writers, each with transactions of several statements over several rows, so that one which is there in part shows. Defaults with
 * time and randomness make replicas differ if replay is not deterministic.
 */

import type { Statement } from './client.ts'
import { atomicTransaction, interactiveTransaction } from './client.ts'
import type { History } from './history.ts'

export const ROWS_OF_ONE = 3
export const ACCOUNTS = 8
export const BALANCE_SUM: number = ACCOUNTS * 1000

export const SCHEMA: readonly Statement[] = [
  [
    `CREATE TABLE parts (
      writer INTEGER, number INTEGER, part INTEGER, text TEXT,
      noise BLOB DEFAULT (randomblob(8)), at TEXT DEFAULT CURRENT_TIMESTAMP,
      PRIMARY KEY (writer, number, part))`,
  ],
  ['CREATE TABLE counters (writer INTEGER PRIMARY KEY, value INTEGER)'],
  ['CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)'],
  ['CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)'],
  [
    `CREATE TRIGGER count_parts AFTER INSERT ON parts WHEN NEW.part = 0 BEGIN
      INSERT INTO log (what) VALUES (NEW.writer || '/' || NEW.number); END`,
  ],
  [
    `WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ${ACCOUNTS})
    INSERT INTO accounts SELECT id, 1000 FROM ids`,
  ],
]

export function transactionOf(writer: number, number: number): Statement[] {
  const from = ((writer + number) % ACCOUNTS) + 1
  const to = ((writer * 3 + number * 5) % ACCOUNTS) + 1
  const text = 'x'.repeat((number * 37) % 400)
  return [
    ['INSERT INTO parts (writer, number, part, text) VALUES (?, ?, 0, ?)', writer, number, text],
    ['UPDATE accounts SET balance = balance - 1 WHERE id = ?', from],
    ['INSERT INTO parts (writer, number, part) VALUES (?, ?, 1), (?, ?, 2)', writer, number, writer, number],
    ['UPDATE accounts SET balance = balance + 1 WHERE id = ?', to],
    [
      'INSERT INTO counters VALUES (?, ?) ON CONFLICT (writer) DO UPDATE SET value = excluded.value',
      writer,
      number,
    ],
  ]
}

export function keyOf(writer: number, number: number): string {
  return `${writer}-${number}`
}

/** One writer, until the member does not answer any more. Every fourth one works with interactive transactions. */
export async function runWriter(
  url: string,
  writer: number,
  numbers: Map<number, number>,
  history: History,
): Promise<void> {
  const isInteractive = writer % 4 === 3
  for (;;) {
    const number = (numbers.get(writer) ?? 0) + 1
    numbers.set(writer, number)
    const statements = transactionOf(writer, number)
    const outcome = isInteractive
      ? await interactiveTransaction(url, statements)
      : await atomicTransaction(url, statements, keyOf(writer, number))
    history.record(writer, number, outcome)
    if (outcome.kind === 'unknown') return
    if (outcome.kind === 'refused' && !/TRANSACTION_BUSY|OVERLOADED|TRANSACTION_CONFLICT/.test(outcome.code))
      return
  }
}
