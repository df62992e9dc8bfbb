/**
 * Random damage to good messages, sent to a server: it answers each with a result or a clear error, closes what it
 * must close, and goes on. What comes through damaged is executed, so that wrong SQL is part of it.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { damage, randomOf } from './testing/damage.ts'
import { decode, encode } from './testing/protobuf-schema.ts'
import { startServer, type TestServer } from './testing/server.ts'

const SEED = Number(process.env['HRANA_FUZZ_SEED'] ?? 20260107)
const REQUESTS = 300
const CONNECTIONS = 60

const STATEMENT = {
  sql: "SELECT ?, 'text', x'00ff', 1.5 WHERE 1 = 1",
  args: [{ type: 'integer', value: '42' }],
}
const BATCH = {
  steps: [{ stmt: STATEMENT }, { stmt: { sql: 'SELECT 2' }, condition: { type: 'ok', step: 0 } }],
}
const JSON_PIPELINE = Buffer.from(
  JSON.stringify({
    baton: null,
    requests: [
      { type: 'execute', stmt: STATEMENT },
      { type: 'batch', batch: BATCH },
      { type: 'describe', sql: 'SELECT 1' },
      { type: 'sequence', sql: 'SELECT 1; SELECT 2' },
      { type: 'close' },
    ],
  }),
)
const JSON_CURSOR = Buffer.from(JSON.stringify({ baton: null, batch: BATCH }))
const PROTOBUF_STATEMENT = { sql: 'SELECT ?', args: [{ integer: '42' }] }
const PROTOBUF_PIPELINE = encode('PipelineReqBody', {
  requests: [{ execute: { stmt: PROTOBUF_STATEMENT } }, { getAutocommit: {} }, { close: {} }],
})

const HTTP_SEEDS: readonly (readonly [path: string, body: Buffer])[] = [
  ['/v2/pipeline', JSON_PIPELINE],
  ['/v3/cursor', JSON_CURSOR],
  ['/v3-protobuf/pipeline', PROTOBUF_PIPELINE],
  ['/v1/batch', Buffer.from(JSON.stringify({ batch: BATCH }))],
]

async function isAlive(server: TestServer): Promise<void> {
  const body = JSON.stringify({ baton: null, requests: [{ type: 'execute', stmt: { sql: 'SELECT 42' } }] })
  const response = await fetch(`${server.url}/v2/pipeline`, { method: 'POST', body })
  assert.match(await response.text(), /"value":"42"/)
  assert.deepEqual(server.failures, [])
}

test('over HTTP', async () => {
  await using server = await startServer()
  const random = randomOf(SEED)
  const statuses = new Map<number, number>()
  for (let round = 0; round < REQUESTS; round++) {
    const [path, good] = HTTP_SEEDS[random(HTTP_SEEDS.length)] ?? ['/', Buffer.alloc(0)]
    let body = good
    for (let times = random(3); times > 0; times--) body = damage(body, random)
    const response = await fetch(server.url + path, { method: 'POST', body })
    const text = await response.text()
    const told = `seed ${SEED}, round ${round}, ${path}, ${body.toString('base64')}: ${response.status} ${text}`
    assert.ok(response.status === 200 || response.status === 400, told)
    if (response.status === 400) assert.match((JSON.parse(text) as { code: string }).code, /^[A-Z_]+$/, told)
    assert.doesNotMatch(text, /"INTERNAL"/, told)
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
  }
  assert.ok((statuses.get(200) ?? 0) > 30 && (statuses.get(400) ?? 0) > 30, JSON.stringify([...statuses]))
  await isAlive(server)
})

const jsonMessage = (requestId: number, request: object): Buffer =>
  Buffer.from(JSON.stringify({ type: 'request', request_id: requestId, request }))

const SUBPROTOCOLS = {
  hrana3: [
    Buffer.from('{"type":"hello","jwt":"writer"}'),
    jsonMessage(1, { type: 'open_stream', stream_id: 1 }),
    jsonMessage(2, { type: 'execute', stream_id: 1, stmt: STATEMENT }),
    jsonMessage(3, { type: 'open_cursor', stream_id: 1, cursor_id: 1, batch: BATCH }),
    jsonMessage(4, { type: 'fetch_cursor', cursor_id: 1, max_count: 10 }),
    jsonMessage(5, { type: 'close_cursor', cursor_id: 1 }),
  ],
  'hrana3-protobuf': [
    encode('ClientMsg', { hello: { jwt: 'writer' } }),
    encode('ClientMsg', { request: { requestId: 1, openStream: { streamId: 1 } } }),
    encode('ClientMsg', { request: { requestId: 2, execute: { streamId: 1, stmt: PROTOBUF_STATEMENT } } }),
    encode('ClientMsg', { request: { requestId: 3, storeSql: { sqlId: 1, sql: 'SELECT 1' } } }),
  ],
} as const

/** Behind everything else that the stream 1 was asked. */
const LAST_ID = 999
const LAST = {
  hrana3: [SUBPROTOCOLS.hrana3[0], jsonMessage(LAST_ID, { type: 'close_stream', stream_id: 1 })],
  'hrana3-protobuf': [
    SUBPROTOCOLS['hrana3-protobuf'][0],
    encode('ClientMsg', { request: { requestId: LAST_ID, closeStream: { streamId: 1 } } }),
  ],
} as const

/** Some messages, about one in four damaged, and good ones at the end. Resolves when these are answered, or the server hung up. */
async function converse(
  server: TestServer,
  subprotocol: keyof typeof SUBPROTOCOLS,
  seed: number,
): Promise<void> {
  const random = randomOf(seed)
  const isBinary = subprotocol === 'hrana3-protobuf'
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, [subprotocol])
  const answers: string[] = []
  socket.on('message', (data: Buffer) => {
    const answer = isBinary ? JSON.stringify(decode('ServerMsg', data)) : data.toString()
    answers.push(answer)
    if (/"request_?[iI]d":999\b/.test(answer)) socket.close()
  })
  socket.on('error', () => undefined)
  await once(socket, 'open')
  for (const good of SUBPROTOCOLS[subprotocol])
    socket.send(random(4) === 0 ? damage(good, random) : good, { binary: isBinary })
  for (const good of LAST[subprotocol]) socket.send(good, { binary: isBinary })
  const [code] = (await once(socket, 'close')) as [number]
  assert.ok([1003, 1005, 1007, 1008].includes(code), `seed ${seed}: close code ${code}`)
  for (const answer of answers) assert.doesNotMatch(answer, /INTERNAL/, `seed ${seed}: ${answer}`)
}

for (const subprotocol of ['hrana3', 'hrana3-protobuf'] as const) {
  test(`over WebSocket, ${subprotocol}`, async () => {
    await using server = await startServer()
    for (let connection = 0; connection < CONNECTIONS; connection++)
      await converse(server, subprotocol, SEED + connection)
    await isAlive(server)
  })
}
