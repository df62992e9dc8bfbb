import { test } from 'node:test'
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createClient } from '@libsql/client'
import { RunningMember } from './running-member.ts'

const KEYS = generateKeyPairSync('ed25519')
const PUBLIC_KEY = KEYS.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64url')
const TOKEN = 'a-secret-static-token'

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function jwt(claims: object, key: KeyObject = KEYS.privateKey): string {
  const signed = `${part({ alg: 'EdDSA', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

function bearer(token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

async function protectedMember(t: { after(task: () => Promise<void> | void): void }): Promise<RunningMember> {
  const member = await RunningMember.start(t, {
    environment: { HARMONYDB_AUTH_TOKEN: TOKEN, HARMONYDB_AUTH_JWT_KEY: PUBLIC_KEY },
  })
  assert.equal((await member.query({ sql: 'CREATE TABLE t (x INTEGER)' }, bearer(TOKEN))).status, 200)
  return member
}

test('without a token nothing of the data is reached, by any protocol', async (t) => {
  const member = await protectedMember(t)
  const paths: readonly [string, string, unknown?][] = [
    ['POST', '/v1/databases/default/query', { sql: 'SELECT 1' }],
    ['GET', '/v1/databases'],
    ['POST', '/v1/databases', { name: 'x' }],
    ['DELETE', '/v1/databases/default'],
    ['POST', '/v2/pipeline', { requests: [] }],
    ['POST', '/v3/pipeline', { requests: [] }],
    ['POST', '/v3/cursor', { batch: { steps: [] } }],
    ['POST', '/v1/execute', { stmt: { sql: 'SELECT 1' } }],
    ['GET', '/metrics'],
  ]
  for (const [method, path, body] of paths) {
    const { status, text } = await member.ask(method, path, body)
    assert.equal(status, 401, path)
    assert.match(text, /AUTH_REQUIRED/, path)
  }
  const socket = createClient({ url: `ws://127.0.0.1:${member.port}` })
  await assert.rejects(socket.execute('SELECT 1'))
  socket.close()
})

test('probes and documentation need no token', async (t) => {
  const member = await protectedMember(t)
  for (const path of ['/', '/health', '/version', '/openapi.json', '/v2', '/v3']) {
    assert.equal((await member.ask('GET', path)).status, 200, path)
  }
})

test('tokens are accepted or refused by what they are', async (t) => {
  const member = await protectedMember(t)
  const read = async (token: string): Promise<string> => {
    const { status, json } = await member.query({ sql: 'SELECT 1' }, bearer(token))
    return status === 200 ? 'ok' : `${status} ${json.error.code}`
  }
  assert.equal(await read(TOKEN), 'ok')
  assert.equal(await read(`${TOKEN}x`), '401 AUTH_INVALID')
  assert.equal(await read(jwt({})), 'ok')
  assert.equal(await read(jwt({ a: 'ro', exp: inSeconds(60) })), 'ok')
  assert.equal(await read(jwt({ exp: inSeconds(-120) })), '401 AUTH_INVALID')
  assert.equal(await read(jwt({ nbf: inSeconds(3600) })), '401 AUTH_INVALID')
  assert.equal(await read(jwt({}, generateKeyPairSync('ed25519').privateKey)), '401 AUTH_INVALID')
  assert.equal(await read(jwt({ id: 'default' })), 'ok')
  assert.equal(await read(jwt({ id: 'other' })), '401 AUTH_INVALID')
  assert.equal(await read(jwt({ p: { ro: { ns: ['default'] } } })), 'ok')
  assert.equal(await read(jwt({ p: { rw: { ns: ['other'] } } })), '401 AUTH_INVALID')
})

const WRITES: readonly string[] = [
  'INSERT INTO t VALUES (1)',
  'UPDATE t SET x = 2',
  'DELETE FROM t',
  'CREATE TABLE u (x)',
  'DROP TABLE t',
  'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a',
  'REPLACE INTO t VALUES (1)',
  'INSERT INTO t VALUES (1) RETURNING x',
  'CREATE INDEX i ON t (x)',
  '/* SELECT */ INSERT INTO t VALUES (1)',
]

test('a read-only token can not write, whatever the statement looks like', async (t) => {
  const member = await protectedMember(t)
  const readOnly = jwt({ a: 'ro' })
  for (const sql of WRITES) {
    const { status, json } = await member.query({ sql }, bearer(readOnly))
    assert.deepEqual([status, json.error?.code], [403, 'READ_ONLY'], sql)
    const batch = await member.query({ statements: ['SELECT 1', sql] }, bearer(readOnly))
    assert.deepEqual([batch.status, batch.json.error?.code], [403, 'READ_ONLY'], sql)
  }
  const begun = ['BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)', 'COMMIT'].map((sql) => ({
    type: 'execute',
    stmt: { sql },
  }))
  const pipeline = await member.ask('POST', '/v3/pipeline', { requests: begun }, bearer(readOnly).headers)
  assert.equal(pipeline.json.results[1].type, 'error')
  assert.equal(
    (await member.ask('POST', '/v1/databases', { name: 'x' }, bearer(readOnly).headers)).status,
    403,
  )
  assert.equal(
    (await member.ask('DELETE', '/v1/databases/default', undefined, bearer(readOnly).headers)).status,
    403,
  )
  const { json } = await member.query(
    {
      sql: "SELECT (SELECT count(*) FROM t) AS n, count(*) AS tables FROM sqlite_schema WHERE name NOT LIKE '\\_%' ESCAPE '\\'",
    },
    bearer(readOnly),
  )
  assert.deepEqual(json.rows, [{ n: 0, tables: 1 }])
})

test('a token bound to databases sees and changes only those', async (t) => {
  const member = await protectedMember(t)
  for (const name of ['shop', 'books']) {
    assert.equal((await member.ask('POST', '/v1/databases', { name }, bearer(TOKEN).headers)).status, 201)
  }
  const mixed = jwt({ p: { rw: { ns: ['shop'] }, ro: { ns: ['books'] } } })
  const list = await member.ask('GET', '/v1/databases', undefined, bearer(mixed).headers)
  assert.deepEqual(list.json.databases.map(({ name }: { name: string }) => name).sort(), ['books', 'shop'])
  const create = (database: string): Promise<number> =>
    member.query({ sql: 'CREATE TABLE t (x)' }, { database, ...bearer(mixed) }).then(({ status }) => status)
  assert.deepEqual([await create('shop'), await create('books'), await create('default')], [200, 403, 401])
  assert.equal(
    (await member.ask('DELETE', '/v1/databases/shop', undefined, bearer(mixed).headers)).status,
    403,
  )
})

test('libSQL clients authenticate over HTTP and WebSocket', async (t) => {
  const member = await protectedMember(t)
  for (const scheme of ['http', 'ws']) {
    const url = `${scheme}://127.0.0.1:${member.port}`
    const good = createClient({ url, authToken: jwt({ a: 'ro' }) })
    assert.equal((await good.execute('SELECT 1 AS one')).rows[0]?.['one'], 1)
    await assert.rejects(good.execute('INSERT INTO t VALUES (1)'), /read/i)
    good.close()
    const bad = createClient({ url, authToken: 'wrong' })
    await assert.rejects(bad.execute('SELECT 1'))
    bad.close()
  }
})

test('no token reaches a log line or an error', async (t) => {
  const member = await protectedMember(t)
  const wrong = jwt({ a: 'ro' }, generateKeyPairSync('ed25519').privateKey)
  const { text } = await member.query({ sql: 'SELECT 1' }, bearer(wrong))
  assert.ok(!text.includes(wrong))
  await member.ask('GET', `/nothing?authToken=${TOKEN}`)
  const { stdout, stderr } = await member.stop()
  for (const secret of [TOKEN, wrong, wrong.split('.')[1] ?? '']) {
    assert.ok(!stdout.includes(secret) && !stderr.includes(secret))
  }
})

test('web pages of other sites are refused without authentication, over HTTP and WebSocket', async (t) => {
  const member = await RunningMember.start(t)
  const headers = { origin: 'https://evil.example', 'content-type': 'text/plain' }
  const drop = await member.query({ sql: 'CREATE TABLE evil (x)' }, { headers })
  assert.deepEqual([drop.status, drop.json.error.code], [401, 'AUTH_REQUIRED'])
  const upgrade = await fetch(member.url, { headers }).then(({ status }) => status)
  assert.equal(upgrade, 401)
  const own = await member.query({ sql: 'SELECT 1' }, { headers: { origin: 'http://localhost:3000' } })
  assert.equal(own.status, 200)
})
