/** More than the HTTP server can take: who is refused is told so before anything was done, and what the others get does not change. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Slots } from '../../base/slots.ts'
import { OPEN_AUTHENTICATOR } from './authenticator.ts'
import type { HttpRoute } from './exchange.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { OriginPolicy } from './origin-policy.ts'
import { HttpServer } from './server.ts'

const MIB = 1024 * 1024

interface Running {
  readonly server: HttpServer
  readonly port: number
  readonly url: string
  /** Requests that reached their handler. */
  readonly served: () => number
  /** Of all bodies. */
  readonly receivedBytes: () => number
}

/** `/size` answers with the size of the body, `/large` with 8 MiB. */
async function running(t: TestContext, limits: Partial<HttpLimits>, connections?: Slots): Promise<Running> {
  let served = 0
  let receivedBytes = 0
  const size: HttpRoute = {
    method: 'POST',
    path: /^\/size$/,
    handle: async (exchange) => {
      served++
      exchange.request.on('data', (piece: Buffer) => (receivedBytes += piece.length))
      exchange.sendJson(200, (await exchange.readBody()).length)
    },
  }
  const large: HttpRoute = {
    method: 'GET',
    path: /^\/large$/,
    handle: async (exchange) => exchange.send(200, 'text/plain', 'x'.repeat(8 * MIB)),
  }
  const server = new HttpServer({
    routes: [size, large],
    upgrade: null,
    authenticator: OPEN_AUTHENTICATOR,
    origins: new OriginPolicy({ isAuthenticated: false, allowedOrigins: [] }),
    limits: { ...DEFAULT_HTTP_LIMITS, drainTimeoutMs: 200, ...limits },
    ...(connections !== undefined && { connections }),
    onFailure: (what, error) => assert.fail(`${what}: ${error.message}`),
  })
  const { port } = await server.listen('127.0.0.1', 0)
  t.after(() => server.drain())
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    served: () => served,
    receivedBytes: () => receivedBytes,
  }
}

async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
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

/** Sends the headers and `sentBytes` of the body. */
function beginBody(socket: Socket, announcedBytes: number, sentBytes: number): void {
  socket.write(`POST /size HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${announcedBytes}\r\n\r\n`)
  socket.write(Buffer.alloc(sentBytes, 'x'))
}

test('a connection beyond the limit is told to come back, and nothing that it sent is done', async (t) => {
  const { server, port, url, served } = await running(t, { connectionsMax: 2 })
  const within = [await open(t, port), await open(t, port)]
  const beyond = await open(t, port)
  beginBody(beyond, 5, 5)
  const answer = await readToEnd(beyond)
  assert.match(answer, /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*"code":"OVERLOADED".*"retryable":true/s)
  assert.equal(served(), 0)
  for (const socket of within) socket.destroy()
  while (server.stats().connectionsOpen > 0) await sleep(5)
  const response = await fetch(`${url}/size`, { method: 'POST', body: 'x' })
  assert.equal(await response.json(), 1)
  assert.equal(server.stats().connectionsRefusedTotal, 1)
})

test('connections that another server of the process holds are missing here', async (t) => {
  const slots = new Slots(2)
  assert.equal(slots.take(), true)
  const { server, port, url } = await running(t, {}, slots)
  const first = await open(t, port)
  assert.match(await readToEnd(await open(t, port)), /^HTTP\/1\.1 503 /)
  first.destroy()
  while (server.stats().connectionsOpen > 0) await sleep(5)
  assert.equal(await (await fetch(`${url}/size`, { method: 'POST', body: 'x' })).json(), 1)
})

test('bodies that are too much together are refused while they arrive, and when those before are answered there is room again', async (t) => {
  const { port, url, receivedBytes } = await running(t, { receivedTotalBytesMax: 3 * MIB })
  const first = await open(t, port)
  beginBody(first, 2 * MIB, 2 * MIB - 1)
  while (receivedBytes() < 2 * MIB - 1) await sleep(2)
  const second = await open(t, port)
  beginBody(second, 30 * MIB, 2 * MIB)
  assert.match(await readToEnd(second), /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*OVERLOADED/s)
  assert.equal((await fetch(`${url}/size`, { method: 'POST', body: 'small ones need no room' })).status, 200)
  first.write('x')
  const [piece] = (await once(first, 'data')) as [Buffer]
  assert.match(piece.toString(), /^HTTP\/1\.1 200 /)
  const again = await fetch(`${url}/size`, { method: 'POST', body: 'x'.repeat(2 * MIB) })
  assert.equal(await again.json(), 2 * MIB)
})

test('a client that stops in mid-body is disconnected with 408, and its room is given back', async (t) => {
  const { port, url } = await running(t, { receivedTotalBytesMax: 2 * MIB, requestTimeoutMs: 50 })
  const half = await open(t, port)
  beginBody(half, 4 * MIB, 2 * MIB)
  assert.match(await readToEnd(half), /^HTTP\/1\.1 408 /)
  const whole = (): Promise<Response | null> =>
    fetch(`${url}/size`, { method: 'POST', body: 'x'.repeat(2 * MIB) }).catch(() => null)
  let response = await whole()
  // On a machine that is busy a whole one may take too long, too.
  while (response === null || response.status === 408) response = await whole()
  assert.equal(await response.json(), 2 * MIB)
})

test('when responses that nobody takes are too much together, those that wait longest are cut off', async (t) => {
  const { port, url } = await running(t, { unsentTotalBytesMax: 20 * MIB })
  const sockets: Socket[] = []
  for (let at = 0; at < 4; at++) {
    const socket = await open(t, port)
    socket.pause()
    socket.write('GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    sockets.push(socket)
  }
  assert.equal((await (await fetch(`${url}/large`)).text()).length, 8 * MIB)
  const sizes = await Promise.all(
    sockets.map(async (socket) => {
      let sizeBytes = 0
      socket.on('data', (piece: Buffer) => (sizeBytes += piece.length))
      socket.resume()
      while (!socket.destroyed && sizeBytes < 8 * MIB) await sleep(5)
      return sizeBytes
    }),
  )
  assert.deepEqual(
    sizes.map((sizeBytes) => sizeBytes >= 8 * MIB),
    [false, false, false, true],
  )
})
