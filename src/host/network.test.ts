/** Both networks keep the same contract; the machine's real one shows that the one in memory is no fiction. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { SystemClock } from './clock.ts'
import { MemoryNetwork } from './network-memory.ts'
import { testCertificates } from './network-certificates.test.ts'
import type { Connection, Listener, Network } from './network.ts'
import { formatAddress, NetworkError } from './network.ts'
import { SeededRandom } from './random.ts'
import { SystemNetwork } from './system-network.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }
const forever = (): AbortSignal => new AbortController().signal

/** One end of a stream, with all that happened to it. */
class End {
  readonly connection: Connection
  readonly received: Uint8Array[] = []
  readonly closed: Promise<string | null>
  drains = 0
  #receivedBytes = 0
  #expecting: { readonly sizeBytes: number; readonly resolve: () => void } | null = null

  constructor(connection: Connection) {
    this.connection = connection
    const { promise, resolve } = Promise.withResolvers<string | null>()
    this.closed = promise
    connection.start({ data: (bytes) => this.#take(bytes), drained: () => this.drains++, closed: resolve })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received)
  }

  /** Resolves when so many bytes have arrived. */
  has(sizeBytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#expecting = { sizeBytes, resolve }
    this.#check()
    return promise
  }

  #take(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length
    this.received.push(bytes)
    this.#check()
  }

  #check(): void {
    if (this.#expecting !== null && this.#receivedBytes >= this.#expecting.sizeBytes)
      this.#expecting.resolve()
  }
}

interface Pair {
  readonly left: End
  readonly right: End
  readonly listener: Listener
}

async function pairOf(network: Network): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<End>()
  const listener = await network.listen(LOOPBACK, (connection) => resolve(new End(connection)))
  const left = new End(await network.connect(listener.address, forever()))
  return { left, right: await promise, listener }
}

function memoryNetwork(): MemoryNetwork {
  return new MemoryNetwork(new SystemClock(), new SeededRandom(1n))
}

function fragmenting(): Network {
  const network = memoryNetwork()
  network.faults.fragmentBytesMax = 3
  return network.of('here')
}

const NETWORKS: readonly (readonly [string, () => Network])[] = [
  ['in memory', () => memoryNetwork().of('here')],
  ['in memory, in fragments', fragmenting],
  ['TCP', () => new SystemNetwork()],
  ['TLS', () => new SystemNetwork(testCertificates().member('127.0.0.1'))],
]

async function withPair(make: () => Network, work: (pair: Pair) => Promise<void>): Promise<void> {
  const pair = await pairOf(make())
  try {
    await work(pair)
  } finally {
    pair.left.connection.destroy()
    pair.right.connection.destroy()
    await pair.listener.close()
  }
}

for (const [name, make] of NETWORKS) {
  test(`${name}: both ways, in order, parts as one stream`, () =>
    withPair(make, async ({ left, right }) => {
      left.connection.write([Buffer.from('ab'), Buffer.from('cde')])
      left.connection.write([Buffer.from('f')])
      right.connection.write([Buffer.from('xyz')])
      await Promise.all([right.has(6), left.has(3)])
      assert.equal(right.bytes.toString(), 'abcdef')
      assert.equal(left.bytes.toString(), 'xyz')
      assert.equal(right.received[0]?.constructor, Uint8Array, 'no Buffer, whose slice does not copy')
    }))

  test(`${name}: who writes more than can leave is told to wait, and told when to go on`, () =>
    withPair(make, async ({ left, right }) => {
      const part = new Uint8Array(name.includes('fragments') ? 70_000 : 16_000_000).fill(7)
      assert.equal(left.connection.write([part]), false)
      await right.has(part.length)
      left.connection.write([part.slice(0, 1)])
      await right.has(part.length + 1)
      assert.equal(left.drains, 1)
      assert.ok(right.bytes.every((byte) => byte === 7))
    }))

  test(`${name}: end sends what was written before, and both sides hear of it`, () =>
    withPair(make, async ({ left, right }) => {
      left.connection.write([new Uint8Array(100)])
      left.connection.end()
      assert.equal(await right.closed, null)
      assert.equal(right.bytes.length, 100)
      assert.equal(await left.closed, null)
    }))

  test(`${name}: destroy ends both sides, and writes after it do nothing`, () =>
    withPair(make, async ({ left, right }) => {
      left.connection.destroy()
      await Promise.all([left.closed, right.closed])
      assert.equal(left.connection.write([new Uint8Array(1)]), true)
      assert.equal(right.connection.write([new Uint8Array(1)]), true)
    }))

  test(`${name}: nobody listens`, async () => {
    const network = make()
    const { listener, left, right } = await pairOf(network)
    left.connection.destroy()
    await right.closed
    await listener.close()
    await assert.rejects(
      network.connect(listener.address, forever()),
      (error) => error instanceof NetworkError && error.systemCode === 'ECONNREFUSED',
    )
  })

  test(`${name}: an attempt can be given up`, async () => {
    const network = make()
    const listener = await network.listen(LOOPBACK, (connection) => void new End(connection))
    const abort = new AbortController()
    const attempt = network.connect(listener.address, abort.signal)
    abort.abort()
    await assert.rejects(attempt, NetworkError)
    await assert.rejects(network.connect(listener.address, abort.signal), NetworkError)
    await listener.close()
  })

  test(`${name}: an attempt that is over leaves nothing behind at its signal`, async () => {
    const network = make()
    const signal = forever()
    const listener = await network.listen(LOOPBACK, (connection) => void new End(connection))
    const connected = network.connect(listener.address, signal)
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    const left = new End(await connected)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    left.connection.destroy()
    await left.closed
    await listener.close()
    await assert.rejects(network.connect(listener.address, signal), NetworkError)
    const given = AbortSignal.abort()
    await assert.rejects(network.connect(listener.address, given), NetworkError)
    for (const each of [signal, given]) assert.equal(getEventListeners(each, 'abort').length, 0)
  })

  test(`${name}: an address can be listened on once`, async () => {
    const network = make()
    const listener = await network.listen(LOOPBACK, () => {})
    await assert.rejects(
      network.listen(listener.address, () => {}),
      (error) => error instanceof NetworkError && error.systemCode === 'EADDRINUSE',
    )
    await listener.close()
  })
}

test('TLS: a peer without a certificate of the authority gets nowhere, and neither does one that is not TLS', async () => {
  const certificates = testCertificates()
  const network = new SystemNetwork(certificates.member('127.0.0.1'))
  let accepted = 0
  const listener = await network.listen(LOOPBACK, (connection) => {
    accepted++
    void new End(connection)
  })
  const foreign = new SystemNetwork(testCertificates().member('127.0.0.1'))
  await assert.rejects(foreign.connect(listener.address, forever()), NetworkError)
  // Trusts this listener, but shows a certificate that this listener does not trust.
  const impostor = new SystemNetwork({
    ...testCertificates().member('127.0.0.1'),
    authority: certificates.authority,
  })
  const end = new End(await impostor.connect(listener.address, forever()))
  end.connection.write([Buffer.from('hello')])
  await end.closed
  const plain = new End(await new SystemNetwork().connect(listener.address, forever()))
  plain.connection.write([Buffer.from('GET / HTTP/1.1\r\n\r\n')])
  await plain.closed
  assert.equal(accepted, 0)
  await listener.close()
})

test('TLS: a certificate for another host is refused', async () => {
  const certificates = testCertificates()
  const listener = await new SystemNetwork(certificates.member('127.0.0.2')).listen(LOOPBACK, () => {})
  const network = new SystemNetwork(certificates.member('127.0.0.1'))
  await assert.rejects(network.connect(listener.address, forever()), /ERR_TLS_CERT_ALTNAME_INVALID/)
  await listener.close()
})

test('in memory: hosts that are separated lose their connections and get no new ones', async () => {
  const network = memoryNetwork()
  const address = { host: 'b', port: 1 }
  const { promise, resolve } = Promise.withResolvers<End>()
  await network.of('b').listen(address, (connection) => resolve(new End(connection)))
  const left = new End(await network.of('a').connect(address, forever()))
  network.separate('a', 'b')
  assert.equal(await left.closed, 'ECONNRESET')
  assert.equal(await (await promise).closed, 'ECONNRESET')
  assert.equal(network.openCount, 0)
  await assert.rejects(network.of('a').connect(address, forever()), /EHOSTUNREACH/)
  network.join('a', 'b')
  const again = new End(await network.of('a').connect(address, forever()))
  again.connection.destroy()
  await again.closed
})

test('in memory: a stalled host takes what it was sent when it goes on', async () => {
  const network = memoryNetwork()
  const address = { host: 'b', port: 1 }
  const { promise, resolve } = Promise.withResolvers<End>()
  await network.of('b').listen(address, (connection) => resolve(new End(connection)))
  const left = new End(await network.of('a').connect(address, forever()))
  const right = await promise
  network.stall('b')
  left.connection.write([Buffer.from('abc')])
  right.connection.write([Buffer.from('out')])
  await left.has(3)
  assert.equal(right.bytes.length, 0)
  network.unstall('b')
  await right.has(3)
})

test('addresses as people write them', () => {
  assert.equal(formatAddress({ host: 'db.example', port: 1 }), 'db.example:1')
  assert.equal(formatAddress({ host: '::1', port: 1 }), '[::1]:1')
})

test('in memory: what is held in one direction waits, while the other direction goes on', async () => {
  const clock = new SystemClock()
  const network = new MemoryNetwork(clock, new SeededRandom(7n))
  const [atA, atB] = [[] as string[], [] as string[]]
  const text = new TextDecoder()
  const listener = await network.of('b').listen({ host: 'b', port: 1 }, (connection) => {
    connection.start({
      data: (bytes) => {
        atB.push(text.decode(bytes))
        connection.write([new TextEncoder().encode('answer')])
      },
      drained: () => {},
      closed: () => {},
    })
  })
  const connection = await network.of('a').connect({ host: 'b', port: 1 }, new AbortController().signal)
  connection.start({ data: (bytes) => atA.push(text.decode(bytes)), drained: () => {}, closed: () => {} })
  network.hold('b', 'a')
  connection.write([new TextEncoder().encode('question')])
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([atA, atB], [[], ['question']])
  network.release('b', 'a')
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(atA, ['answer'])
  connection.destroy()
  await listener.close()
})
