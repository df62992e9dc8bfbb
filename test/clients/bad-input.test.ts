/**
 * What clients do wrong, over raw HTTP and WebSocket on a real member: each gets a clear error, nothing that was
 * acknowledged is lost, and the member goes on.
 */

import { after, afterEach, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { on, once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startMember, type Member } from './member.ts'

interface StreamResult {
  readonly type: 'ok' | 'error'
  readonly response?: { readonly result?: { readonly rows?: readonly { readonly value?: unknown }[][] } }
  readonly error?: { readonly message: string; readonly code: string; readonly extended_code?: string }
}

interface Answer {
  readonly status: number
  readonly baton: string | null
  readonly results: readonly StreamResult[]
  readonly message?: string
  readonly code?: string
}

let member: Member
before(async () => {
  member = await startMember(
    '--limit',
    'http.bodySizeBytesMax=4MiB',
    '--limit',
    'gateway.resultSizeBytesMax=1MiB',
    '--limit',
    'hrana.messageBytesMax=1MiB',
    // So long that only the end of its client can end a statement here.
    '--limit',
    'gateway.statementTimeoutMs=10min',
  )
  const created = await pipeline(
    null,
    execute('CREATE TABLE kept (a UNIQUE)'),
    execute('INSERT INTO kept VALUES (1)'),
    CLOSE,
  )
  assert.deepEqual(
    created.results.map(({ type }) => type),
    ['ok', 'ok', 'ok'],
  )
})
after(() => member[Symbol.asyncDispose]())

async function post(path: string, body: string, { url } = member): Promise<Answer> {
  const response = await fetch(url + path, { method: 'POST', body })
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) }
}

const execute = (sql: string, stmt: object = {}): object => ({ type: 'execute', stmt: { sql, ...stmt } })
const CLOSE = { type: 'close' }

const pipeline = (baton: string | null, ...requests: object[]): Promise<Answer> =>
  post('/v2/pipeline', JSON.stringify({ baton, requests }))

async function keptRows(): Promise<unknown> {
  const answer = await pipeline(null, execute('SELECT count(*), sum(a) FROM kept'), CLOSE)
  return answer.results[0]?.response?.result?.rows?.[0]?.map(({ value }) => value)
}

/** After each of these tests the data is as it was, and the member answers. */
afterEach(async () => assert.deepEqual(await keptRows(), ['1', '1']))

async function failsAsAnswer(request: object, code: string, message: RegExp): Promise<void> {
  const answer = await pipeline(null, request, CLOSE)
  assert.equal(answer.status, 200)
  assert.equal(answer.results[0]?.error?.code, code)
  assert.match(answer.results[0].error.message, message)
}

async function failsAsRequest(
  path: string,
  body: string,
  status: number,
  code: string,
  message: RegExp,
): Promise<void> {
  const answer = await post(path, body)
  assert.deepEqual([answer.status, answer.code], [status, code])
  assert.match(answer.message ?? '', message)
}

test('malformed JSON', () =>
  failsAsRequest('/v2/pipeline', '{"baton":null,', 400, 'REQUEST_INVALID', /not JSON/))

test('an unknown kind of request', () =>
  failsAsRequest(
    '/v3/pipeline',
    '{"requests":[{"type":"dance"}]}',
    400,
    'REQUEST_INVALID',
    /requests\[0\]\.type .*"dance"/,
  ))

test('arguments of a wrong type', () =>
  failsAsRequest(
    '/v2/pipeline',
    '{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"integer","value":1}]}}]}',
    400,
    'REQUEST_INVALID',
    /requests\[0\]\.stmt\.args\[0\]\.value must be a string/,
  ))

test('a condition on a later step', () =>
  failsAsRequest(
    '/v3/cursor',
    '{"batch":{"steps":[{"stmt":{"sql":"INSERT INTO kept VALUES (2)"}},{"stmt":{"sql":"SELECT 1"},"condition":{"type":"ok","step":1}}]}}',
    400,
    'REQUEST_INVALID',
    /must name an earlier step/,
  ))

test('too few, too many and unknown arguments', async () => {
  const value = { type: 'integer', value: '2' }
  await failsAsAnswer(execute('INSERT INTO kept VALUES (?)'), 'ARGS_INVALID', /\S/)
  await failsAsAnswer(execute('INSERT INTO kept VALUES (?)', { args: [value, value] }), 'ARGS_INVALID', /\S/)
  await failsAsAnswer(
    execute('INSERT INTO kept VALUES (:a)', { named_args: [{ name: 'b', value }] }),
    'ARGS_INVALID',
    /\S/,
  )
  await failsAsAnswer(
    execute('INSERT INTO kept VALUES (?)', { args: [value], named_args: [{ name: 'a', value }] }),
    'ARGS_BOTH_POSITIONAL_AND_NAMED',
    /both positional and named/,
  )
})

test('SQL that is none, holds nothing, or holds too much', async () => {
  await failsAsAnswer(execute('SELEC 1'), 'SQL_PARSE_ERROR', /syntax error/)
  await failsAsAnswer(execute(' -- nothing'), 'SQL_NO_STATEMENT', /\S/)
  await failsAsAnswer(
    execute('INSERT INTO kept VALUES (2); INSERT INTO kept VALUES (3)'),
    'SQL_MANY_STATEMENTS',
    /\S/,
  )
  await failsAsAnswer(execute('SELECT * FROM missing'), 'SQLITE_ERROR', /no such table: missing/)
})

test('a violated constraint', () =>
  failsAsAnswer(
    execute('INSERT INTO kept VALUES (1)'),
    'SQLITE_CONSTRAINT',
    /UNIQUE constraint failed: kept\.a/,
  ))

test('what can not be replicated', async () => {
  await failsAsAnswer(execute("ATTACH 'x.db' AS x"), 'BLOCKED', /ATTACH/)
  await failsAsAnswer(execute("SELECT load_extension('x')"), 'BLOCKED', /\S/)
})

test('a statement over its limit', () =>
  failsAsAnswer(execute(`INSERT INTO kept VALUES ('${'x'.repeat(3 * 1024 * 1024)}')`), 'SQLITE_TOOBIG', /\S/))

test('a result over its limit', () =>
  failsAsAnswer(execute('SELECT zeroblob(2000000)'), 'RESPONSE_TOO_LARGE', /\S/))

test('a body over its limit', () =>
  failsAsRequest('/v2/pipeline', ' '.repeat(5_000_000), 413, 'REQUEST_TOO_LARGE', /larger than the limit/))

test('batons: reused, made up', async () => {
  const one = await pipeline(null, execute('BEGIN IMMEDIATE'), execute('INSERT INTO kept VALUES (2)'))
  const two = await pipeline(one.baton, execute('SELECT 1'))
  const reused = await pipeline(one.baton, execute('COMMIT'))
  assert.deepEqual([reused.status, reused.code], [400, 'BATON_INVALID'])
  const madeUp = await pipeline(`A${two.baton}`, execute('COMMIT'))
  assert.deepEqual([madeUp.status, madeUp.code], [400, 'BATON_INVALID'])
  const last = await pipeline(two.baton, execute('ROLLBACK'), CLOSE)
  assert.equal(last.status, 200)
})

test('a baton that has expired', async () => {
  // No other test has so little time from one request to the next.
  await using impatient = await startMember('--limit', 'hrana.streamIdleMs=300ms')
  const send = (baton: string | null, ...requests: object[]): Promise<Answer> =>
    post('/v2/pipeline', JSON.stringify({ baton, requests }), impatient)
  const { baton } = await send(null, execute('BEGIN IMMEDIATE'), execute('CREATE TABLE never (a)'))
  await until(async () => (await metric('harmonydb_transactions_open', impatient)) === 0)
  const expired = await send(baton, execute('COMMIT'))
  assert.deepEqual([expired.status, expired.code], [400, 'STREAM_EXPIRED'])
  const { results } = await send(null, execute('SELECT * FROM never'), CLOSE)
  assert.match(results[0]?.error?.message ?? '', /no such table/)
})

test('an unknown database', () =>
  failsAsRequest('/db/no-such/v2/pipeline', '{"requests":[]}', 404, 'DATABASE_NOT_FOUND', /no-such/))

test('a cursor whose client reads slowly, and leaves', async () => {
  const sql =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT printf('%.1000c', 'x') FROM n"
  const body = JSON.stringify({ batch: { steps: [{ stmt: { sql } }] } })
  const socket = connect(Number(new URL(member.url).port), '127.0.0.1')
  socket.write(`POST /v3/cursor HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.match(first.toString(), /^HTTP\/1\.1 200 OK/)
  socket.pause()
  await delay(100)
  // Others are served meanwhile.
  assert.deepEqual(await keptRows(), ['1', '1'])
  socket.destroy()
})

// Over WebSocket.

async function openSocket(subprotocol = 'hrana3'): Promise<WebSocket> {
  const socket = new WebSocket(member.wsUrl, [subprotocol])
  await once(socket, 'open')
  return socket
}

const request = (requestId: number, of: object): string =>
  JSON.stringify({ type: 'request', request_id: requestId, request: of })

async function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  return { code, reason: reason.toString() }
}

/** A connection with an open transaction that has written. */
async function openTransaction(): Promise<WebSocket> {
  const socket = await openSocket()
  socket.send('{"type":"hello","jwt":null}')
  socket.send(request(1, { type: 'open_stream', stream_id: 1 }))
  socket.send(request(2, { type: 'execute', stream_id: 1, stmt: { sql: 'BEGIN IMMEDIATE' } }))
  socket.send(request(3, { type: 'execute', stream_id: 1, stmt: { sql: 'INSERT INTO kept VALUES (2)' } }))
  for await (const [data] of on(socket, 'message')) {
    const message = JSON.parse(String(data)) as { type: string; request_id?: number }
    if (message.request_id !== 3) continue
    assert.equal(message.type, 'response_ok')
    break
  }
  return socket
}

/** The writer is free again: what was not committed is gone. */
async function writerIsFree(): Promise<void> {
  const answer = await pipeline(
    null,
    execute('BEGIN IMMEDIATE'),
    execute('SELECT count(*) FROM kept'),
    execute('ROLLBACK'),
    CLOSE,
  )
  assert.deepEqual(
    answer.results.map(({ type, error }) => error?.message ?? type),
    ['ok', 'ok', 'ok', 'ok'],
  )
}

test('a client that vanishes in mid-transaction', async () => {
  const socket = await openTransaction()
  socket.terminate()
  await writerIsFree()
})

test('a client that violates the protocol in mid-transaction', async () => {
  const socket = await openTransaction()
  socket.send('this is not JSON')
  const { code, reason } = await closeOf(socket)
  assert.equal(code, 1007)
  assert.match(reason, /not JSON/)
  await writerIsFree()
})

test('a frame of the wrong kind, a request before hello, a message over the limit', async () => {
  const binary = await openSocket()
  binary.send(Buffer.from('{"type":"hello"}'))
  assert.equal((await closeOf(binary)).code, 1003)
  const early = await openSocket()
  early.send(request(1, { type: 'open_stream', stream_id: 1 }))
  assert.equal((await closeOf(early)).code, 1008)
  const large = await openSocket()
  large.send(' '.repeat(2_000_000))
  assert.equal((await closeOf(large)).code, 1009)
})

test('a bad request over WebSocket is answered, and the connection goes on', async () => {
  const socket = await openSocket()
  const messages: { type: string; request_id?: number; error?: { code: string } }[] = []
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]))
  socket.send('{"type":"hello"}')
  socket.send(request(1, { type: 'dance' }))
  socket.send(request(2, { type: 'execute', stream_id: 9, stmt: { sql: 'SELECT 1' } }))
  socket.send(request(3, { type: 'open_stream', stream_id: 1 }))
  while (messages.length < 4) await delay(5)
  const told = messages.map(({ request_id, type, error }) => [request_id, error?.code ?? type])
  assert.deepEqual(
    told.sort((a, b) => Number(a[0] ?? 0) - Number(b[0] ?? 0)),
    [
      [undefined, 'hello_ok'],
      [1, 'REQUEST_INVALID'],
      [2, 'STREAM_NOT_OPEN'],
      [3, 'response_ok'],
    ],
  )
  socket.terminate()
})

// What is left behind.

async function metric(name: string, { url } = member): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20)
}

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

const isBusy = async (): Promise<boolean> => (await metric('harmonydb_query_workers_busy')) > 0

test('a statement ends when its client has gone, over HTTP', async () => {
  const leaving = new AbortController()
  const body = JSON.stringify({ baton: null, requests: [execute(ENDLESS), CLOSE] })
  const left = fetch(`${member.url}/v2/pipeline`, { method: 'POST', body, signal: leaving.signal })
  await until(isBusy)
  leaving.abort()
  await assert.rejects(left)
  await until(async () => !(await isBusy()))
})

test('a statement ends when its client has gone, over WebSocket', async () => {
  const socket = await openSocket()
  socket.send('{"type":"hello"}')
  socket.send(request(1, { type: 'open_stream', stream_id: 1 }))
  socket.send(request(2, { type: 'execute', stream_id: 1, stmt: { sql: ENDLESS } }))
  await until(isBusy)
  socket.terminate()
  await until(async () => !(await isBusy()))
})

test('after all of this nothing is left open', async () => {
  for (const name of ['sessions', 'transactions_open', 'read_snapshots_open', 'query_workers_busy'])
    await until(async () => (await metric(`harmonydb_${name}`)) === 0)
})
