/** Temporary tables: who sees them, and that nothing is left of them, however their session ends. What they do is in the differential test. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { NO_ARGUMENTS } from '../../src/base/value.ts'
import { loadSchema } from '../../src/protocols/postgres/dialect/schema-loader.ts'
import { TemporaryTables } from '../../src/protocols/postgres/session/temporary-tables.ts'
import { openPostgres, type PostgresHarness } from './harness.ts'

async function connected(t: TestContext, { url }: PostgresHarness): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end().catch(() => undefined))
  return client
}

async function rows(client: pg.Client, text: string): Promise<unknown> {
  return (await client.query({ text, rowMode: 'array' })).rows
}

function failure(client: pg.Client, sql: string): Promise<pg.DatabaseError> {
  return client.query(sql).then(
    () => assert.fail(`${sql} succeeded`),
    (error: unknown) => error as pg.DatabaseError,
  )
}

/** Tables and views as SQLite has them, whoever they belong to. */
async function allRelations({ gateway }: PostgresHarness): Promise<readonly string[]> {
  const session = await gateway.openSession('default', { access: 'read-only', databases: null })
  try {
    const sql = "SELECT name FROM sqlite_schema WHERE name LIKE 'pg\\_temp%' ESCAPE '\\'"
    return (await session.execute({ sql, args: NO_ARGUMENTS })).rows.map(([name]) => String(name))
  } finally {
    await session.close()
  }
}

async function untilNoneAreLeft(harness: PostgresHarness): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const left = await allRelations(harness)
    if (left.length === 0) return
    assert.ok(Date.now() < deadline, `still there: ${left.join(', ')}`)
    await pause(10)
  }
}

test('each session has its own table of a name, and sees no other', async (t) => {
  await using harness = await openPostgres()
  const [one, two, other] = await Promise.all([1, 2, 3].map(() => connected(t, harness)))
  assert.ok(one !== undefined && two !== undefined && other !== undefined)
  for (const [client, value] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    await client.query('create temp table mine (id serial primary key, v text unique)')
    await client.query('create index mine_v on mine (v)')
    await client.query('insert into mine (v) values ($1)', [value])
  }
  assert.deepEqual(await rows(one, 'select * from mine'), [[1, 'one']])
  assert.deepEqual(await rows(two, 'select * from mine'), [[1, 'two']])
  assert.equal((await failure(other, 'select * from mine')).code, '42P01')
  const listed = "select table_name from information_schema.tables where table_name like '%mine%'"
  assert.deepEqual(await rows(one, listed), [['mine']])
  assert.deepEqual(await rows(other, listed), [])
})

test('a plan of one session is not another one’s: the same text means the table that each sees', async (t) => {
  await using harness = await openPostgres()
  const [one, two] = await Promise.all([connected(t, harness), connected(t, harness)])
  await one.query("create table shared (v text); insert into shared values ('ordinary')")
  assert.deepEqual(await rows(two, 'select v from shared'), [['ordinary']])
  await one.query("create temp table shared (v text); insert into shared values ('temporary')")
  assert.deepEqual(await rows(one, 'select v from shared'), [['temporary']])
  assert.deepEqual(await rows(two, 'select v from shared'), [['ordinary']])
  await one.query('drop table shared')
  assert.deepEqual(await rows(one, 'select v from shared'), [['ordinary']])
})

test('errors speak of the table as its session calls it', async (t) => {
  await using harness = await openPostgres()
  const client = await connected(t, harness)
  await client.query(
    'create temp table pets (id int primary key, name text not null, age int check (age > 0))',
  )
  await client.query("insert into pets values (1, 'rex', 1)")
  const taken = await failure(client, "insert into pets values (1, 'tom', 1)")
  assert.deepEqual([taken.code, taken.table, taken.constraint], ['23505', 'pets', 'pets_pkey'])
  const missing = await failure(client, 'insert into pets values (2, null, 1)')
  assert.match(missing.message, /column "name" of relation "pets"/)
  assert.equal(
    (await failure(client, 'create temp table pets (id int)')).message,
    'relation "pets" already exists',
  )
})

test('they are gone when the connection ends, one that was cut off in a transaction too', async (t) => {
  await using harness = await openPostgres()
  const polite = await connected(t, harness)
  await polite.query('create temp table a (id int primary key); create temp table b (id int references a)')
  await polite.query(
    'insert into a values (1); insert into b values (1); create temp view c as select * from b',
  )
  const rude = await connected(t, harness)
  await rude.query('create temp table kept (id int)')
  await rude.query('begin; create temp table half (id int)')
  assert.equal((await allRelations(harness)).length, 4)
  await polite.end()
  ;(rude as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  await untilNoneAreLeft(harness)
})

test('DISCARD drops them, ALL and TEMP, and the session goes on', async (t) => {
  await using harness = await openPostgres()
  const client = await connected(t, harness)
  for (const command of ['discard temp', 'discard all']) {
    await client.query('create temp table pets (id int)')
    await client.query(command)
    assert.equal((await failure(client, 'select * from pets')).code, '42P01')
    assert.deepEqual(await allRelations(harness), [])
  }
})

test('what a member that died has left behind is dropped when it is back and somebody connects', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-temporary-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  {
    await using harness = await openPostgres({ folder })
    const session = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
    // As a session of this member that never ended has made it, one of another member's, and a table that only looks like one.
    const make = async (name: string, mark: string): Promise<void> => {
      await session.execute({ sql: `CREATE TABLE ${name} (${mark}id INT4)`, args: NO_ARGUMENTS })
    }
    await make('pg_temp_1_00112233445566aa_pets', '/* temporary */ ')
    await make('pg_temp_77_00112233445566aa_pets', '/* temporary */ ')
    await make('pg_temp_1_00112233445566aa_notes', '')
    await session.close()
  }
  await using harness = await openPostgres({ folder })
  const client = await connected(t, harness)
  assert.equal((await failure(client, 'select * from pets')).code, '42P01')
  const deadline = Date.now() + 60_000
  const expected = ['pg_temp_77_00112233445566aa_pets', 'pg_temp_1_00112233445566aa_notes']
  while ((await allRelations(harness)).length > 2 && Date.now() < deadline) await pause(10)
  assert.deepEqual((await allRelations(harness)).toSorted(), expected.toSorted())
})

test('what a member that the cluster has removed has left behind is dropped by the others, not what a live one has', async () => {
  await using harness = await openPostgres()
  const session = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
  for (const member of [8, 9]) {
    const name = `pg_temp_${member}_00112233445566aa_pets`
    await session.execute({ sql: `CREATE TABLE ${name} (/* temporary */ id INT4)`, args: NO_ARGUMENTS })
  }
  const tables = new TemporaryTables(harness.gateway, { own: 1, isRemoved: (member) => member === 9 })
  tables.notice('default', await loadSchema(session))
  await tables.settled()
  await session.close()
  assert.deepEqual(await allRelations(harness), ['pg_temp_8_00112233445566aa_pets'])
})
