/** Transactions that end while their function goes on: nothing of it may be done by halves, and nobody may be told that it was done. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { HarmonyError } from '../base/errors.ts'
import type { CoreLink } from './core-link.ts'
import { open, type HarmonyDB } from './open.ts'
import { runTransaction, type Transaction } from './transaction.ts'

let folder: string
let db: HarmonyDB

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harmonydb-embed-'))
  db = await open(folder)
  await db.execute('CREATE TABLE t (n INTEGER)')
  await db.execute(
    "CREATE TRIGGER unlucky BEFORE INSERT ON t WHEN new.n = 13 BEGIN SELECT RAISE(ROLLBACK, 'unlucky'); END",
  )
})

after(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

const insert = (transaction: Transaction, n: number): Promise<unknown> =>
  transaction.execute('INSERT INTO t VALUES (?)', [n])

async function assertNothingDone(work: (transaction: Transaction) => Promise<unknown>): Promise<void> {
  await assert.rejects(db.transaction(work), /unlucky/)
  assert.deepEqual(db.prepare('SELECT n FROM t').all(), [])
}

test('what comes after a statement that rolled the transaction back does not run, and COMMIT fails', () =>
  assertNothingDone(async (transaction) => {
    await insert(transaction, 1)
    await insert(transaction, 13).catch(() => {})
    await insert(transaction, 2).catch(() => {})
  }))

test('a savepoint begins no transaction of its own', () =>
  assertNothingDone(async (transaction) => {
    await insert(transaction, 1)
    await insert(transaction, 13).catch(() => {})
    await transaction.execute('SAVEPOINT a').catch(() => {})
    await insert(transaction, 2).catch(() => {})
  }))

test('statements that are under way together end together', () =>
  assertNothingDone(async (transaction) => {
    await insert(transaction, 1)
    await Promise.allSettled([13, 3, 4].map((n) => insert(transaction, n)))
  }))

test('savepoint() tells the reason, and not that its savepoint is gone', () =>
  assertNothingDone(async (transaction) => {
    await insert(transaction, 1)
    await transaction.savepoint(async () => void (await insert(transaction, 13)))
  }))

test('whoever stops a transaction whose outcome is unknown hears that', async () => {
  const controller = new AbortController()
  const ask = async ({ kind }: { readonly kind: string }): Promise<unknown> => {
    if (kind !== 'commit') return 1
    controller.abort()
    throw new HarmonyError('OUTCOME_UNKNOWN', 'It may be done.')
  }
  const link = { ask } as unknown as CoreLink
  const { signal } = controller
  await assert.rejects(
    runTransaction(link, 'default', async () => 1, { signal }),
    { code: 'OUTCOME_UNKNOWN' },
  )
})

test('a database that was dropped and made again can be used', async () => {
  const first = await db.createDatabase('again')
  await first.execute('CREATE TABLE t (n INTEGER)')
  await db.dropDatabase('again')
  const second = await db.createDatabase('again')
  await second.execute('CREATE TABLE t (n INTEGER)')
  await second.execute('INSERT INTO t VALUES (1)')
  assert.deepEqual(second.prepare('SELECT n FROM t').all(), [{ n: 1 }])
})
