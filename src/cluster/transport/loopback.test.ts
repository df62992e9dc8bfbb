/** The same on real sockets, plain and with mutual TLS, with a proxy in between that cuts bytes and connections. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as net from 'node:net'
import { SystemClock } from '../../host/clock.ts'
import { testCertificates } from '../../host/network-certificates.test.ts'
import type { Network, NetworkAddress } from '../../host/network.ts'
import { SeededRandom } from '../../host/random.ts'
import { SystemNetwork } from '../../host/system-network.ts'
import { heartbeat, MESSAGE_TYPES, randomMessage } from './testing/random-messages.ts'
import { TestMember } from './testing/test-members.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }
const ROUTE = { from: 1, to: 2 }
const FILE = new SeededRandom(7n).bytes(3_000_000)

/** A machine that is busy is no peer that is gone. */
const PATIENT = { handshakeTimeoutMs: 120_000, silenceTimeoutMs: 120_000 }

/** Asks again after each turn of the event loop; the test's own timeout ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

async function withMembers(
  network: Network,
  work: (dialer: TestMember, acceptor: TestMember, received: () => Buffer) => Promise<void>,
): Promise<void> {
  const chunks: Uint8Array[] = []
  const sink = {
    offset: 0,
    write: async (bytes: Uint8Array) => void chunks.push(bytes.slice()),
    finish: async () => {},
    interrupted: () => {},
  }
  const dialer = new TestMember(1, network, new SystemClock(), { limits: PATIENT })
  const acceptor = new TestMember(2, network, new SystemClock(), {
    limits: PATIENT,
    stream: async () => sink,
  })
  try {
    await acceptor.listen(LOOPBACK)
    await work(dialer, acceptor, () => Buffer.concat(chunks))
  } finally {
    await dialer.transport.close()
    await acceptor.transport.close()
  }
}

for (const [name, network] of [
  ['TCP', new SystemNetwork()],
  ['TLS', new SystemNetwork(testCertificates().member('127.0.0.1'))],
] as const) {
  test(`${name}: messages, calls and a stream at the same time`, { timeout: 300_000 }, () =>
    withMembers(network, async (dialer, acceptor, received) => {
      dialer.transport.setPeer(2, acceptor.address)
      const random = new SeededRandom(9n)
      const sent = MESSAGE_TYPES.map((type) => randomMessage(random, type, ROUTE))
      for (const message of sent) dialer.transport.send(message)
      const stream = dialer.transport.sendStream(2, {
        description: new Uint8Array(0),
        sizeBytes: FILE.length,
        read: async (offset, sizeBytes) => FILE.slice(offset, offset + sizeBytes),
      })
      const deadlineMs = new SystemClock().nowMs() + 120_000
      const payload = random.bytes(100_000)
      const outcome = await dialer.transport.call(2, { kind: 1, payload, deadlineMs })
      assert.deepEqual(outcome, { kind: 'answered', payload })
      assert.deepEqual(await stream, { kind: 'done' })
      assert.deepEqual(acceptor.received, sent)
      assert.ok(received().equals(FILE))
    }),
  )
}

interface Proxy {
  readonly address: NetworkAddress
  /** From now on: breaks the connection after so many bytes from the dialer. */
  limitBytes: number
  close(): void
}

/** Passes on what the dialer says in pieces of one byte. */
async function proxyTo(target: NetworkAddress): Promise<Proxy> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    const other = net.connect(target)
    let left = proxy.limitBytes
    for (const one of [socket, other]) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => {})
      one.on('close', () => (socket.destroy(), other.destroy()))
    }
    other.on('data', (bytes) => socket.write(bytes))
    socket.on('data', (bytes: Buffer) => {
      for (const byte of bytes.subarray(0, left)) other.write(Uint8Array.of(byte))
      left -= bytes.length
      if (left <= 0) other.end()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  const proxy: Proxy = { address: { host: '127.0.0.1', port }, limitBytes: Number.MAX_SAFE_INTEGER, close }
  return proxy
}

test('TCP: byte by byte, and broken in the middle of handshakes and frames', { timeout: 300_000 }, () =>
  withMembers(new SystemNetwork(), async (dialer, acceptor) => {
    const proxy = await proxyTo(acceptor.address)
    try {
      for (const limitBytes of [1, 40, 90, 120, 160, 200]) {
        proxy.limitBytes = limitBytes
        const { length } = dialer.unreachable
        dialer.transport.removePeer(2)
        dialer.transport.setPeer(2, proxy.address)
        for (let group = 0; group < 20; group++) dialer.transport.send(heartbeat(group, ROUTE))
        await until(() => dialer.unreachable.length > length)
      }
      assert.deepEqual(acceptor.received, [], 'no half of a frame is believed')
      proxy.limitBytes = Number.MAX_SAFE_INTEGER
      await until(() => dialer.isConnected())
      for (let group = 0; group < 20; group++) dialer.transport.send(heartbeat(group, ROUTE))
      await until(() => acceptor.received.length === 20)
      assert.deepEqual(
        acceptor.received.map(({ group }) => group),
        Array.from({ length: 20 }, (_, group) => group),
      )
    } finally {
      proxy.close()
    }
  }),
)
