/**
 * Requests as bytes on a socket, from the first byte on: HTTP with bodies of the JSON API and of Hrana, and WebSocket with its frames. Behind them is
 * a real member, so what comes through damaged is carried out.
 */

import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { Member } from '../../../src/cluster/member.ts'
import { LocalEngine } from '../../../src/engine/local-engine.ts'
import { ReaderPool } from '../../../src/engine/reader/database-reader.ts'
import { LocalGateway } from '../../../src/gateway/local-gateway.ts'
import { createHrana } from '../../../src/protocols/hrana/hrana.ts'
import { OPEN_AUTHENTICATOR } from '../../../src/protocols/http/authenticator.ts'
import { jsonApiRoutes } from '../../../src/protocols/http/json-api.ts'
import { DEFAULT_HTTP_LIMITS } from '../../../src/protocols/http/limits.ts'
import { OriginPolicy } from '../../../src/protocols/http/origin-policy.ts'
import { HttpServer } from '../../../src/protocols/http/server.ts'
import type { FuzzTarget, OpenTarget, Outcome } from '../target.ts'
import { fuzzFolder, utf8 } from '../target.ts'

const STATEMENT = { sql: "SELECT ?, 'text', x'00ff', 1.5", args: [{ type: 'integer', value: '42' }] }
const PIPELINE = { baton: null, requests: [{ type: 'execute', stmt: STATEMENT }, { type: 'close' }] }
const BATCH = { baton: null, batch: { steps: [{ stmt: STATEMENT }] } }
const QUERY = { sql: 'SELECT :a', params: { a: 1 }, consistency: 'stale' }

function post(path: string, body: unknown, ...headers: readonly string[]): string {
  const text = JSON.stringify(body)
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...headers,
    '',
    text,
  ]
  return lines.join('\r\n')
}

const CHUNKED = 'POST /v2/pipeline HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol: hrana3',
  '',
  '',
].join('\r\n')

/** A frame of a client, with a mask of zeros, which leaves its text readable for whoever damages it. */
function frame(opcode: number, payload: string): Buffer {
  const bytes = Buffer.from(payload)
  const size = bytes.length < 126 ? [bytes.length | 128] : [126 | 128, bytes.length >> 8, bytes.length & 255]
  return Buffer.concat([Uint8Array.of(128 | opcode, ...size, 0, 0, 0, 0), bytes])
}

function ofStream(request: object): Buffer {
  return frame(1, JSON.stringify({ type: 'request', request_id: 1, request: { stream_id: 1, ...request } }))
}

const CORPUS: readonly Uint8Array[] = [
  ...utf8(
    'GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /v2 HTTP/1.1\r\nHost: x\r\n\r\n',
    post('/v2/pipeline', PIPELINE),
    post('/v3/cursor', BATCH, 'Expect: 100-continue'),
    post('/v1/databases/default/query', QUERY, 'Authorization: Bearer x', 'Content-Type: application/json'),
    post(
      '/v1/databases/default/query?a=%20&b',
      { statements: ['SELECT 1', 'SELECT 2'] },
      'Connection: close',
    ),
    `${CHUNKED}${JSON.stringify(PIPELINE).length.toString(16)}\r\n${JSON.stringify(PIPELINE)}\r\n0\r\n\r\n`,
    'OPTIONS /v2/pipeline HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n',
  ),
  Buffer.concat([
    Buffer.from(UPGRADE),
    frame(1, '{"type":"hello","jwt":null}'),
    ofStream({ type: 'open_stream' }),
    ofStream({ type: 'execute', stmt: STATEMENT }),
    frame(9, 'ping'),
    ofStream({ type: 'close_stream' }),
    frame(8, '\x03\xe8'),
  ]),
]

export const http: FuzzTarget = {
  name: 'http',
  what: 'HTTP and WebSocket, from whoever reaches the port',
  testInputs: 300,
  async open() {
    const folder = fuzzFolder()
    const member = await Member.open({ folder, openEngine: (options) => LocalEngine.open(options) })
    const gateway = new LocalGateway({
      directory: member,
      readers: new ReaderPool(),
      configuration: { drainTimeoutMs: 100 },
    })
    const hrana = createHrana({ gateway, authenticator: OPEN_AUTHENTICATOR })
    const failures: Error[] = []
    const server = new HttpServer({
      routes: [...hrana.routes, ...jsonApiRoutes(gateway, member)],
      upgrade: hrana.upgrade,
      authenticator: OPEN_AUTHENTICATOR,
      origins: new OriginPolicy({ isAuthenticated: true, allowedOrigins: [] }),
      limits: { ...DEFAULT_HTTP_LIMITS, bodySizeBytesMax: 1024 * 1024, drainTimeoutMs: 100 },
      onFailure: (_, error) => failures.push(error),
    })
    const { port } = await server.listen('127.0.0.1', 0)
    return {
      corpus: CORPUS,
      pieces: utf8(
        '\r\n',
        '\r\n\r\n',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        'HTTP/1.0',
        '%00',
        '..',
        ': ',
        '{"a":',
        '[',
        '"',
      ),
      feed: (input) => ask(port, input, failures),
      allocationBytesMax: 64 * 1024 * 1024,
      timeMsMax: 5_000,
      check: async () => {
        const answer = await converse(
          port,
          new TextEncoder().encode(post('/v2/pipeline', PIPELINE, 'Connection: close')),
        )
        if (!answer.includes('"value":"42"')) throw new Error(`a good request is answered: ${answer}`)
      },
      async [Symbol.asyncDispose]() {
        await server.drain()
        await gateway.close()
        await member.close()
        rmSync(folder, { recursive: true })
      },
    } satisfies OpenTarget
  },
}

async function ask(port: number, input: Uint8Array, failures: readonly Error[]): Promise<Outcome> {
  const answer = await converse(port, input)
  if (failures[0] !== undefined) throw failures[0]
  if (/HTTP\/1\.1 500|"INTERNAL"/.test(answer)) throw new Error(`it is answered: ${answer}`)
  return /^HTTP\/1\.1 (200|101|204)/.test(answer) ? 'taken' : 'refused'
}

/** All that is answered until the connection is closed. */
function converse(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const pieces: Uint8Array[] = []
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    // The server may close before it has read all of it.
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('latin1')))
    socket.end(bytes)
  })
}
