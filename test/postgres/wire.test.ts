/** The protocol, message by message, on a real member. */

import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { TokenAuthenticator } from '../../src/protocols/http/authenticator.ts'
import { openPostgres, type PostgresHarness } from './harness.ts'
import {
  bind,
  close,
  describe,
  execute,
  flush,
  i32,
  message,
  parse,
  query,
  RawClient,
  shortForm,
  startup,
  sync,
  terminate,
  text,
} from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openPostgres()
  await using client = await RawClient.ready(harness.port)
  await client.ask(
    query(
      'create table t (id int primary key, v text); insert into t values (1, null), (2, $$b$$), (3, $$c$$)',
    ),
  )
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

test('startup tells what drivers ask for, and a key for cancelling', async () => {
  await using client = await RawClient.open(harness.port)
  client.send(
    startup({ user: 'me', database: 'default', application_name: 'x', options: '-c TimeZone=Europe/Berlin' }),
  )
  const messages = await client.until('Z')
  const statuses = new Map(
    messages
      .filter(({ type }) => type === 'S')
      .map(({ body }) => body.toString().split('\0') as [string, string]),
  )
  assert.match(statuses.get('server_version') ?? '', /^15\./)
  assert.equal(statuses.get('client_encoding'), 'UTF8')
  assert.equal(statuses.get('DateStyle'), 'ISO, MDY')
  assert.equal(statuses.get('standard_conforming_strings'), 'on')
  assert.equal(statuses.get('integer_datetimes'), 'on')
  assert.equal(statuses.get('TimeZone'), 'Europe/Berlin')
  assert.equal(statuses.get('application_name'), 'x')
  assert.equal(messages.find(({ type }) => type === 'K')?.body.length, 8)
})

test('SSLRequest and GSSENCRequest are answered N, and the connection goes on', async () => {
  await using client = await RawClient.open(harness.port)
  client.send(Buffer.concat([i32(8), i32(80877103)]))
  assert.equal((await client.bytes(1)).toString(), 'N')
  client.send(Buffer.concat([i32(8), i32(80877104)]))
  assert.equal((await client.bytes(1)).toString(), 'N')
  client.send(startup({ user: 'tester', database: 'default' }))
  assert.equal((await client.until('Z')).at(-1)?.type, 'Z')
})

test('protocol 3.2 is spoken, with a longer key; newer ones and unknown options are negotiated down', async () => {
  await using current = await RawClient.open(harness.port)
  current.send(startup({ user: 'me', database: 'default' }, 196610))
  const messages = await current.until('Z')
  assert.equal(
    messages.some(({ type }) => type === 'v'),
    false,
  )
  assert.equal(messages.find(({ type }) => type === 'K')?.body.length, 36)
  await using newer = await RawClient.open(harness.port)
  newer.send(startup({ user: 'me', database: 'default', '_pq_.wish': '1' }, 196617))
  const negotiation = (await newer.until('Z')).find(({ type }) => type === 'v')
  assert.equal(
    negotiation?.body.toString('hex'),
    `${i32(196610).toString('hex')}00000001${text('_pq_.wish').toString('hex')}`,
  )
})

test('an unknown database is 3D000, a startup without a user 28000', async () => {
  for (const [parameters, sqlState] of [
    [{ user: 'me', database: 'nowhere' }, '3D000'],
    [{ database: 'default' }, '28000'],
  ] as const) {
    await using client = await RawClient.open(harness.port)
    client.send(startup(parameters))
    const messages = await client.until('E')
    assert.equal(shortForm(messages.at(-1)!), `E ${sqlState}`)
    assert.equal(await client.next(), null)
  }
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

test('COPY in and out: text, CSV and binary round trip', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table c (a int, b text, d bytea, e timestamptz)'))
  const rows = '1\ta\\tb\\\\\\n\t\\\\x00ff\t2024-01-01 00:00:00+00\n2\t\\N\t\\N\t\\N\n'
  client.send(query('copy c from stdin'))
  await client.until('G')
  for (const byte of Buffer.from(rows)) client.send(message('d', Buffer.from([byte])))
  assert.deepEqual(await client.ask(message('c')), ['C COPY 2', 'Z I'])
  for (const format of ['text', 'csv', 'binary']) {
    client.send(query(`copy c to stdout (format ${format})`))
    const out = (await client.until('Z')).filter(({ type }) => type === 'd').map(({ body }) => body)
    await client.ask(query('create table c2 (a int, b text, d bytea, e timestamptz)'))
    client.send(query(`copy c2 from stdin (format ${format})`))
    await client.until('G')
    assert.deepEqual(
      await client.ask(message('d', Buffer.concat(out)), message('c')),
      ['C COPY 2', 'Z I'],
      format,
    )
    assert.deepEqual(
      await client.ask(
        query(
          'select count(*) from c join c2 on c.a = c2.a and c.b is not distinct from c2.b and c.d is not distinct from c2.d and c.e is not distinct from c2.e',
        ),
      ),
      ['T 1', 'D 2', 'C SELECT 1', 'Z I'],
      format,
    )
    await client.ask(query('drop table c2'))
  }
})

test('a COPY that fails, or that the client gives up, leaves nothing', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table d (a int)'))
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(
    await client.ask(message('d', Buffer.from('1\n')), message('f', text('changed my mind'))),
    ['E 57014', 'Z I'],
  )
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(await client.ask(message('d', Buffer.from('1\nx\n')), message('c')), ['E 22P02', 'Z I'])
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(await client.ask(message('d', Buffer.from('1\t2\n')), message('c')), ['E 22P04', 'Z I'])
  assert.deepEqual(await client.ask(query('select count(*) from d')), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
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

test('a cancel request with the right key ends the query, one with another key nothing', async () => {
  await using client = await RawClient.open(harness.port)
  client.send(startup({ user: 'tester', database: 'default' }))
  const key = (await client.until('Z')).find(({ type }) => type === 'K')?.body as Buffer
  const cancel = async (bytes: Buffer): Promise<void> => {
    await using other = await RawClient.open(harness.port)
    other.send(Buffer.concat([i32(8 + bytes.length), i32(80877102), bytes]))
    assert.equal(await other.next(), null)
  }
  const answer = client.ask(
    query('with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n'),
  )
  const wrong = Buffer.from(key)
  wrong[7] = (wrong[7] as number) ^ 1
  await cancel(wrong)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await cancel(key)
  assert.deepEqual(await answer, ['E 57014', 'Z I'])
  assert.deepEqual(await client.ask(query('select 1')), ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
})

test('a client that vanishes in a transaction leaves nothing behind', async () => {
  const client = await RawClient.ready(harness.port)
  await client.ask(query('begin; insert into t values (80, null)'))
  await client[Symbol.asyncDispose]()
  await using other = await RawClient.ready(harness.port)
  assert.deepEqual(await other.ask(query('insert into t values (80, null)')), ['C INSERT 0 1', 'Z I'])
})

test('Terminate ends the connection without a word', async () => {
  await using client = await RawClient.ready(harness.port)
  client.send(terminate)
  assert.equal(await client.next(), null)
})

test('garbage after startup ends the connection with a FATAL 08P01', async () => {
  await using client = await RawClient.ready(harness.port)
  client.send(Buffer.from([0x3f, 0, 0, 0, 4]))
  assert.equal(shortForm((await client.next())!), 'E 08P01')
  assert.equal(await client.next(), null)
})

test('authentication: SCRAM with the static token, a JSON Web Token as password for the user jwt', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode({ a: 'ro' })}`
  const jwt = `${body}.${sign(null, Buffer.from(body), privateKey).toString('base64url')}`
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  await using secured = await openPostgres({
    authenticator: new TokenAuthenticator({ staticToken: 'sesame', jwtKeys: [key], now: Date.now }),
    staticToken: 'sesame',
  })
  const connect = async (user: string, password: string): Promise<pg.Client> => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: secured.port,
      user,
      password,
      database: 'default',
    })
    await client.connect()
    return client
  }
  const owner = await connect('anyone', 'sesame')
  await owner.query('create table s (a int)')
  await owner.end()
  await assert.rejects(connect('anyone', 'wrong'), { code: '28P01' })
  await assert.rejects(connect('jwt', 'wrong'), { code: '28P01' })
  for (const [user, password] of [
    ['jwt', jwt],
    ['readonly', 'sesame'],
  ] as const) {
    const reader = await connect(user, password)
    assert.equal((await reader.query('select * from s')).rowCount, 0)
    await assert.rejects(reader.query('insert into s values (1)'), { code: '25006' }, user)
    await reader.end()
  }
})

test('a result larger than what is held in memory arrives whole, by query, prepared statement and COPY', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(
    query("create table big as select x as id, repeat('x', 1000) as t from generate_series(1, 9000) x"),
  )
  for (let turn = 0; turn < 2; turn++)
    await client.ask(query('insert into big select id + 9000, t || t from big where id <= 9000'))
  const count = async (...parts: Buffer[]): Promise<number> => {
    client.send(...parts)
    return (await client.until('Z')).filter(({ type }) => type === 'D' || type === 'd').length
  }
  const sql = 'select a.t || a.t as t from big a'
  assert.equal(await count(query(sql)), 27_000)
  assert.equal(await count(parse('', sql), bind('', ''), execute(''), sync), 27_000)
  assert.equal(await count(query(`copy (${sql}) to stdout`)), 27_000)
  assert.deepEqual(await client.ask(query('drop table big')), ['C DROP TABLE', 'Z I'])
})

test('a cursor that DECLARE made is described as a portal', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('begin; declare k2 cursor for select id, v from t'))
  assert.deepEqual(await client.ask(describe('P', 'k2'), sync), ['T 2', 'Z T'])
})

if (existsSync('/usr/bin/openssl')) {
  test('TLS: with a key and a certificate, SSLRequest is answered S, and everything goes on encrypted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'harmonydb-tls-'))
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = [
      '-subj',
      '/CN=localhost',
      '-days',
      '1',
      '-nodes',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
    ]
    execFileSync('/usr/bin/openssl', ['req', '-x509', ...subject, '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    })
    const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
    await using secured = await openPostgres({ tls })
    const client = new pg.Client({
      connectionString: secured.url,
      ssl: { ca: tls.cert, servername: 'localhost' },
    })
    await client.connect()
    assert.deepEqual((await client.query('show ssl')).rows, [{ ssl: 'on' }])
    assert.equal((await client.query('select * from generate_series(1, 5000)')).rowCount, 5000)
    await client.end()
    await using early = await RawClient.open(secured.port)
    early.send(Buffer.concat([i32(8), i32(80877103), startup({ user: 'me', database: 'default' })]))
    assert.equal(shortForm((await early.next())!), 'E 08P01')
  })
}

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

test('an error of Parse comes without a Sync, for clients that describe first and wait behind Flush', async () => {
  await using client = await RawClient.ready(harness.port)
  client.send(parse('', 'select $1::nothing'), describe('S', ''), flush)
  assert.equal(shortForm((await client.next())!), 'E 42704')
  assert.deepEqual(await client.ask(sync), ['Z I'])
})

test('a client that leaves before its startup packet, or speaks something else, is left without a word', async () => {
  for (const bytes of [terminate, text('GET / HTTP/1.1\r\n\r\n')]) {
    await using client = await RawClient.open(harness.port)
    client.send(bytes)
    assert.equal(await client.next(), null)
  }
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

test('a statement with more parameters than SQLite takes is refused with 54000', async () => {
  await using client = await RawClient.ready(harness.port)
  const list = (count: number): string => Array.from({ length: count }, (_, at) => `($${at + 1}::int)`).join()
  assert.deepEqual(await client.ask(parse('', `values ${list(32_767)}`), sync), ['E 54000', 'Z I'])
  assert.deepEqual(await client.ask(parse('', `values ${list(32_766)}`), sync), ['1', 'Z I'])
})

test('however a connection ends, its session ends too', async () => {
  const sessions = (): number => harness.gateway.statistics().sessions
  const before = sessions()
  const endings: ((client: RawClient) => void)[] = [
    (client) => client.send(query('begin; select 1'), terminate),
    (client) => void client.socket.destroy(),
    (client) => void client.socket.end(),
    (client) => client.send(Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])),
  ]
  for (const end of endings) {
    await using client = await RawClient.ready(harness.port)
    end(client)
    while (!client.isClosed) await client.until('never')
  }
  await using refused = await RawClient.open(harness.port)
  refused.send(startup({ user: 'tester', database: 'default', client_encoding: 'LATIN1' }))
  assert.equal((await refused.until('Z')).map(shortForm).at(-1), 'E 0A000')
  const endMs = performance.now() + 10_000
  while (sessions() > before && performance.now() < endMs) await pause(5)
  assert.ok(sessions() <= before, `${sessions()} sessions, ${before} before`)
})
