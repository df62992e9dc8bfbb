/** What a session keeps: cursors, prepared statements, settings; and SQLite's own statements in it. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NO_ARGUMENTS } from '../../src/base/value.ts'
import { openWithTable, type PostgresHarness } from './harness.ts'
import { bind, describe, execute, parse, query, RawClient, sync } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

test('cursors in SQL: declare, fetch, move, close', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query('declare k cursor for select 1')), ['E 25P01', 'Z I'])
  await client.ask(query('begin; declare k cursor for select id from t where id < 4 order by id'))
  assert.deepEqual(await client.ask(query('fetch 2 from k')), ['T 1', 'D 1', 'D 2', 'C FETCH 2', 'Z T'])
  assert.deepEqual(await client.ask(query('fetch all from k')), ['T 1', 'D 3', 'C FETCH 1', 'Z T'])
  assert.deepEqual(await client.ask(query('fetch backward 1 from k')), ['T 1', 'D 3', 'C FETCH 1', 'Z T'])
  assert.deepEqual(await client.ask(query('close k; commit')), ['C CLOSE CURSOR', 'C COMMIT', 'Z I'])
})

test('PREPARE, EXECUTE, DEALLOCATE; DISCARD ALL', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('prepare p (int) as select v from t where id = $1'))
  assert.deepEqual(await client.ask(query('execute p(2)')), ['T 1', 'D b', 'C SELECT 1', 'Z I'])
  assert.deepEqual(await client.ask(query('deallocate p')), ['C DEALLOCATE', 'Z I'])
  assert.deepEqual(await client.ask(query('execute p(2)')), ['E 26000', 'Z I'])
  assert.deepEqual(await client.ask(query("set application_name = 'a'; discard all")), [
    'S',
    'C SET',
    'S',
    'C DISCARD ALL',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query('discard all')), ['C DISCARD ALL', 'Z I'])
})

test('SET and SHOW: session, local, rolled back, refused', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query("set timezone to 'Europe/Berlin'")), ['S', 'C SET', 'Z I'])
  assert.deepEqual(await client.ask(query("select '2024-01-01 12:00'::timestamptz")), [
    'T 1',
    'D 2024-01-01 12:00:00+01',
    'C SELECT 1',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query("select date_trunc('day', '2024-01-01 12:00'::timestamptz)")), [
    'E 0A000',
    'Z I',
  ])
  await client.ask(query("begin; set local timezone to 'UTC'"))
  assert.deepEqual(await client.ask(query('show timezone')), ['T 1', 'D UTC', 'C SHOW', 'Z T'])
  await client.ask(query('rollback'))
  assert.deepEqual(await client.ask(query('show timezone')), ['T 1', 'D Europe/Berlin', 'C SHOW', 'Z I'])
  assert.deepEqual(await client.ask(query("set standard_conforming_strings = 'off'")), ['E 0A000', 'Z I'])
  assert.deepEqual(await client.ask(query('set no_such_thing = 1')), ['E 42704', 'Z I'])
  assert.deepEqual(await client.ask(query("set server_version = '9'")), ['E 55P02', 'Z I'])
})

test('read-only transactions refuse writes', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query('begin isolation level repeatable read read only')), [
    'C BEGIN',
    'Z T',
  ])
  assert.deepEqual(await client.ask(query('delete from t')), ['E 25006', 'Z E'])
  await client.ask(query('rollback; set default_transaction_read_only = on'))
  assert.deepEqual(await client.ask(query('delete from t')), ['E 25006', 'Z I'])
})

test('SQLite’s own statements pass through, with PostgreSQL’s error where neither knows them', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query('insert or replace into t values (70, null)')), [
    'C INSERT 0 1',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query("select v from t where v glob 'c*'")), [
    'T 1',
    'D c',
    'C SELECT 1',
    'Z I',
  ])
  assert.deepEqual(
    await client.ask(
      parse('', 'replace into t values (?, $2)'),
      bind('', '', ['71', 'x']),
      execute(''),
      sync,
    ),
    ['1', '2', 'C INSERT 0 1', 'Z I'],
  )
  assert.deepEqual(await client.ask(query('select id, v from t where id = 71')), [
    'T 2',
    'D 71|x',
    'C SELECT 1',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query('frobnicate the table')), ['E 42601', 'Z I'])
})

test('a cursor that DECLARE made is described as a portal', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('begin; declare k2 cursor for select id, v from t'))
  assert.deepEqual(await client.ask(describe('P', 'k2'), sync), ['T 2', 'Z T'])
})

test('a SERIAL column of a table without a key numbers its rows, and says that it is the key', async () => {
  await using client = await RawClient.ready(harness.port)
  const answer = await client.ask(query('create table numbered (id serial, v text)'))
  assert.deepEqual(answer, [
    'N HarmonyDB makes the numbered column "id" the primary key of "numbered"',
    'C CREATE TABLE',
    'Z I',
  ])
  const rows = await client.ask(query("insert into numbered (v) values ('a'), ('b') returning id"))
  assert.deepEqual(rows, ['T 1', 'D 1', 'D 2', 'C INSERT 0 2', 'Z I'])
})

test('a prepared statement follows the schema; one whose result would be another is refused, as drivers expect it', async () => {
  await using client = await RawClient.ready(harness.port)
  await using other = await RawClient.ready(harness.port)
  await client.ask(query('create table moving (id int primary key, v text)'))
  await client.ask(query("insert into moving values (1, '7')"))
  const run = [bind('', 's', [], 1), execute(''), sync]
  await client.ask(parse('s', 'select v from moving'), describe('S', 's'), sync)
  await client.ask(parse('u', 'update moving set v = $1 where id = 1'), sync)
  assert.deepEqual(await client.ask(...run), ['2', 'D 7', 'C SELECT 1', 'Z I'])
  await other.ask(query('alter table moving add column w int'))
  assert.deepEqual(await client.ask(...run), ['2', 'D 7', 'C SELECT 1', 'Z I'])
  await other.ask(query('alter table moving alter column v type int using v::int'))
  assert.deepEqual(await client.ask(...run), ['E 0A000', 'Z I'])
  // Its parameter stays the text that its client was told of.
  assert.deepEqual(await client.ask(bind('', 'u', ['8']), execute(''), sync), ['E 42804', 'Z I'])
  await client.ask(parse('', 'select v from moving'), bind('', '', [], 1), execute(''), sync)
  assert.deepEqual(
    await client.ask(parse('', 'select v from moving'), bind('', '', [], 1), execute(''), sync),
    ['1', '2', 'D \0\0\0\x07', 'C SELECT 1', 'Z I'],
  )
  await other.ask(query('drop table moving'))
  assert.deepEqual(await client.ask(...run), ['E 42P01', 'Z I'])
})

test('Parse of what neither PostgreSQL nor SQLite understands is an error at once', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(parse('', 'selec $1'), describe('S', ''), sync), ['E 42601', 'Z I'])
  assert.deepEqual((await client.ask(parse('', 'pragma table_list'), describe('S', ''), sync))[0], '1')
})

test('a table that another protocol has just made is there at once, for new connections, too, and in transactions', async () => {
  const other = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
  const make = (name: string): Promise<unknown> =>
    other.execute({ sql: `CREATE TABLE ${name} AS SELECT 1 AS a`, args: NO_ARGUMENTS })
  const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.ready(harness.port)))
  const askAll = async (...texts: readonly string[]): Promise<string[][]> =>
    Promise.all(
      clients.map(async (client) => {
        const answers = []
        for (const text of texts) answers.push(...(await client.ask(query(text))))
        return answers
      }),
    )
  await askAll('select v from t where id = 2')
  await make('made_1')
  const plain = await askAll('select a from made_1')
  for (const answer of plain) assert.deepEqual(answer, ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
  await make('made_2')
  const inTransactions = await askAll('begin', 'select a from made_2', 'rollback')
  for (const answer of inTransactions) {
    assert.deepEqual(answer, ['C BEGIN', 'Z T', 'T 1', 'D 1', 'C SELECT 1', 'Z T', 'C ROLLBACK', 'Z I'])
  }
  assert.deepEqual(await clients[0]?.ask(query('select 1 from made_3')), ['E 42P01', 'Z I'])
  for (const client of clients) await client[Symbol.asyncDispose]()
  await other.close()
})
