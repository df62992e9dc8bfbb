/** Several processes serve one member's clients, and no client can tell. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { runCommand, RunningMember, temporaryFolder } from '../member/running-member.ts'

const GATEWAYS = 2
/** The server stops a statement that runs on and on; so does the member, after ten seconds, if nobody asks. */
const ENDLESS =
  'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n > 0) SELECT count(*) FROM c'

interface Started {
  readonly member: RunningMember
  /** A client on the gateway in `slot`. */
  readonly clientAt: (slot: number) => Promise<Client>
}

async function start(t: TestContext): Promise<Started> {
  const clients: Client[] = []
  // Before the member is.
  t.after(async () => void (await Promise.allSettled(clients.map((client) => client.end()))))
  const member = await RunningMember.start(t, {
    args: ['--pg', '127.0.0.1:0', '--gateways', String(GATEWAYS)],
  })
  const pg = /"pg":"([^"]+)"/.exec(member.stderr)?.[1] ?? ''
  const open = async (): Promise<Client> => {
    const client = new Client({ connectionString: `postgres://tester@${pg}/default` })
    client.on('error', () => undefined)
    clients.push(client)
    await client.connect()
    return client
  }
  // The kernel chooses by chance: one of two within so many tries, but for one in a million.
  const clientAt = async (slot: number): Promise<Client> => {
    for (let tries = 0; tries < 20; tries++) {
      const client = await open()
      if (slotOf(client) === slot) return client
    }
    throw new Error(`20 connections, and none on gateway ${slot}`)
  }
  return { member, clientAt }
}

function slotOf(client: Client): number {
  return processIdOf(client) % GATEWAYS
}

function processIdOf(client: Client): number {
  return (client as unknown as { processID: number }).processID
}

function secretOf(client: Client): number {
  return (client as unknown as { secretKey: number }).secretKey
}

/** On a connection of its own, which is on any gateway. */
async function sendCancelRequest(client: Client): Promise<void> {
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(80_877_102, 4)
  message.writeInt32BE(processIdOf(client), 8)
  message.writeInt32BE(secretOf(client), 12)
  const socket = connect(client.port, '127.0.0.1')
  socket.end(message)
  await new Promise((resolve) => socket.resume().once('close', resolve))
}

async function untilTrue(isTrue: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const deadlineMs = performance.now() + 60_000; !(await isTrue()); await pause(20))
    assert.ok(performance.now() < deadlineMs, what)
}

async function isActive(asking: Client, processId: number): Promise<boolean> {
  const { rows } = await asking.query<{ state: string }>(
    'SELECT state FROM pg_stat_activity WHERE pid = $1',
    [processId],
  )
  return rows[0]?.state === 'active'
}

/** Of the process itself; not of its query workers. */
function gatewayProcessIds({ child }: RunningMember): number[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  return children
    .filter((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('gateway-process'))
    .map(Number)
}

const hasSqlState = (code: string) => (error: { code?: string }) => error.code === code

test('a cancel request stops the statement, whichever gateway it comes to', async (t) => {
  const { clientAt } = await start(t)
  const [running, asking] = [await clientAt(0), await clientAt(1)]
  for (let round = 0; round < 6; round++) {
    const stopped = assert.rejects(running.query(ENDLESS), hasSqlState('57014'))
    await untilTrue(() => isActive(asking, processIdOf(running)), 'the statement runs')
    await sendCancelRequest(running)
    await stopped
  }
})

test('pg_cancel_backend and pg_terminate_backend reach connections of the other gateway', async (t) => {
  const { clientAt } = await start(t)
  const [running, asking] = [await clientAt(0), await clientAt(1)]
  const id = processIdOf(running)
  const stopped = assert.rejects(running.query(ENDLESS), hasSqlState('57014'))
  await untilTrue(() => isActive(asking, id), 'the statement runs')
  const cancelled = await asking.query('SELECT pg_cancel_backend($1) AS done', [id])
  assert.deepEqual(cancelled.rows, [{ done: true }])
  await stopped
  const gone = new Promise((resolve) => running.once('end', resolve))
  await asking.query('SELECT pg_terminate_backend($1)', [id])
  await gone
  const unknown = await asking.query('SELECT pg_cancel_backend($1) AS done', [id])
  assert.deepEqual(unknown.rows, [{ done: false }])
})

test('a read has all that any gateway has acknowledged, and all that a read on another one has shown', async (t) => {
  const { clientAt } = await start(t)
  const [writer, readers] = [await clientAt(0), [await clientAt(1), await clientAt(0), await clientAt(1)]]
  await writer.query('CREATE TABLE counter (n int)')
  await writer.query('INSERT INTO counter VALUES (0)')
  let [acknowledged, isOver] = [0, false]
  const write = async (): Promise<void> => {
    for (; acknowledged < 200; acknowledged++) await writer.query('UPDATE counter SET n = n + 1')
    isOver = true
  }
  const read = async (): Promise<void> => {
    for (let [shown, turn] = [0, 0]; !isOver; turn++) {
      const least = Math.max(shown, acknowledged)
      const { rows } = await (readers[turn % 3] as Client).query<{ n: number }>('SELECT n FROM counter')
      shown = rows[0]?.n ?? -1
      assert.ok(shown >= least, `${shown} was read after ${least}`)
    }
  }
  await Promise.all([write(), read()])
})

test('a notification is heard by listeners of all gateways', async (t) => {
  const { clientAt } = await start(t)
  const [listener, sender] = [await clientAt(0), await clientAt(1)]
  const heard = new Promise((resolve) => listener.once('notification', ({ payload }) => resolve(payload)))
  await listener.query('LISTEN news')
  await sender.query("NOTIFY news, 'from the other gateway'")
  assert.equal(await heard, 'from the other gateway')
})

test('a temporary table is left alone by the other gateway, and goes with its session', async (t) => {
  const { clientAt } = await start(t)
  const [owner, other] = [await clientAt(0), await clientAt(1)]
  await owner.query('CREATE TEMP TABLE mine (id int)')
  await owner.query('INSERT INTO mine VALUES (1)')
  // Reads the schema, in which it sees the table, and looks for garbage at the end of its own.
  await other.query('CREATE TEMP TABLE theirs (id int)')
  await other.end()
  const third = await clientAt(1)
  await third.query('CREATE TABLE lasting (id int)')
  assert.deepEqual((await owner.query('SELECT id FROM mine')).rows, [{ id: 1 }])
})

interface HranaAnswer {
  readonly baton: string | null
  readonly results?: readonly { readonly type: string }[]
  readonly code?: string
}

/** Each on a connection of its own. */
function pipeline(member: RunningMember, baton: string | null, ...sql: string[]): Promise<HranaAnswer> {
  const requests = sql.map((text) => ({ type: 'execute', stmt: { sql: text } }))
  return new Promise((resolve, reject) => {
    const asked = request(`${member.url}/v2/pipeline`, { method: 'POST', agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve(JSON.parse(text) as HranaAnswer))
    })
    asked.once('error', reject).end(JSON.stringify({ baton, requests }))
  })
}

test('a transaction over HTTP goes on at whichever gateway its next request comes to', async (t) => {
  const { member } = await start(t)
  await pipeline(member, null, 'CREATE TABLE t (id INTEGER PRIMARY KEY)')
  let { baton } = await pipeline(member, null, 'BEGIN')
  for (let id = 1; id <= 10; id++) {
    const answer = await pipeline(member, baton, `INSERT INTO t VALUES (${id})`)
    assert.deepEqual(
      answer.results?.map(({ type }) => type),
      ['ok'],
    )
    assert.notEqual(answer.baton, baton)
    baton = answer.baton
  }
  await pipeline(member, baton, 'COMMIT')
  const { results } = await pipeline(member, null, 'SELECT count(*) FROM t')
  assert.match(JSON.stringify(results), /"value":"10"/)
})

test('a gateway that is killed takes along its own clients only, rolls back, and is started again', async (t) => {
  const { member, clientAt } = await start(t)
  const [killed, unharmed] = [await clientAt(0), await clientAt(1)]
  await unharmed.query('CREATE TABLE t (id int)')
  await killed.query('BEGIN')
  await killed.query('INSERT INTO t VALUES (1)')
  const before = gatewayProcessIds(member)
  assert.equal(before.length, GATEWAYS)
  const gone = new Promise((resolve) => killed.once('end', resolve))
  // They were started in the order of their slots.
  process.kill(Math.min(...before), 'SIGKILL')
  await gone
  // The transaction that was open held the writer.
  await unharmed.query('INSERT INTO t VALUES (2)')
  assert.deepEqual((await unharmed.query('SELECT id FROM t')).rows, [{ id: 2 }])
  await untilTrue(() => gatewayProcessIds(member).length === GATEWAYS, 'it is started again')
  await untilTrue(
    async () => (await member.ask('GET', '/metrics')).text.includes('harmonydb_gateway_processes 2'),
    'it serves',
  )
  const again = await clientAt(0)
  assert.deepEqual((await again.query('SELECT id FROM t')).rows, [{ id: 2 }])
  assert.match((await member.ask('GET', '/metrics')).text, /^harmonydb_gateway_restarts_total 1$/m)
})

test('metrics are sums over the gateways', async (t) => {
  const { member, clientAt } = await start(t)
  const [first, second] = [await clientAt(0), await clientAt(1)]
  for (const client of [first, second, first]) await client.query('SELECT 1 AS one')
  const { text } = await member.ask('GET', '/metrics')
  const reads = /^harmonydb_statement_duration_seconds_count\{kind="read"\} (\d+)$/m.exec(text)?.[1]
  assert.ok(Number(reads) >= 3, text)
  assert.equal((text.match(/^harmonydb_gateway_resident_memory_bytes\{/gm) ?? []).length, GATEWAYS)
})

test('a port that another member has is refused, although gateways could share it', async (t) => {
  const { member } = await start(t)
  const second = await runCommand([
    'start',
    '--data',
    temporaryFolder(t),
    '--http',
    `127.0.0.1:${member.port}`,
    '--gateways',
    String(GATEWAYS),
  ])
  assert.equal(second.exitCode, 1)
  assert.match(second.stderr, /in use/)
})

test('a member that stops lets its gateways finish, and leaves none behind', async (t) => {
  const { member, clientAt } = await start(t)
  const client = await clientAt(1)
  const ids = gatewayProcessIds(member)
  const gone = new Promise((resolve) => client.once('end', resolve))
  assert.equal((await member.stop()).exitCode, 0)
  await gone
  for (const id of ids) assert.throws(() => process.kill(id, 0), { code: 'ESRCH' })
})
