import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { UnsentAnswers } from '../../../base/unsent-answers.ts'
import { AnswersOfTurn } from './answers-of-turn.ts'
import { ClientOutput } from './output.ts'

const UNSENT_BYTES_MAX = 1024 * 1024
/** Of one server, that of all tests. */
const OF_TURN = new AnswersOfTurn()
const LIMITS = { unsentBytesMax: UNSENT_BYTES_MAX, stallTimeoutMs: 60_000 }

interface Pair {
  readonly output: ClientOutput
  readonly socket: Socket
  readonly client: Socket
  /** Everything that was given to the socket, one text for each write. */
  readonly writes: string[]
}

/** A real connection, whose server side is written to by a ClientOutput. `order` gets the names of those that write. */
async function connection(
  t: TestContext,
  name = '',
  order: string[] = [],
  { limits = LIMITS, unsent = new UnsentAnswers(Infinity) } = {},
): Promise<Pair> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.after(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  const writes: string[] = []
  const write = socket.write.bind(socket)
  socket.write = (bytes: string | Uint8Array) => {
    writes.push(Buffer.from(bytes as Uint8Array).toString('latin1'))
    order.push(name)
    return write(bytes)
  }
  return { output: new ClientOutput(socket, limits, unsent, OF_TURN), socket, client, writes }
}

function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('the answers of a turn leave at its end, in the order in which they were made', async (t) => {
  const order: string[] = []
  const first = await connection(t, 'first', order)
  const second = await connection(t, 'second', order)
  first.output.encoder.text('a')
  assert.equal(first.output.flush(), null)
  second.output.encoder.text('b')
  void second.output.flush()
  assert.deepEqual(order, [])
  await turnEnd()
  assert.deepEqual(order, ['first', 'second'])
  assert.deepEqual([first.writes, second.writes], [['a'], ['b']])
})

test('several answers to one client are one write', async (t) => {
  const { output, writes } = await connection(t)
  for (const text of ['a', 'b', 'c']) {
    output.encoder.text(text)
    void output.flush()
  }
  await turnEnd()
  assert.deepEqual(writes, ['abc'])
})

test('what was begun behind an answer that waits can still be taken back', async (t) => {
  const { output, writes } = await connection(t)
  output.encoder.text('answer')
  void output.flush()
  const mark = output.encoder.mark()
  output.encoder.text('half of a message')
  await turnEnd()
  assert.deepEqual(writes, ['answer'])
  output.encoder.rewind(mark)
  output.encoder.text(', error')
  void output.flush()
  await turnEnd()
  assert.deepEqual(writes, ['answer', ', error'])
})

test('a large answer is not kept waiting', async (t) => {
  const { output, writes } = await connection(t)
  output.encoder.text('x'.repeat(40_000))
  void output.flush()
  assert.equal(writes.length, 1)
})

test('many answers do not wait for a long turn', async (t) => {
  const order: string[] = []
  const pairs = await Promise.all(Array.from({ length: 40 }, () => connection(t, 'one', order)))
  for (const { output } of pairs) {
    output.encoder.text('a')
    void output.flush()
  }
  assert.ok(order.length >= 32, `${order.length} answers were sent before the end of the turn`)
  await turnEnd()
  assert.equal(order.length, 40)
})

test('a client that does not read holds back what is made for it', async (t) => {
  const { output, socket, client } = await connection(t)
  client.pause()
  let pending: Promise<void> | null = null
  for (let round = 0; round < 1000 && pending === null; round++) {
    output.encoder.text('x'.repeat(30_000))
    pending = output.flush()
    await turnEnd()
  }
  assert.ok(pending !== null && socket.writableLength > UNSENT_BYTES_MAX)
  client.resume()
  await pending
  assert.equal(socket.writableLength, 0)
})

test('the end sends what waits first', async (t) => {
  const { output, client } = await connection(t)
  output.encoder.text('last words')
  void output.flush()
  output.end()
  const [bytes] = (await once(client, 'data')) as [Buffer]
  assert.equal(bytes.toString(), 'last words')
})

/** Gives the client more than it takes. */
async function fill({ output, socket, client }: Pair): Promise<void> {
  client.pause()
  while (!output.isFull && !socket.destroyed) {
    output.encoder.text('x'.repeat(30_000))
    void output.send()
    await turnEnd()
  }
}

test('a client that takes nothing for too long is disconnected', async (t) => {
  const limits = { unsentBytesMax: UNSENT_BYTES_MAX, stallTimeoutMs: 20 }
  const pair = await connection(t, '', [], { limits })
  await fill(pair)
  if (!pair.socket.destroyed) await once(pair.socket, 'close')
  assert.equal(pair.output.isFull, false)
})

test('when too much waits for all clients together, the one that has not read for longest is disconnected', async (t) => {
  const unsent = new UnsentAnswers(2.5 * UNSENT_BYTES_MAX)
  const pairs = [
    await connection(t, '', [], { unsent }),
    await connection(t, '', [], { unsent }),
    await connection(t, '', [], { unsent }),
  ]
  for (const pair of pairs) await fill(pair)
  assert.deepEqual(
    pairs.map(({ socket }) => socket.destroyed),
    [true, false, false],
  )
  for (const { client } of pairs) client.resume()
  while (unsent.heldBytes > 0) await turnEnd()
})
