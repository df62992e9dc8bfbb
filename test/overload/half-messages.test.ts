/** Clients that begin to say something and stop, in every protocol and at every stage: they are disconnected after their time, and take nothing with them. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import {
  answered,
  ended,
  frameHeader,
  insistOnIdle,
  isReady,
  startupMessage,
  type Protocol,
} from './idle-client.ts'
import { Target } from './target.ts'

let strangers: Target
/** Strangers have as long as they like here: a machine that is busy would not let a client be greeted in 300 ms. */
let known: Target

before(async () => {
  strangers = await Target.start(
    'http.headersTimeoutMs=300ms',
    'http.requestTimeoutMs=600ms',
    'hrana.helloTimeoutMs=300ms',
    'postgres.startupTimeoutMs=300ms',
  )
  known = await Target.start('hrana.pingIntervalMs=1s', 'postgres.messageTimeoutMs=300ms')
})
after(async () => {
  await strangers?.[Symbol.asyncDispose]()
  await known?.[Symbol.asyncDispose]()
})

interface Half {
  readonly what: string
  readonly protocol: Protocol
  /** Whether it is a client that is known already. */
  readonly isGreeted?: boolean
  readonly bytes: Buffer
}

const HALVES: readonly Half[] = [
  { what: 'nothing at all over HTTP', protocol: 'http', bytes: Buffer.alloc(0) },
  { what: 'half of the headers', protocol: 'http', bytes: Buffer.from('POST /v1/databases/de') },
  {
    what: 'the headers and half of a body',
    protocol: 'http',
    bytes: Buffer.from(
      'POST /v1/databases/default/query HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"sql":',
    ),
  },
  {
    what: 'a WebSocket without a hello',
    protocol: 'websocket',
    bytes: Buffer.from(
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
        'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: hrana2\r\n\r\n',
    ),
  },
  {
    what: 'half of a large WebSocket message',
    protocol: 'websocket',
    isGreeted: true,
    bytes: Buffer.concat([frameHeader(1_000_000), Buffer.alloc(500_000, ' ')]),
  },
  {
    what: 'half of a small WebSocket message, and no answer to pings',
    protocol: 'websocket',
    isGreeted: true,
    bytes: Buffer.concat([frameHeader(100), Buffer.alloc(50, ' ')]),
  },
  { what: 'nothing at all over PostgreSQL', protocol: 'postgres', bytes: Buffer.alloc(0) },
  {
    what: 'half of a startup message',
    protocol: 'postgres',
    bytes: startupMessage({ user: 'half', database: 'default' }).subarray(0, 20),
  },
  { what: 'the first byte of a query', protocol: 'postgres', isGreeted: true, bytes: Buffer.from('Q') },
  {
    what: 'half of a large query',
    protocol: 'postgres',
    isGreeted: true,
    bytes: Buffer.concat([Buffer.from([0x51, 0, 0x0f, 0, 0]), Buffer.alloc(500_000, ' ')]),
  },
]

async function open(target: Target, { protocol, isGreeted }: Half): Promise<Socket> {
  const address = target.address(protocol)
  if (isGreeted === true) return insistOnIdle(protocol, address)
  const socket = connect(address.port, address.host)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket.resume()
}

for (const half of HALVES)
  test(`${half.what}: the client is disconnected`, async () => {
    const target = half.isGreeted === true ? known : strangers
    const socket = await open(target, half)
    socket.write(half.bytes)
    await ended(socket)
    await target.serves()
  })

test('a client that says whole things may take its time between them', async () => {
  const socket = await insistOnIdle('postgres', known.address('postgres'))
  for (let round = 0; round < 3; round++) {
    // Longer than a message may take.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const answer = answered(socket, isReady)
    socket.write(Buffer.from('Q\0\0\0\rSELECT 1\0', 'latin1'))
    await answer
  }
  socket.destroy()
})
