/**
 * More than can be served: what is beyond a limit is refused at once, with an error that says that nothing was done and to try again, in the words of each
 * protocol. What was accepted is done, all of it and once.
 */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { createClient } from '@libsql/client'
import pg from 'pg'
import { until } from '../cluster/cluster.ts'
import { Target } from './target.ts'

const WAITING_MAX = 20
const CLIENTS = 60

interface Outcome {
  readonly id: number
  /** Null: it was done. */
  readonly refusal: { readonly code: string; readonly retryAfter: string | null } | null
}

async function postgresClient(t: TestContext, target: Target): Promise<pg.Client> {
  const client = new pg.Client({ ...target.address('postgres'), user: 'test', database: 'default' })
  client.on('error', () => undefined)
  t.after(() => client.end().catch(() => undefined))
  await client.connect()
  return client
}

const INSERT = 'INSERT INTO notes (id) VALUES ($1)'

async function overHttp(target: Target, id: number): Promise<Outcome> {
  const response = await fetch(`${target.url}/v1/databases/default/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: INSERT.replace('$', '?'), params: [id] }),
  })
  const { error } = (await response.json()) as { error?: { code: string; retryable: boolean } }
  if (error === undefined) return { id, refusal: null }
  assert.deepEqual([response.status, error.retryable], [503, true])
  return { id, refusal: { code: error.code, retryAfter: response.headers.get('retry-after') } }
}

/** Another transaction holds the writer, so that every write waits. */
async function holdWriter(t: TestContext, target: Target): Promise<() => Promise<void>> {
  const holder = await postgresClient(t, target)
  await holder.query('BEGIN')
  await holder.query('INSERT INTO notes (id) VALUES (0)')
  return async () => {
    await holder.query('COMMIT')
  }
}

async function started(t: TestContext, ...limits: readonly string[]): Promise<Target> {
  const target = await Target.start(...PATIENCE, ...limits)
  t.after(() => target[Symbol.asyncDispose]())
  await target.query('CREATE TABLE notes (id INTEGER PRIMARY KEY)')
  return target
}

async function idsOf(target: Target): Promise<number[]> {
  return (await target.query('SELECT id FROM notes ORDER BY id')).map(([id]) => Number(id))
}

const LIMITS = [`group.waitingRequestsMax=${WAITING_MAX}`, 'group.batchWaitTimeoutMs=10min']

/** Transactions stay open for as long as a test needs them. */
const PATIENCE = ['gateway.transactionIdleTimeoutMs=10min', 'gateway.transactionTotalTimeoutMs=10min']

test('HTTP: writes beyond the limit get 503 with Retry-After while the others wait, and only those are missing afterwards', async (t) => {
  const target = await started(t, ...LIMITS)
  const release = await holdWriter(t, target)
  let refusedCount = 0
  const asked = Array.from({ length: CLIENTS }, async (_, at) => {
    const outcome = await overHttp(target, at + 1)
    if (outcome.refusal !== null) refusedCount++
    return outcome
  })
  // They are answered although nothing moves.
  await until('the rest is refused', async () => refusedCount >= CLIENTS - WAITING_MAX)
  await release()
  const outcomes = await Promise.all(asked)
  const refused = outcomes.flatMap(({ refusal }) => refusal ?? [])
  assert.deepEqual(
    new Set(refused.map(({ code, retryAfter }) => `${code} ${retryAfter}`)),
    new Set(['OVERLOADED 1']),
  )
  const done = outcomes.filter(({ refusal }) => refusal === null).map(({ id }) => id)
  assert.deepEqual(await idsOf(target), [0, ...done])
})

test('PostgreSQL and libSQL: writes beyond the limit get 53000 and OVERLOADED', async (t) => {
  const target = await started(t, ...LIMITS)
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => postgresClient(t, target)))
  const release = await holdWriter(t, target)
  const refusals: unknown[] = []
  const done: number[] = []
  const asked = clients.map(async (client, at) => {
    try {
      await client.query(INSERT, [at + 1])
      done.push(at + 1)
    } catch (error) {
      refusals.push((error as { code?: unknown }).code)
    }
  })
  await until('the rest is refused', async () => refusals.length >= CLIENTS - WAITING_MAX)
  const libsql = createClient({ url: target.url.replace('http', 'ws') })
  t.after(() => libsql.close())
  await assert.rejects(libsql.execute({ sql: INSERT.replace('$', '?'), args: [1000] }), {
    code: 'OVERLOADED',
  })
  await release()
  await Promise.all(asked)
  assert.deepEqual(new Set(refusals), new Set(['53000']))
  assert.deepEqual(
    await idsOf(target),
    [0, ...done].toSorted((left, right) => left - right),
  )
})

test('connections beyond the limit are told so, and when others have gone there is room again', async (t) => {
  const target = await started(t, 'postgres.connectionsMax=3')
  const clients = await Promise.all([1, 2, 3].map(() => postgresClient(t, target)))
  await assert.rejects(postgresClient(t, target), { code: '53300' })
  await clients[0]?.end()
  await until('there is room', () =>
    postgresClient(t, target).then(
      () => true,
      () => false,
    ),
  )
})

test('transactions and sessions beyond their limits are refused, and those that are open go on', async (t) => {
  const target = await started(t, 'gateway.transactionsMax=2', 'gateway.sessionsMax=5')
  const clients = await Promise.all([1, 2, 3, 4].map(() => postgresClient(t, target)))
  const [first, second, third] = clients as [pg.Client, pg.Client, pg.Client, pg.Client]
  for (const client of [first, second]) await client.query('BEGIN')
  await assert.rejects(
    third.query('BEGIN').then(() => third.query('SELECT 1')),
    { code: '53000' },
  )
  await third.query('ROLLBACK')
  assert.deepEqual((await third.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  // The fifth one is that of the requests over HTTP.
  await postgresClient(t, target)
  await assert.rejects(postgresClient(t, target), { code: '53000' })
  await first.query('INSERT INTO notes (id) VALUES (7)')
  await first.query('COMMIT')
  await clients[3]?.end()
  await until('there is room for requests', () =>
    idsOf(target).then(
      () => true,
      () => false,
    ),
  )
  assert.deepEqual(await idsOf(target), [7])
})
