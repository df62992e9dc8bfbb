import { test } from 'node:test'
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { HarmonyError } from '../../base/errors.ts'
import { OPEN_AUTHENTICATOR, TokenAuthenticator } from './authenticator.ts'
import type { HttpRoute, HttpUpgradeHandler } from './exchange.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { OriginPolicy } from './origin-policy.ts'
import { HttpServer } from './server.ts'

interface Setup {
  readonly routes?: readonly HttpRoute[]
  readonly limits?: Partial<HttpLimits>
  readonly token?: string
  readonly upgrade?: HttpUpgradeHandler
}

interface Running {
  readonly server: HttpServer
  readonly url: string
  readonly port: number
  readonly failures: string[]
}

async function running(t: { after(task: () => Promise<void>): void }, setup: Setup): Promise<Running> {
  const failures: string[] = []
  const server = new HttpServer({
    routes: setup.routes ?? [],
    upgrade: setup.upgrade ?? null,
    authenticator:
      setup.token === undefined
        ? OPEN_AUTHENTICATOR
        : new TokenAuthenticator({ staticToken: setup.token, jwtKeys: [], now: Date.now }),
    origins: new OriginPolicy({ isAuthenticated: setup.token !== undefined, allowedOrigins: [] }),
    limits: { ...DEFAULT_HTTP_LIMITS, drainTimeoutMs: 200, ...setup.limits },
    onFailure: (what, error) => failures.push(`${what}: ${error.message}`),
  })
  const { port } = await server.listen('127.0.0.1', 0)
  t.after(() => server.drain())
  return { server, port, url: `http://127.0.0.1:${port}`, failures }
}

const echo: HttpRoute = {
  method: 'POST',
  path: /^\/echo$/,
  handle: async (exchange) => {
    const body = await exchange.readBody()
    exchange.sendJson(200, { database: exchange.database, sizeBytes: body.length })
  },
}

async function rejected(error: Error): Promise<never> {
  throw error
}

function failing(error: Error): HttpRoute {
  return { method: 'GET', path: /^\/fail$/, handle: () => rejected(error) }
}

async function errorOf(response: Response): Promise<{ status: number; code: string; message: string }> {
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  return { status: response.status, code: error.code, message: error.message }
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that came. The server may reset the connection behind it, if it took long to be read. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (piece: Buffer) => (text += String(piece)))
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}

test('a route gets the body and the database', async (t) => {
  const { url } = await running(t, { routes: [echo] })
  const response = await fetch(`${url}/db/shop/echo`, { method: 'POST', body: 'abc' })
  assert.deepEqual(await response.json(), { database: 'shop', sizeBytes: 3 })
})

test('an unknown path and a wrong method say what there is', async (t) => {
  const { url } = await running(t, { routes: [echo] })
  const missing = await errorOf(await fetch(`${url}/ecko`))
  assert.equal(missing.status, 404)
  assert.match(missing.message, /GET \/ecko.*openapi\.json/)
  const wrong = await fetch(`${url}/echo`)
  assert.equal(wrong.headers.get('allow'), 'POST')
  assert.equal((await errorOf(wrong)).status, 405)
})

test('a HarmonyError becomes a JSON error with the status of its code', async (t) => {
  const { url, failures } = await running(t, {
    routes: [failing(new HarmonyError('TRANSACTION_CONFLICT', 'try again'))],
  })
  const response = await fetch(`${url}/fail`)
  assert.equal(response.status, 409)
  assert.deepEqual(await response.json(), {
    error: { code: 'TRANSACTION_CONFLICT', message: 'try again', retryable: true },
    code: 'TRANSACTION_CONFLICT',
    message: 'try again',
  })
  assert.deepEqual(failures, [])
})

test('an error that nobody foresaw is INTERNAL, and the operator is told', async (t) => {
  const { url, failures } = await running(t, { routes: [failing(new TypeError('x is not a function'))] })
  const error = await errorOf(await fetch(`${url}/fail`))
  assert.deepEqual([error.status, error.code], [500, 'INTERNAL'])
  assert.deepEqual(failures, ['a request failed: Unexpected failure: x is not a function'])
})

test('a body over the limit is refused, announced or not, and the server goes on', async (t) => {
  const { url } = await running(t, { routes: [echo], limits: { bodySizeBytesMax: 1000 } })
  const announced = await fetch(`${url}/echo`, { method: 'POST', body: 'x'.repeat(1001) })
  assert.deepEqual((await errorOf(announced)).code, 'REQUEST_TOO_LARGE')
  assert.equal(announced.status, 413)
  const unannounced = await fetch(`${url}/echo`, {
    method: 'POST',
    body: new ReadableStream({
      start: (controller): void => {
        controller.enqueue(Buffer.alloc(600))
        controller.enqueue(Buffer.alloc(600))
        controller.close()
      },
    }),
    duplex: 'half',
  })
  assert.deepEqual((await errorOf(unannounced)).status, 413)
  assert.equal((await fetch(`${url}/echo`, { method: 'POST', body: 'x'.repeat(1000) })).status, 200)
})

test('a compressed body is refused with what to send instead, and identity is no compression', async (t) => {
  const { url } = await running(t, { routes: [echo] })
  const ask = (encoding: string): Promise<Response> =>
    fetch(`${url}/echo`, { method: 'POST', body: 'abc', headers: { 'content-encoding': encoding } })
  for (const encoding of ['gzip', 'BR', 'identity, gzip', 'identitygzip']) {
    const refused = await errorOf(await ask(encoding))
    assert.deepEqual([refused.status, refused.code], [415, 'ENCODING_UNSUPPORTED'], encoding)
    assert.match(refused.message, /compressed bodies are not taken.*without the header content-encoding/)
  }
  for (const encoding of ['identity', 'Identity', ''])
    assert.equal((await ask(encoding)).status, 200, encoding)
})

test('a client that asks first is refused before it sends a body that is too large', async (t) => {
  const { port } = await running(t, { routes: [echo], limits: { bodySizeBytesMax: 1000 } })
  const socket = await openSocket(port)
  socket.write(
    'POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 5000\r\n\r\n',
  )
  const answer = await readToEnd(socket)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.doesNotMatch(answer, /100 Continue/)
})

test('a client that never finishes its headers is disconnected with 408', async (t) => {
  const { port } = await running(t, { routes: [echo], limits: { headersTimeoutMs: 300 } })
  const socket = await openSocket(port)
  socket.write('POST /echo HTTP/1.1\r\nhost:')
  assert.match(await readToEnd(socket), /^HTTP\/1\.1 408 .*did not arrive within/s)
})

test('headers over the limit and text that is not HTTP get an answer', async (t) => {
  const { port } = await running(t, { routes: [echo], limits: { headersSizeBytesMax: 2000 } })
  const large = await openSocket(port)
  large.write(`GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(3000)}\r\n\r\n`)
  assert.match(await readToEnd(large), /^HTTP\/1\.1 431 .*REQUEST_TOO_LARGE/s)
  const nonsense = await openSocket(port)
  nonsense.write('\x16\x03\x01 hello\r\n\r\n')
  assert.match(await readToEnd(nonsense), /^HTTP\/1\.1 400 .*REQUEST_INVALID/s)
})

test('a stream waits for a slow reader and holds only a little of the result', async (t) => {
  let writtenPieces = 0
  const stream: HttpRoute = {
    method: 'GET',
    path: /^\/stream$/,
    handle: async (exchange) => {
      for (; writtenPieces < 2000; writtenPieces++) await exchange.write(Buffer.alloc(64 * 1024))
    },
  }
  const { port } = await running(t, { routes: [stream] })
  const socket = await openSocket(port)
  socket.write('GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await once(socket, 'readable')
  let before = -1
  while (before !== writtenPieces) {
    before = writtenPieces
    await sleep(200)
  }
  assert.ok(writtenPieces < 1000, `${writtenPieces} pieces were written to a reader that took one`)
  let sizeBytes = 0
  for await (const piece of socket) sizeBytes += (piece as Buffer).length
  assert.ok(sizeBytes > 2000 * 64 * 1024)
})

test('a client that stops reading is disconnected, and the handler ends', async (t) => {
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>()
  const stream: HttpRoute = {
    method: 'GET',
    path: /^\/stream$/,
    handle: async (exchange) => {
      try {
        for (;;) await exchange.write(Buffer.alloc(64 * 1024))
      } catch (error) {
        end(error)
        throw error
      }
    },
  }
  const { port, failures } = await running(t, { routes: [stream], limits: { stallTimeoutMs: 200 } })
  const socket = await openSocket(port)
  socket.write('GET /stream HTTP/1.1\r\nhost: x\r\n\r\n')
  socket.pause()
  assert.match(String(await ended), /the client has gone/)
  assert.deepEqual(failures, [])
  socket.destroy()
})

test('when the client goes away, the signal says so', async (t) => {
  const { promise: aborted, resolve } = Promise.withResolvers<unknown>()
  const waiting: HttpRoute = {
    method: 'GET',
    path: /^\/wait$/,
    handle: async ({ signal }) => {
      signal.addEventListener('abort', () => resolve(signal.reason))
      await aborted
    },
  }
  const { port, server } = await running(t, { routes: [waiting] })
  const socket = await openSocket(port)
  socket.write('GET /wait HTTP/1.1\r\nhost: x\r\n\r\n')
  while (server.stats().requestsActive === 0) await sleep(5)
  await sleep(20)
  socket.destroy()
  assert.match(String(await aborted), /the client has gone/)
  assert.equal(server.stats().requestsAbandonedTotal, 1)
})

test('without a token nothing is reached but public routes', async (t) => {
  const health: HttpRoute = {
    method: 'GET',
    path: /^\/health$/,
    isPublic: true,
    handle: async (exchange) => exchange.sendJson(200, {}),
  }
  const { url } = await running(t, { routes: [echo, health], token: 'secret' })
  const refused = await fetch(`${url}/echo`, { method: 'POST', body: 'x' })
  assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
  assert.deepEqual((await errorOf(refused)).code, 'AUTH_REQUIRED')
  const ask = (authorization: string): Promise<Response> =>
    fetch(`${url}/echo`, { method: 'POST', body: 'x', headers: { authorization } })
  assert.equal((await errorOf(await ask('Bearer wrong'))).code, 'AUTH_INVALID')
  assert.equal((await ask('Bearer secret')).status, 200)
  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('a page of another site can neither ask nor preflight without authentication', async (t) => {
  const { url } = await running(t, { routes: [echo] })
  const evil = await fetch(`${url}/echo`, {
    method: 'POST',
    body: 'x',
    headers: { origin: 'https://evil.example' },
  })
  assert.deepEqual((await errorOf(evil)).code, 'AUTH_REQUIRED')
  assert.equal(evil.headers.get('access-control-allow-origin'), null)
  const own = await fetch(`${url}/echo`, { method: 'OPTIONS', headers: { origin: 'http://localhost:5173' } })
  assert.equal(own.status, 204)
  assert.equal(own.headers.get('access-control-allow-origin'), 'http://localhost:5173')
  assert.match(own.headers.get('access-control-allow-headers') ?? '', /authorization/)
})

test('WebSocket upgrades reach their handler with target and token; those of strange pages do not', async (t) => {
  const seen: string[] = []
  const upgrade: HttpUpgradeHandler = {
    handle: ({ database, path, token, socket }) => {
      seen.push(`${database} ${path} ${token}`)
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    },
  }
  const { port, url } = await running(t, { routes: [echo], upgrade })
  const ask = async (extra: string): Promise<string> => {
    const socket = await openSocket(port)
    socket.write(
      `GET /db/shop/ HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n${extra}\r\n`,
    )
    return readToEnd(socket)
  }
  assert.match(await ask('authorization: Bearer abc\r\n'), /^HTTP\/1\.1 101/)
  assert.match(await ask('origin: https://evil.example\r\n'), /^HTTP\/1\.1 401 .*AUTH_REQUIRED/s)
  assert.deepEqual(seen, ['shop / abc'])
  const other = await fetch(`${url}/echo`, { method: 'POST', body: 'x' })
  assert.equal(other.status, 200)
})

test('drain lets requests under way finish and refuses new ones', async (t) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const slow: HttpRoute = {
    method: 'GET',
    path: /^\/slow$/,
    handle: async (exchange) => {
      await gate
      exchange.sendJson(200, { done: true })
    },
  }
  const { url, server } = await running(t, { routes: [slow], limits: { drainTimeoutMs: 60_000 } })
  const underWay = fetch(`${url}/slow`)
  while (server.stats().requestsActive === 0) await sleep(5)
  const drained = server.drain()
  await assert.rejects(fetch(`${url}/slow`))
  open()
  const response = await underWay
  assert.deepEqual(await response.json(), { done: true })
  await drained
})

test('drain does not wait for ever: after its time requests are aborted', async (t) => {
  let reason: unknown = null
  const endless: HttpRoute = {
    method: 'GET',
    path: /^\/endless$/,
    handle: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
          reject(signal.reason as Error)
        })
      }),
  }
  const { url, server } = await running(t, { routes: [endless], limits: { drainTimeoutMs: 100 } })
  const underWay = fetch(`${url}/endless`)
  while (server.stats().requestsActive === 0) await sleep(5)
  await server.drain()
  assert.equal((await errorOf(await underWay)).code, 'SHUTTING_DOWN')
  assert.ok(reason instanceof HarmonyError && reason.code === 'SHUTTING_DOWN')
})

test('statistics name routes by their template and never by what clients made up', async (t) => {
  const { url, server } = await running(t, { routes: [echo] })
  await (await fetch(`${url}/echo`, { method: 'POST', body: 'x' })).text()
  await (await fetch(`${url}/made-up-1`)).text()
  await (await fetch(`${url}/made-up-2`, { method: 'DELETE' })).text()
  const { routes } = server.stats()
  assert.deepEqual(
    routes.map(({ method, route, responses }) => ({ method, route, responses })),
    [
      { method: 'POST', route: '/echo', responses: [{ status: 200, count: 1 }] },
      { method: 'any', route: 'unknown', responses: [{ status: 404, count: 2 }] },
    ],
  )
  assert.equal(routes[0]?.latency.count, 1)
})
