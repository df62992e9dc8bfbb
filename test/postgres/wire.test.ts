/** Simple and extended query, message by message, on a real member. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openWithTable, type PostgresHarness } from './harness.ts'
import {
  bind,
  close,
  describe,
  execute,
  flush,
  parse,
  query,
  RawClient,
  shortForm,
  sync,
} from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

test('simple query: rows, tags, several statements, none, and errors with their state', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query('select id, v from t order by id')), [
    'T 2',
    'D 1|NULL',
    'D 2|b',
    'D 3|c',
    'C SELECT 3',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query('select 1; select 2')), [
    'T 1',
    'D 1',
    'C SELECT 1',
    'T 1',
    'D 2',
    'C SELECT 1',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query('')), ['I', 'Z I'])
  assert.deepEqual(await client.ask(query(' ; -- nothing')), ['I', 'Z I'])
  assert.deepEqual(await client.ask(query('select 1; selec')), ['E 42601', 'Z I'])
  assert.deepEqual(await client.ask(query('begin; select nope')), ['C BEGIN', 'E 42703', 'Z E'])
  assert.deepEqual(await client.ask(query('select 1')), ['E 25P02', 'Z E'])
  assert.deepEqual(await client.ask(query('rollback')), ['C ROLLBACK', 'Z I'])
})

test('extended query: parse, describe, bind, execute, close', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(
    await client.ask(
      parse('s', 'select v from t where id = $1'),
      describe('S', 's'),
      bind('', 's', ['2']),
      describe('P', ''),
      execute(''),
      close('S', 's'),
      sync,
    ),
    ['1', 't 23', 'T 1', '2', 'T 1', 'D b', 'C SELECT 1', '3', 'Z I'],
  )
  assert.deepEqual(await client.ask(bind('', 's', ['2']), sync), ['E 26000', 'Z I'])
})

test('Describe does not execute', async () => {
  await using client = await RawClient.ready(harness.port)
  const insert = 'insert into t values (50, null) returning id'
  assert.deepEqual(await client.ask(parse('', insert), describe('S', ''), sync), ['1', 't ', 'T 1', 'Z I'])
  assert.deepEqual(await client.ask(query('select count(*) from t where id = 50')), [
    'T 1',
    'D 0',
    'C SELECT 1',
    'Z I',
  ])
})

test('after an error everything is skipped up to Sync', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(
    await client.ask(
      parse('', 'select nope'),
      bind('', ''),
      execute(''),
      parse('x', 'select 1'),
      sync,
      parse('x', 'select 1'),
      sync,
    ),
    ['E 42703', 'Z I'],
  )
  assert.deepEqual((await client.until('Z')).map(shortForm), ['1', 'Z I'])
})

test('a portal gives as many rows as asked for, and goes on', async () => {
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(
    await client.ask(
      parse('', 'select id from t where id < 4 order by id'),
      bind('p', ''),
      execute('p', 2),
      execute('p', 2),
      execute('p', 2),
      sync,
    ),
    ['1', '2', 'D 1', 'D 2', 's', 'D 3', 'C SELECT 1', 'C SELECT 0', 'Z I'],
  )
  assert.deepEqual(await client.ask(execute('p'), sync), ['E 34000', 'Z I'])
})

test('in a transaction portals outlive Sync', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('begin'))
  await client.ask(
    parse('', 'select id from t where id < 4 order by id'),
    bind('p', ''),
    execute('p', 1),
    sync,
  )
  assert.deepEqual(await client.ask(execute('p', 1), sync), ['D 2', 's', 'Z T'])
  await client.ask(query('commit'))
  assert.deepEqual(await client.ask(execute('p', 1), sync), ['E 34000', 'Z I'])
})

test('a transaction that only reads: one state, its settings and portals end with it, one message at a time or all at once', async () => {
  await using client = await RawClient.ready(harness.port)
  await using other = await RawClient.ready(harness.port)
  const prepared = ['begin', 'select v from t where id = 2', 'commit', 'set local statement_timeout = 77000']
  for (const [at, sql] of prepared.entries()) await client.ask(Buffer.concat([parse(`s${at}`, sql), sync]))
  const run = (at: number): Buffer => Buffer.concat([bind('', `s${at}`), describe('P', ''), execute('')])
  const step = (at: number): Promise<string[]> => client.ask(Buffer.concat([run(at), sync]))
  assert.deepEqual(await step(0), ['2', 'n', 'C BEGIN', 'Z T'])
  assert.deepEqual(await step(1), ['2', 'T 1', 'D b', 'C SELECT 1', 'Z T'])
  await other.ask(query("update t set v = 'B' where id = 2"))
  assert.deepEqual(await step(1), ['2', 'T 1', 'D b', 'C SELECT 1', 'Z T'])
  assert.deepEqual(await step(0), [
    '2',
    'n',
    'N there is already a transaction in progress',
    'C BEGIN',
    'Z T',
  ])
  await step(3)
  await client.ask(Buffer.concat([bind('kept', 's1'), sync]))
  assert.deepEqual(await step(2), ['2', 'n', 'C COMMIT', 'Z I'])
  assert.deepEqual(await client.ask(query('show statement_timeout')), ['T 1', 'D 0', 'C SHOW', 'Z I'])
  assert.deepEqual(await client.ask(Buffer.concat([execute('kept'), sync])), ['E 34000', 'Z I'])
  const all = Buffer.concat([run(0), run(1), run(2), sync, run(2), sync])
  client.send(all)
  const told = [...(await client.until('Z')), ...(await client.until('Z'))].map(shortForm)
  const first = ['2', 'n', 'C BEGIN', '2', 'T 1', 'D B', 'C SELECT 1', '2', 'n', 'C COMMIT', 'Z I']
  assert.deepEqual(told, [...first, '2', 'n', 'N there is no transaction in progress', 'C COMMIT', 'Z I'])
  await other.ask(query("update t set v = 'b' where id = 2"))
})

test('statements up to Sync are one transaction, also when they arrive one by one', async () => {
  await using client = await RawClient.ready(harness.port)
  const insert = (id: number): Buffer[] => [
    parse('', `insert into t values (${id})`),
    bind('', ''),
    execute(''),
  ]
  assert.deepEqual(await client.ask(...insert(60), ...insert(61), ...insert(1), sync), [
    '1',
    '2',
    'C INSERT 0 1',
    '1',
    '2',
    'C INSERT 0 1',
    '1',
    '2',
    'E 23505',
    'Z I',
  ])
  client.send(...insert(62), flush)
  assert.deepEqual((await client.until('C')).map(shortForm), ['1', '2', 'C INSERT 0 1'])
  client.send(...insert(1), sync)
  assert.deepEqual((await client.until('Z')).map(shortForm), ['1', '2', 'E 23505', 'Z I'])
  assert.deepEqual(await client.ask(query('select count(*) from t where id >= 60')), [
    'T 1',
    'D 0',
    'C SELECT 1',
    'Z I',
  ])
})

test('reads up to Sync see one state, and a write behind them is refused where that has changed', async () => {
  await using client = await RawClient.ready(harness.port)
  await using other = await RawClient.ready(harness.port)
  const read = [parse('', 'select v from t where id = 2'), bind('', ''), execute('')]
  const readFirst = async (...how: Buffer[]): Promise<string[]> => {
    client.send(...how, flush)
    return (await client.until('C')).map(shortForm)
  }
  assert.deepEqual(await readFirst(...read), ['1', '2', 'D b', 'C SELECT 1'])
  await other.ask(query("update t set v = 'B' where id = 2"))
  assert.deepEqual(await client.ask(...read, sync), ['1', '2', 'D b', 'C SELECT 1', 'Z I'])
  assert.deepEqual(await readFirst(...read), ['1', '2', 'D B', 'C SELECT 1'])
  await other.ask(query("update t set v = 'b' where id = 2"))
  const write = [parse('', "update t set v = v || '!' where id = 2"), bind('', ''), execute('')]
  assert.deepEqual(await client.ask(...write, sync), ['1', '2', 'E 40001', 'Z I'])
  assert.deepEqual(await client.ask(...read, sync), ['1', '2', 'D b', 'C SELECT 1', 'Z I'])
})

test('a client that takes rows in parts outside of a block is not held to the time of a transaction', async () => {
  await using client = await RawClient.ready(harness.port)
  await using other = await RawClient.ready(harness.port)
  const select = 'select v from t where id in (1, 2) order by id'
  client.send(parse('', select), bind('p', ''), execute('p', 1), flush)
  assert.deepEqual((await client.until('s')).map(shortForm), ['1', '2', 'D NULL', 's'])
  await other.ask(query("update t set v = 'B' where id = 2"))
  const now = [parse('', 'select v from t where id = 2'), bind('', ''), execute('')]
  assert.deepEqual(await client.ask(execute('p', 1), ...now, sync), [
    'D b',
    's',
    '1',
    '2',
    'D B',
    'C SELECT 1',
    'Z I',
  ])
  await other.ask(query("update t set v = 'b' where id = 2"))
})

test('a block that begins behind a read before Sync may be read only', async () => {
  await using client = await RawClient.ready(harness.port)
  const answer = await client.ask(query("select 1; begin read only; insert into t values (77, 'x')"))
  assert.deepEqual(answer.slice(-2), ['E 25006', 'Z E'])
  await client.ask(query('rollback'))
})

test('pipelined batches are answered in order', async () => {
  await using client = await RawClient.ready(harness.port)
  const batches = Array.from({ length: 50 }, (_, index) => [
    parse('', 'select $1::int'),
    bind('', '', [String(index)]),
    execute(''),
    sync,
  ])
  client.send(...batches.flat())
  for (let index = 0; index < 50; index++) {
    assert.deepEqual((await client.until('Z')).map(shortForm), ['1', '2', `D ${index}`, 'C SELECT 1', 'Z I'])
  }
})

test('a conversation cut at every byte is answered the same', async () => {
  await using client = await RawClient.ready(harness.port)
  const bytes = Buffer.concat([
    parse('', 'select v from t where id = $1'),
    bind('', '', ['3']),
    execute(''),
    sync,
  ])
  for (let at = 1; at < bytes.length; at += 7) {
    client.send(bytes.subarray(0, at))
    await new Promise((resolve) => setImmediate(resolve))
    client.send(bytes.subarray(at))
    assert.deepEqual(
      (await client.until('Z')).map(shortForm),
      ['1', '2', 'D c', 'C SELECT 1', 'Z I'],
      `cut at ${at}`,
    )
  }
})

test('binary results and parameters', async () => {
  await using client = await RawClient.ready(harness.port)
  client.send(parse('', 'select 7::int8, true, null'), bind('', '', [], 1), execute(''), sync)
  const row = (await client.until('Z')).find(({ type }) => type === 'D')
  assert.equal(row?.body.toString('hex'), '0003000000080000000000000007000000010' + '1ffffffff')
})

test('a stored value that breaks its type is an error in binary format, and the connection goes on', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table broken (i int)'))
  await client.ask(query("set harmonydb.dialect = 'sqlite'"))
  await client.ask(query("insert into broken values (1), ('abc')"))
  await client.ask(query('reset harmonydb.dialect'))
  assert.deepEqual(await client.ask(query('select i from broken')), [
    'T 1',
    'D 1',
    'D abc',
    'C SELECT 2',
    'Z I',
  ])
  const answer = await client.ask(parse('', 'select i from broken'), bind('', '', [], 1), execute(''), sync)
  assert.deepEqual(answer, ['1', '2', 'D \0\0\0\x01', 'E 22P02', 'Z I'])
  assert.deepEqual(await client.ask(query('copy broken to stdout (format binary)')), [
    'H',
    'd',
    'd',
    'E 22P02',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query('select 9223372036854775807 + 1')), ['T 1', 'E 22003', 'Z I'])
  assert.deepEqual(await client.ask(query('select 1')), ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
})

test('a text means the same however it ends, each time that it is prepared, and its errors tell the same place', async () => {
  await using client = await RawClient.ready(harness.port)
  for (const end of ['', ';', ' ;\n', '; -- and a comment', ';;']) {
    for (let time = 0; time < 2; time++) {
      const read = [parse('', `select v from t where id = $1${end}`), bind('', '', ['2']), execute(''), sync]
      assert.deepEqual(await client.ask(...read), ['1', '2', 'D b', 'C SELECT 1', 'Z I'])
      client.send(parse('', `select v, nope from t${end}`), sync)
      const error = (await client.until('Z')).find(({ type }) => type === 'E')
      assert.match(error?.body.toString() ?? '', /C42703\0.*P11\0/)
    }
  }
})

test('an error of Parse comes without a Sync, for clients that describe first and wait behind Flush', async () => {
  await using client = await RawClient.ready(harness.port)
  client.send(parse('', 'select $1::nothing'), describe('S', ''), flush)
  assert.equal(shortForm((await client.next())!), 'E 42704')
  assert.deepEqual(await client.ask(sync), ['Z I'])
})

test('a statement with more parameters than SQLite takes is refused with 54000', async () => {
  await using client = await RawClient.ready(harness.port)
  const list = (count: number): string => Array.from({ length: count }, (_, at) => `($${at + 1}::int)`).join()
  assert.deepEqual(await client.ask(parse('', `values ${list(32_767)}`), sync), ['E 54000', 'Z I'])
  assert.deepEqual(await client.ask(parse('', `values ${list(32_766)}`), sync), ['1', 'Z I'])
})
