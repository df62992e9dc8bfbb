/** What BEGIN, COMMIT, savepoints and their options do to what was written before them, as PostgreSQL has it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FreshClients } from './fresh-clients.ts'
import { bind, execute, parse, query, RawClient, sync } from './raw-client.ts'

const clients = new FreshClients((client) => client.ask(query('delete from t where id > 3')))
const { ask } = clients

/** What others see of the rows that tests add. */
async function added(): Promise<string> {
  await using other = await RawClient.ready(clients.port)
  const answers = await other.ask(query('select id from t where id > 3 order by id'))
  return answers
    .filter((line) => line.startsWith('D '))
    .map((line) => line.slice(2))
    .join()
}

test('a transaction that is made read-only keeps what it has written', async () => {
  for (const how of ['set transaction read only', 'set transaction_read_only = on']) {
    await ask('begin; insert into t values (4)')
    assert.deepEqual(await ask(how), ['C SET', 'Z T'], how)
    assert.deepEqual(await ask('select count(*) from t where id = 4'), ['T 1', 'D 1', 'C SELECT 1', 'Z T'])
    assert.deepEqual(await ask('commit'), ['C COMMIT', 'Z I'])
    assert.equal(await added(), '4', how)
    await ask('delete from t where id = 4')
  }
  await ask('begin; insert into t values (5); set transaction read only')
  assert.deepEqual(await ask('insert into t values (6)'), ['E 25006', 'Z E'])
  assert.deepEqual(await ask('commit'), ['C ROLLBACK', 'Z I'])
  assert.equal(await added(), '')
})

test('a transaction that is made read-only keeps its savepoints and its snapshot', async () => {
  await ask('begin; savepoint a; set transaction read only')
  assert.deepEqual(await ask('rollback to a'), ['C ROLLBACK', 'Z T'])
  await ask('rollback; begin; select count(*) from t')
  await using other = await RawClient.ready(clients.port)
  await other.ask(query('insert into t values (4)'))
  await ask('set transaction read only')
  assert.deepEqual(await ask('select count(*) from t'), ['T 1', 'D 3', 'C SELECT 1', 'Z T'])
  await ask('commit')
})

test('SET TRANSACTION READ ONLY before anything else refuses writes', async () => {
  await ask('select 1')
  assert.deepEqual(await ask('begin; set transaction read only; select 1'), [
    'C BEGIN',
    'C SET',
    'T 1',
    'D 1',
    'C SELECT 1',
    'Z T',
  ])
  assert.deepEqual(await ask('insert into t values (4)'), ['E 25006', 'Z E'])
  await ask('rollback')
  assert.deepEqual(await ask('insert into t values (4)'), ['C INSERT 0 1', 'Z I'])
})

test('savepoints whose names differ only in case are two', async () => {
  await ask('begin; insert into t values (4); savepoint "A"; insert into t values (5); savepoint a')
  await ask('insert into t values (6)')
  assert.deepEqual(await ask('rollback to "A"'), ['C ROLLBACK', 'Z T'])
  assert.deepEqual(await ask('commit'), ['C COMMIT', 'Z I'])
  assert.equal(await added(), '4')
})

test('the newest savepoint of a name is meant, and the older one comes back when it is released', async () => {
  await ask('begin; savepoint a; insert into t values (4); savepoint a; insert into t values (5)')
  await ask('savepoint b; insert into t values (6); rollback to a; insert into t values (7)')
  assert.deepEqual(await ask('release b'), ['E 3B001', 'Z E'])
  await ask('rollback to a; insert into t values (8); release a; savepoint c; insert into t values (9)')
  assert.deepEqual(await ask('rollback to c; release c'), ['C ROLLBACK', 'C RELEASE', 'Z T'])
  assert.deepEqual(await ask('commit'), ['C COMMIT', 'Z I'])
  assert.equal(await added(), '4,8')
})

test("SQLite's BEGIN begins a block of which the session knows", async () => {
  const forms = [
    'begin immediate',
    'BEGIN DEFERRED TRANSACTION',
    '/* a */ begin /* b */ exclusive -- c',
    'begin immediate;',
  ]
  for (const form of forms) {
    for (const dialect of ['postgres', 'sqlite']) {
      if (dialect === 'sqlite') await ask("set harmonydb.dialect = 'sqlite'")
      assert.deepEqual(await ask(form), ['C BEGIN', 'Z T'], form)
      await ask('insert into t (id) values (4)')
      assert.deepEqual(await ask('/* why */ rollback'), ['C ROLLBACK', 'Z I'], form)
      assert.equal(await added(), '')
    }
    await ask('reset harmonydb.dialect')
  }
})

test('BEGIN IMMEDIATE keeps other writers out of the way', async () => {
  assert.deepEqual(await ask('begin immediate'), ['C BEGIN', 'Z T'])
  await ask('select count(*) from t')
  await using other = await RawClient.ready(clients.port)
  const written = other.ask(query('insert into t values (41)'))
  await sleep(100)
  assert.deepEqual(await ask('insert into t values (40)'), ['C INSERT 0 1', 'Z T'])
  assert.deepEqual(await ask('commit'), ['C COMMIT', 'Z I'])
  assert.deepEqual(await written, ['C INSERT 0 1', 'Z I'])
  assert.equal(await added(), '40,41')
})

test('what only SQLite understands of transactions is refused', async () => {
  const forms = [
    "savepoint 'x'",
    'commit transaction zz',
    "release 'x'",
    "rollback to 'x'",
    'end transaction zz',
  ]
  for (const dialect of ['postgres', 'sqlite']) {
    if (dialect === 'sqlite') await ask("set harmonydb.dialect = 'sqlite'")
    for (const form of forms) {
      assert.deepEqual(await ask(form), ['E 42601', 'Z I'], form)
      await ask('begin; insert into t (id) values (4)')
      assert.deepEqual(await ask(`/* a */ ${form}`), ['E 42601', 'Z E'], form)
      assert.deepEqual(await ask('commit'), ['C ROLLBACK', 'Z I'], form)
    }
  }
  assert.equal(await added(), '')
})

test('BEGIN READ ONLY behind other statements of one message, or before one Sync, refuses writes', async () => {
  const answers = await ask('insert into t values (4); begin read only; insert into t values (5)')
  assert.deepEqual(answers, ['C INSERT 0 1', 'C BEGIN', 'E 25006', 'Z E'])
  await ask('rollback')
  await ask('insert into t values (4); begin read only; select 1; commit')
  assert.equal(await added(), '4')
  await using client = await RawClient.ready(clients.port)
  const run = (sql: string): Buffer => Buffer.concat([parse('', sql), bind('', ''), execute('')])
  const parts = ['delete from t where id = 4', 'begin read only', 'insert into t values (5)'].map(run)
  const told = await client.ask(...parts, sync)
  assert.deepEqual(
    told.filter((line) => !/^[12]$/.test(line)),
    ['C DELETE 1', 'C BEGIN', 'E 25006', 'Z E'],
  )
  await client.ask(query('rollback'))
  assert.equal(await added(), '4')
})

test('a transaction that only reads commits although a temporary table is emptied by COMMIT', async () => {
  await using client = await RawClient.ready(clients.port)
  const answer = async (sql: string): Promise<string[]> => client.ask(query(sql))
  await answer('create temp table emptied (id int) on commit delete rows')
  assert.deepEqual(await answer('begin read only'), ['C BEGIN', 'Z T'])
  assert.deepEqual(await answer('select id from t where id = 2'), ['T 1', 'D 2', 'C SELECT 1', 'Z T'])
  assert.deepEqual(await answer('commit'), ['C COMMIT', 'Z I'])
  // One that has written before it was made read-only has rows to empty.
  await answer('begin; insert into emptied values (1); set transaction read only')
  assert.deepEqual(await answer('commit'), ['C COMMIT', 'Z I'])
  assert.deepEqual(await answer('select count(*) from emptied'), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
})
