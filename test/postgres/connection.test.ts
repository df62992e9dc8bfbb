/** How connections begin and end: startup, authentication, TLS, cancel requests, clients that vanish. */

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
import { openPostgres, openWithTable, type PostgresHarness } from './harness.ts'
import { MemorySocket } from './memory-socket.ts'
import { i32, query, RawClient, shortForm, startup, terminate, text } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable()
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

/** What the kernel waits for on the server's end of a connection; 2 is the time after which it probes a silent client (proc(5), /proc/net/tcp). */
function timerOfConnection(serverPort: number, clientPort: number): string | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const found = lines.find(
    ([, local, remote]) => local?.endsWith(`:${hex(serverPort)}`) && remote?.endsWith(`:${hex(clientPort)}`),
  )
  return found?.[5]?.slice(0, 2)
}

test(
  'a client that is silent is asked whether it is there',
  { skip: process.platform !== 'linux' },
  async () => {
    await using client = await RawClient.ready(harness.port)
    const timer = (): string | undefined => timerOfConnection(harness.port, client.socket.localPort ?? 0)
    // 1: the answer to the startup was not acknowledged yet.
    for (let turn = 0; turn < 1000 && timer() === '01'; turn++) await pause(10)
    assert.equal(timer(), '02')
  },
)

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

test('a client that leaves before its startup packet, or speaks something else, is left without a word', async () => {
  for (const bytes of [terminate, text('GET / HTTP/1.1\r\n\r\n')]) {
    await using client = await RawClient.open(harness.port)
    client.send(bytes)
    assert.equal(await client.next(), null)
  }
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
  const endMs = performance.now() + 60_000
  while (sessions() > before && performance.now() < endMs) await pause(5)
  assert.ok(sessions() <= before, `${sessions()} sessions, ${before} before`)
})

test('what a client sends when it is told that the server stops is not done', async () => {
  await using own = await openWithTable()
  const client = new MemorySocket()
  own.server.accept(client.server)
  client.send(startup({ user: 'tester', database: 'default' }))
  while (own.server.activity().length === 0 || client.answerBytes === 0) await pause(1)
  const greeted = client.answerBytes
  const drained = own.server.drain(10_000)
  assert.ok(client.answerBytes > greeted)
  client.send(query("insert into t values (9, 'late')"))
  await Promise.all([drained, client.closed])
  const session = await own.gateway.openSession('default', { access: 'read-write', databases: null })
  const found = await session.execute({
    sql: 'SELECT count(*) FROM t WHERE id = 9',
    args: { positional: [], named: [] },
  })
  assert.deepEqual(found.rows, [[0n]])
  await session.close()
})
