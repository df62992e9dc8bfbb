/** Corners of PostgreSQL's behaviour that drivers and pools of connections rely on; each compared with PostgreSQL 15 by hand. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FreshClients } from './fresh-clients.ts'
import { i16, i32, execute, message, parse, query, sync, text } from './raw-client.ts'

const clients = new FreshClients()
const { ask } = clients

test('a PREPARE TRANSACTION that is refused has ended the transaction', async () => {
  await ask("begin; insert into t values (90, 'x')")
  assert.deepEqual(await ask("prepare transaction 'p'"), ['E 0A000', 'Z I'])
  assert.deepEqual(await ask('select count(*) from t where id = 90'), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
  await ask('begin; select 1/0')
  assert.deepEqual(await ask("prepare transaction 'p'"), ['C ROLLBACK', 'Z I'])
  const warning = 'N there is no transaction in progress'
  assert.deepEqual(await ask("prepare transaction 'p'"), [warning, 'C ROLLBACK', 'Z I'])
})

test('EXECUTE runs what was prepared for the tables as they are now', async () => {
  await ask('create table changing (a int); insert into changing values (1)')
  await ask('prepare p as select a from changing where a = $1')
  assert.deepEqual(await ask('execute p(1)'), ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
  await ask("drop table changing; create table changing (a text); insert into changing values ('1')")
  assert.deepEqual(await ask('execute p(1)'), ['E 42883', 'Z I'])
  await ask('drop table changing')
  assert.deepEqual(await ask('execute p(1)'), ['E 42P01', 'Z I'])
})

test('a comment that does not end is an error, although SQLite would run what stands before it', async () => {
  assert.deepEqual(await ask('select 1 /* all of it'), ['E 42601', 'Z I'])
})

test('a statement of SQLite gives its rows and its tag behind a comment, too', async () => {
  assert.deepEqual(await ask('/* a */ -- b\n pragma user_version'), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
})

test('FETCH and MOVE to a row by its number', async () => {
  await ask('begin; declare c scroll cursor for select id from t order by id')
  const fetched = async (how: string): Promise<string> => (await ask(`fetch ${how} from c`)).join(', ')
  const row = (id: number): string => `T 1, D ${id}, C FETCH 1, Z T`
  const none = 'T 1, C FETCH 0, Z T'
  assert.equal(await fetched('last'), row(3))
  assert.equal(await fetched('first'), row(1))
  assert.equal(await fetched('absolute 2'), row(2))
  assert.equal(await fetched('relative 0'), row(2))
  assert.equal(await fetched('forward 0'), row(2))
  assert.equal(await fetched('relative -1'), row(1))
  assert.equal(await fetched('prior'), none)
  assert.equal(await fetched('next'), row(1))
  assert.equal(await fetched('absolute -2'), row(2))
  assert.equal(await fetched('absolute 9'), none)
  assert.equal(await fetched('prior'), row(3))
  assert.deepEqual(await ask('move absolute 1 from c'), ['C MOVE 1', 'Z T'])
  assert.equal(await fetched('next'), row(2))
})

test('a message that is no data ends a COPY and the connection', async () => {
  clients.client.send(query('copy t from stdin'), query('select 1'))
  const answers = await clients.client.until('Z')
  assert.deepEqual(
    answers.map(({ type }) => type),
    ['G', 'E'],
  )
  assert.ok(clients.client.isClosed)
})

test('an array whose elements are of another type than the parameter is refused, not read as if', async () => {
  const bytes = Buffer.concat([i32(1), i32(0), i32(23), i32(1), i32(1), i32(4), i32(65)])
  const values = [i16(1), i16(1), i16(1), i32(bytes.length), bytes, i16(0)]
  const bound = message('B', text(''), text(''), ...values)
  const answer = await clients.client.ask(parse('', 'select $1::text[]'), bound, execute(''), sync)
  assert.deepEqual(answer, ['1', 'E 42804', 'Z I'])
  const right = await clients.client.ask(parse('', 'select $1::int[]'), bound, execute(''), sync)
  assert.deepEqual(right, ['1', '2', 'D {65}', 'C SELECT 1', 'Z I'])
})

test('what pools of connections send before they lend one again', async () => {
  assert.deepEqual(await ask('set session authorization default'), ['C SET', 'Z I'])
  assert.deepEqual(await ask('reset session authorization'), ['C RESET', 'Z I'])
  const reset = await ask('select pg_advisory_unlock_all(); close all; unlisten *; reset all')
  assert.deepEqual(reset.at(-1), 'Z I')
  assert.deepEqual(
    reset.filter((line) => line.startsWith('E')),
    [],
  )
})

test('a violated foreign key or check is told with its table and its name', async () => {
  await ask('create table parent (id int primary key, n int check (n > 0))')
  await ask('create table child (id int primary key, parent_id int references parent)')
  await ask('insert into parent values (1, 1), (2, 2); insert into child values (1, 1)')
  const told = async (sql: string): Promise<string[]> => {
    clients.client.send(query(sql))
    const error = (await clients.client.until('Z')).find(({ type }) => type === 'E')
    const fields = error?.body.toString().split('\0') ?? []
    return ['C', 't', 'n', 'M'].map((code) => fields.find((field) => field.startsWith(code))?.slice(1) ?? '')
  }
  const referring = 'insert or update on table "child" violates foreign key constraint'
  const key = ['23503', 'child', 'child_parent_id_fkey']
  assert.deepEqual(await told('insert into child values (2, 9)'), [...key, `${referring} "${key[2]}"`])
  assert.deepEqual(await told('update child set parent_id = 9'), [...key, `${referring} "${key[2]}"`])
  const referred = `update or delete on table "parent" violates foreign key constraint "${key[2]}" on table "child"`
  assert.deepEqual(await told('delete from parent where id = 1'), [...key, referred])
  assert.deepEqual(await told('update parent set id = 5 where id = 1'), [...key, referred])
  const check = 'new row for relation "parent" violates check constraint "parent_n_check"'
  assert.deepEqual(await told('update parent set n = 0'), ['23514', 'parent', 'parent_n_check', check])

  await ask(
    'create table toy (id int primary key, child_id int references child, parent_id int references parent)',
  )
  const either = ['23503', 'toy', '', 'insert or update on table "toy" violates foreign key constraint']
  assert.deepEqual(await told('insert into toy values (1, 9, 9)'), either)
  assert.equal((await told('insert into toy values (1, 1, 9)')).at(2), '')
  await ask('create table note (id int primary key, parent_id int references parent on delete cascade)')
  const unknown = 'insert, update or delete violates foreign key constraint'
  assert.deepEqual(await told('delete from parent where id = 1'), ['23503', '', '', unknown])
})

test('a name that no table has is no regclass; to_regclass tells NULL', async () => {
  assert.deepEqual(await ask("select 'nobody'::regclass"), ['E 42P01', 'Z I'])
  assert.deepEqual(await ask("select 1 from pg_attribute where attrelid = 'public.nobody'::regclass"), [
    'E 42P01',
    'Z I',
  ])
  assert.deepEqual(await ask("select to_regclass('nobody')"), ['T 1', 'D NULL', 'C SELECT 1', 'Z I'])
  for (const name of ['t', 'public.t', 't_pkey', 'pg_class'])
    assert.equal((await ask(`select '${name}'::regclass::text is not null`)).at(-2), 'C SELECT 1', name)
})

test('pg_sleep in FROM sleeps once, before the rows come, and can be stopped', async () => {
  const rows = await ask('select n from generate_series(1, 2) n, pg_sleep(0.01)')
  assert.deepEqual(rows, ['T 1', 'D 1', 'D 2', 'C SELECT 2', 'Z I'])
  assert.deepEqual(await ask('select 1 from pg_sleep(0.01)'), ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
  await ask('set statement_timeout = 20')
  assert.deepEqual(await ask('select * from generate_series(1, 2) n, pg_sleep(60)'), ['E 57014', 'Z I'])
})
