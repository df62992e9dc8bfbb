/** WebSocket clients that make the member hold too much: alone within every limit, together over one. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { HranaOptions } from './options.ts'
import { startServer, type TestServer } from './testing/server.ts'

const MIB = 1024 * 1024

class Client implements AsyncDisposable {
  readonly socket: WebSocket
  readonly answers: string[] = []
  readonly #closed: Promise<number>

  constructor(server: TestServer) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}`, ['hrana2'])
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data: Buffer) => this.answers.push(data.toString().slice(0, 200)))
    this.#closed = once(this.socket, 'close').then(([code]) => Number(code))
  }

  /** With a stream 1. */
  static async open(server: TestServer): Promise<Client> {
    const client = new Client(server)
    await once(client.socket, 'open')
    client.socket.send('{"type":"hello","jwt":"writer"}')
    client.request(1, { type: 'open_stream', stream_id: 1 })
    await client.answered(2)
    return client
  }

  request(id: number, request: object): void {
    this.socket.send(JSON.stringify({ type: 'request', request_id: id, request }))
  }

  select(id: number, sql: string): void {
    this.request(id, { type: 'execute', stream_id: 1, stmt: { sql } })
  }

  async answered(count: number): Promise<void> {
    while (this.answers.length < count) await delay(2)
  }

  closeCode(): Promise<number> {
    return this.#closed
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.#closed
  }
}

/** The text of a request that is `sizeBytes` long. */
function largeRequest(sizeBytes: number): string {
  const stmt = { sql: `SELECT 1 -- ${'x'.repeat(sizeBytes)}` }
  return JSON.stringify({ type: 'request', request_id: 7, request: { type: 'execute', stream_id: 1, stmt } })
}

const start = (options: Partial<HranaOptions>): Promise<TestServer> => startServer(options)

const PING_INTERVAL_MS = 20

interface PingedServer extends AsyncDisposable {
  readonly server: TestServer
  /** Lets an interval pass, and waits until the client has been asked whether it is there and its answer has arrived; or until it is disconnected. */
  readonly ping: (client: Client) => Promise<void>
}

/** Its pings go out when the test says so: on a machine that is busy an answer may come later than the next interval. */
async function startPinged(t: TestContext, options: Partial<HranaOptions> = {}): Promise<PingedServer> {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const server = await start({ ...options, pingIntervalMs: PING_INTERVAL_MS })
  return {
    server,
    async ping({ socket }) {
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const pinged = once(socket, 'ping')
      t.mock.timers.tick(PING_INTERVAL_MS)
      await Promise.race([pinged, closed])
      // Behind the answer of the client.
      const answered = once(socket, 'pong')
      socket.ping()
      await Promise.race([answered, closed])
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

test('messages that are too much together are refused while they arrive, and when those before are complete there is room again', async () => {
  await using server = await start({ receivedTotalBytesMax: MIB })
  await using first = await Client.open(server)
  await using second = await Client.open(server)
  const text = largeRequest(MIB)
  first.socket.send(text.slice(0, 900_000), { fin: false })
  await delay(0)
  second.socket.send(text.slice(0, 900_000), { fin: false })
  // Which of them came first is the network's business.
  const refused = await Promise.race(
    [first, second].map((one) => one.closeCode().then((code) => ({ one, code }))),
  )
  assert.equal(refused.code, 1013)
  const other = refused.one === first ? second : first
  other.socket.send(text.slice(900_000))
  await other.answered(3)
  assert.match(other.answers[2] ?? '', /"request_id":7/)
  await using third = await Client.open(server)
  third.socket.send(text)
  await third.answered(3)
})

test('a client that stops in the middle of a large message has vanished, though it answers pings', async (t) => {
  await using pinged = await startPinged(t, { receivedTotalBytesMax: MIB })
  const { server, ping } = pinged
  await using client = await Client.open(server)
  client.socket.send(largeRequest(900_000).slice(0, 900_000), { fin: false })
  while (client.isOpen) await ping(client)
  assert.equal(await client.closeCode(), 1006)
  await using next = await Client.open(server)
  next.socket.send(largeRequest(900_000))
  await next.answered(3)
})

test('a client may stay silent between messages for ever, however large they were', async (t) => {
  await using pinged = await startPinged(t)
  const { server, ping } = pinged
  await using client = await Client.open(server)
  client.socket.send(largeRequest(500_000))
  await client.answered(3)
  for (let pings = 0; pings < 5; pings++) await ping(client)
  assert.equal(client.isOpen, true)
})

test('when answers that nobody takes are too much together, whoever has not read for longest is disconnected', async () => {
  await using server = await start({ sendBufferBytesMax: MIB, unsentTotalBytesMax: 12 * MIB })
  const ran: string[] = []
  server.gateway.beforeStatement = (sql) => void ran.push(sql)
  const slow: Client[] = []
  for (let at = 0; at < 4; at++) {
    const client = await Client.open(server)
    client.socket.pause()
    const sql = `SELECT printf('%.6000000c', 'x') AS of_${at}`
    client.select(3, sql)
    client.select(4, "SELECT printf('%.6000000c', 'x')")
    slow.push(client)
    // Its answers fill its buffers before the next one asks.
    while (!ran.includes(sql)) await delay(2)
    await delay(100)
  }
  await using quick = await Client.open(server)
  quick.select(3, 'SELECT 1')
  await quick.answered(3)
  for (const client of slow) client.socket.resume()
  const last = slow.at(-1) as Client
  await last.answered(4)
  assert.equal(last.isOpen, true)
  assert.equal(await slow[0]?.closeCode(), 1006)
  for (const client of slow) await client[Symbol.asyncDispose]()
})
