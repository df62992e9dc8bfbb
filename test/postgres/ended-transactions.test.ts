/** Transactions that end by themselves between two statements of their client: by a timeout here, by another leader in a cluster. COMMIT must not say that it did something. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWithTable, type PostgresHarness } from './harness.ts'
import { bind, execute, flush, parse, query, RawClient, sync } from './raw-client.ts'

const IDLE_MS = 300
const ROWS = query('select id from t where id > 3')
const NO_ROWS = ['T 1', 'C SELECT 0', 'Z I']

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable({ configuration: { transactionIdleTimeoutMs: IDLE_MS } })
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

/** A client in a block that is over without its knowing. */
async function inEnded(...statements: readonly string[]): Promise<RawClient> {
  const client = await RawClient.ready(harness.port)
  while (!(await hasRun(client, ['begin', ...statements]))) await client.ask(query('rollback'))
  await sleep(2 * IDLE_MS)
  return client
}

/** False if the block has ended on the way: a machine that stands still for a moment takes more than its time. */
async function hasRun(client: RawClient, statements: readonly string[]): Promise<boolean> {
  for (const statement of statements) {
    const answers = await client.ask(query(statement))
    if (answers.at(-2) === 'E 25P03') return false
    assert.equal(answers.at(-1), 'Z T', `${statement}: ${answers.join(', ')}`)
  }
  return true
}

const COMMITS = new Map([
  ['a simple query', [query('commit')]],
  ['the extended protocol', [parse('', 'commit'), bind('', ''), execute(''), sync]],
])

for (const [how, commit] of COMMITS)
  test(`COMMIT by ${how} fails, with the reason, and nothing was done`, async () => {
    for (const statements of [
      ['insert into t values (4)'],
      ['select id from t'],
      ['savepoint a', 'insert into t values (4)'],
    ]) {
      await using client = await inEnded(...statements)
      const answers = await client.ask(...commit)
      assert.deepEqual(answers.slice(-2), ['E 25P03', 'Z I'], statements.join('; '))
      assert.deepEqual(await client.ask(ROWS), NO_ROWS)
    }
  })

test('ROLLBACK is what the client wants, and the next statement runs', async () => {
  for (const statement of ['insert into t values (4)', 'select id from t']) {
    await using client = await inEnded(statement)
    assert.deepEqual(await client.ask(query('rollback')), ['C ROLLBACK', 'Z I'])
    assert.deepEqual(await client.ask(ROWS), NO_ROWS)
  }
})

test('any other statement fails with the reason, and the block is a failed one', async () => {
  for (const statement of [
    'insert into t values (5)',
    'select id from t',
    'savepoint b',
    'release a',
    'rollback to a',
  ]) {
    await using client = await inEnded('savepoint a', 'insert into t values (4)')
    assert.deepEqual(await client.ask(query(statement)), ['E 25P03', 'Z E'], statement)
    assert.deepEqual(await client.ask(query('commit')), ['C ROLLBACK', 'Z I'])
    assert.deepEqual(await client.ask(ROWS), NO_ROWS)
  }
})

test('COMMIT AND CHAIN begins nothing', async () => {
  await using client = await inEnded('insert into t values (4)')
  assert.deepEqual(await client.ask(query('commit and chain')), ['E 25P03', 'Z I'])
  assert.deepEqual(await client.ask(ROWS), NO_ROWS)
})

test('statements before a Sync are one transaction, and the Sync tells that it has ended', async () => {
  await using client = await RawClient.ready(harness.port)
  const insert = (id: number): Buffer[] => [
    parse('', `insert into t values (${id})`),
    bind('', ''),
    execute(''),
  ]
  client.send(...insert(4), ...insert(5), flush)
  for (const _ of [4, 5]) assert.equal((await client.until('C')).at(-1)?.type, 'C')
  await sleep(2 * IDLE_MS)
  assert.deepEqual(await client.ask(sync), ['E 25P03', 'Z I'])
  assert.deepEqual(await client.ask(ROWS), NO_ROWS)
})
