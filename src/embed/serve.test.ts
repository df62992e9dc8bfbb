/** An application that serves its own database to the network, with the clients that others use. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { createClient } from '@libsql/client'
import { Client } from 'pg'
import type { HarmonyDB, OpenOptions } from './open.ts'
import { open } from './open.ts'
import { freeAddresses } from './testing/free-addresses.ts'

const ANYWHERE = '127.0.0.1:0'

async function opened(t: TestContext, options: OpenOptions): Promise<HarmonyDB> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-serve-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const db = await open(folder, options)
  t.after(() => db.close())
  return db
}

function query(db: HarmonyDB, sql: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://${db.httpAddress}/v1/databases/default/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ sql }),
  })
}

test('libSQL, PostgreSQL and HTTP clients use the database of an application', async (t) => {
  const db = await opened(t, { http: ANYWHERE, pg: ANYWHERE })
  await db.execute('CREATE TABLE notes (author TEXT)')

  const libsql = createClient({ url: `http://${db.httpAddress}` })
  t.after(() => libsql.close())
  await libsql.execute("INSERT INTO notes VALUES ('libsql')")

  const postgres = new Client(`postgres://anyone@${db.postgresAddress}/default`)
  await postgres.connect()
  await postgres.query("INSERT INTO notes VALUES ('postgres')")
  await postgres.end()

  assert.equal((await query(db, "INSERT INTO notes VALUES ('http')")).status, 200)
  const { rows } = await db.execute('SELECT author FROM notes ORDER BY author')
  assert.deepEqual(
    rows.map(({ author }) => author),
    ['http', 'libsql', 'postgres'],
  )
})

test('nothing is served unless it is asked for', async (t) => {
  const db = await opened(t, {})
  assert.deepEqual([db.httpAddress, db.postgresAddress], [null, null])
})

test('a token is asked of every client that comes over the network', async (t) => {
  const db = await opened(t, { http: ANYWHERE, pg: ANYWHERE, authToken: 'sesame' })
  assert.equal((await query(db, 'SELECT 1')).status, 401)
  assert.equal((await query(db, 'SELECT 1', { authorization: 'Bearer sesame' })).status, 200)
  const wrong = new Client(`postgres://anyone:wrong@${db.postgresAddress}/default`)
  await assert.rejects(wrong.connect(), { code: '28P01' })
  const right = new Client(`postgres://anyone:sesame@${db.postgresAddress}/default`)
  await right.connect()
  await right.end()
})

test('close lets a request under way finish, and takes no new one', async (t) => {
  const db = await opened(t, { http: ANYWHERE })
  const address = String(db.httpAddress)
  const slow =
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) SELECT count(*) AS n FROM n'
  let running = query(db, slow)
  // On a busy machine it may be over before anybody has seen it.
  while (!(await isSeenActive(address, running))) running = query(db, slow)
  const closing = db.close()
  const response = await running
  assert.equal(response.status, 200, await response.clone().text())
  await closing
  await assert.rejects(fetch(`http://${address}/health`))
})

test('close ends the connections of clients that have nothing to do', async (t) => {
  const db = await opened(t, { http: ANYWHERE, pg: ANYWHERE })
  const libsql = createClient({ url: `ws://${db.httpAddress}` })
  await libsql.execute('SELECT 1')
  const postgres = new Client(`postgres://anyone@${db.postgresAddress}/default`)
  await postgres.connect()
  const told: (Error & { code?: string })[] = []
  postgres.on('error', (error) => told.push(error))
  const ended = new Promise((resolve) => postgres.once('end', resolve))
  await db.close()
  await ended
  assert.equal(told[0]?.code, '57P01')
  await assert.rejects(libsql.execute('SELECT 1'))
  libsql.close()
})

/** Whether the server has counted two requests before the slow one was over: that, and the one that asks. */
async function isSeenActive(address: string, slow: Promise<Response>): Promise<boolean> {
  let isOver = false
  void slow.finally(() => (isOver = true)).catch(() => undefined)
  while (!isOver) {
    const metrics = await (await fetch(`http://${address}/metrics`)).text()
    if (/^harmonydb_http_requests_active(\{.*\})? 2$/m.test(metrics)) return true
  }
  assert.equal((await slow).status, 200)
  return false
}

test('clients are served while the application is busy and does not turn its event loop', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-busy-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const flag = join(folder, 'enough')
  // Busy until the flag is there, which this test makes when it has its answer: were that not sent meanwhile, neither would ever end.
  const program = `import { existsSync } from 'node:fs'
    import { open } from ${JSON.stringify(new URL('./open.ts', import.meta.url).href)}
    const db = await open(${JSON.stringify(join(folder, 'data'))}, { http: '127.0.0.1:0' })
    await db.execute('CREATE TABLE t (x)')
    process.stdout.write(db.httpAddress + '\\n', () => {
      while (!existsSync(${JSON.stringify(flag)}));
      void db.close()
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [address] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const signal = AbortSignal.timeout(250_000)
  for (const sql of ['INSERT INTO t VALUES (1)', 'SELECT * FROM t']) {
    const body = JSON.stringify({ sql })
    const response = await fetch(`http://${address}/v1/databases/default/query`, {
      method: 'POST',
      body,
      signal,
    })
    assert.equal(response.status, 200, await response.text())
  }
  assert.equal(child.exitCode, null)
  writeFileSync(flag, '')
  const [code] = (await once(child, 'exit', { signal })) as [number]
  assert.equal(code, 0)
})

test('the cluster tells where the clients of an embedded member are served', async (t) => {
  const [peer = ''] = await freeAddresses(1)
  const secret = 'a secret of members, for tests'
  const db = await opened(t, {
    http: ANYWHERE,
    pg: ANYWHERE,
    pgAdvertise: 'db.example:5432',
    listen: peer,
    secret,
  })
  const response = await fetch(`http://${db.httpAddress}/v1/cluster`)
  const { members } = (await response.json()) as { members: { addresses: object }[] }
  const expected = { http: db.httpAddress, postgres: 'db.example:5432', peer }
  assert.deepEqual(members[0]?.addresses, expected)
})

test('an address that is taken is told, and the folder is free again', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const address = `127.0.0.1:${(taken.address() as { port: number }).port}`
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-serve-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const options of [{ http: address }, { http: ANYWHERE, pg: address }])
    await assert.rejects(open(folder, options), { code: 'ADDRESS_UNAVAILABLE', message: new RegExp(address) })
  const db = await open(folder)
  await db.close()
})

test('options that would be a mistake are refused before anything is opened', async () => {
  const cases: readonly OpenOptions[] = [
    { http: 'nowhere' },
    { pg: '127.0.0.1:70000' },
    { http: '0.0.0.0:0' },
    { pg: '0.0.0.0:0' },
    { http: ANYWHERE, authToken: 'two words' },
    { http: ANYWHERE, allowedOrigins: ['app.example'] },
    { http: ANYWHERE, httpAdvertise: 'nowhere' },
  ]
  for (const options of cases)
    await assert.rejects(open('/nowhere/at/all', options), { code: 'ARGS_INVALID' }, JSON.stringify(options))
  await assert.rejects(open('/nowhere/at/all', { http: ANYWHERE, jwtKeys: ['no key'] }), {
    code: 'REQUEST_INVALID',
  })
})
