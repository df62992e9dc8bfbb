/** Who is connected and does what, and functions that act on that, anywhere in the list of a SELECT. */

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { openPostgres, type PostgresHarness } from './harness.ts'

async function connected(t: TestContext, { url }: PostgresHarness, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end().catch(() => undefined))
  return client
}

async function rows(client: pg.Client, text: string, values: unknown[] = []): Promise<unknown[][]> {
  return (await client.query({ text, values, rowMode: 'array' })).rows as unknown[][]
}

test('pg_stat_activity tells all connections, their last statement and their state', async (t) => {
  await using harness = await openPostgres()
  const [watcher, idle, open, failed] = await Promise.all(
    ['watcher', 'idle', 'open', 'failed'].map((name) => connected(t, harness, name)),
  )
  assert.ok(watcher && idle && open && failed)
  await idle.query('create table t (id int)')
  await open.query('begin')
  await open.query('insert into t values (1)')
  await failed.query('begin')
  await assert.rejects(failed.query('select nothing'))
  const sql = 'select application_name, state, query from pg_stat_activity order by application_name'
  assert.deepEqual(await rows(watcher, sql), [
    ['failed', 'idle in transaction (aborted)', 'begin'],
    ['idle', 'idle', 'create table t (id int)'],
    ['open', 'idle in transaction', 'insert into t values (1)'],
    ['watcher', 'active', sql],
  ])
  const [[ownPid] = []] = await rows(watcher, 'select pg_backend_pid()')
  const own =
    "select pid, usename, datname, query_start >= backend_start, state from pg_stat_activity where application_name = 'watcher'"
  assert.deepEqual(await rows(watcher, own), [[ownPid, 'tester', 'default', true, 'active']])
})

test('pg_cancel_backend and pg_terminate_backend act on what a query finds', async (t) => {
  await using harness = await openPostgres()
  const [watcher, sleeper] = await Promise.all([
    connected(t, harness, 'watcher'),
    connected(t, harness, 'sleeper'),
  ])
  const sleeping = assert.rejects(sleeper.query('select pg_sleep(600)'), { code: '57014' })
  const find = "from pg_stat_activity where query like '%sleep(600)%' and application_name = $1"
  while ((await rows(watcher, `select 1 ${find}`, ['sleeper'])).length === 0) await pause(5)
  const cancel = `select application_name, (select pg_cancel_backend(pid)) as cancelled ${find}`
  assert.deepEqual(await rows(watcher, cancel, ['sleeper']), [['sleeper', true]])
  await sleeping
  const ended = new Promise((resolve) => sleeper.once('end', resolve))
  const kill =
    "select pg_terminate_backend(pid), state from pg_stat_activity where application_name = 'sleeper'"
  assert.deepEqual(await rows(watcher, kill), [[true, 'idle']])
  await ended
})

test('functions with an effect stand beside other items, and are refused where their result would be computed with', async (t) => {
  await using harness = await openPostgres()
  const client = await connected(t, harness, 'x')
  const several =
    "select 1 as one, pg_sleep(0.01), set_config('application_name', 'y', false), set_config('a.b', null, false)"
  assert.deepEqual(await rows(client, several), [[1, '', 'y', null]])
  assert.deepEqual(await rows(client, 'show application_name'), [['y']])
  await client.query('create table t (c text); listen news')
  const heard = new Promise<pg.Notification>((resolve) => client.once('notification', resolve))
  await client.query("insert into t values ('news')")
  await client.query("select c, pg_notify(c, 'hello') from t")
  assert.equal((await heard).payload, 'hello')
  for (const sql of [
    "select pg_sleep(1)::text || 'x'",
    'select 1 where pg_sleep(1) is null',
    "insert into t select set_config('a.b', 'x', false)",
    "create table u as select set_config('a.b', 'x', false) as c",
    "copy (select set_config('a.b', 'x', false)) to stdout",
    'select * from (select pg_sleep(1)) s',
  ])
    await assert.rejects(client.query(sql), { code: '0A000' }, sql)
})

test('pg_prepared_statements tells the session’s own, with the types of their parameters', async (t) => {
  await using harness = await openPostgres()
  const client = await connected(t, harness, 'x')
  await client.query({ name: 'one', text: 'select $1::int + 1, $2::text', values: [1, 'x'] })
  await client.query('prepare two as select 1')
  const sql = 'select name, statement, parameter_types::text from pg_prepared_statements order by name'
  assert.deepEqual(await rows(client, sql), [
    ['one', 'select $1::int + 1, $2::text', '{integer,text}'],
    ['two', ' select 1', '{}'],
  ])
})
