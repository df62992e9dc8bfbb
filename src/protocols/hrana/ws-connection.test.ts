import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket, type ClientOptions } from 'ws'
import { decode, encode } from './testing/protobuf-schema.ts'
import { startServer, type TestServer } from './testing/server.ts'

interface Message {
  readonly type: string
  readonly request_id?: number
  readonly response?: {
    readonly type: string
    readonly result?: Record<string, unknown>
    readonly entries?: readonly Record<string, unknown>[]
    readonly done?: boolean
    readonly is_autocommit?: boolean
  }
  readonly error?: { readonly message: string; readonly code: string }
}

/** A client that sends whatever a test wants. */
class Client implements AsyncDisposable {
  readonly socket: WebSocket
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly others: Message[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  #lastId = 0

  constructor(
    server: TestServer,
    subprotocols: string[] = ['hrana2'],
    path = '/',
    options: ClientOptions = {},
  ) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, subprotocols, options)
    this.socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString()) as Message))
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  #take(message: Message): void {
    const resolve = this.#waiting.get(message.request_id ?? NaN)
    if (resolve === undefined) this.others.push(message)
    else resolve(message)
  }

  async open(jwt: string | null = 'writer'): Promise<this> {
    await once(this.socket, 'open')
    this.send({ type: 'hello', jwt })
    return this
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  request(request: object): Promise<Message> {
    const id = ++this.#lastId
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve))
    this.send({ type: 'request', request_id: id, request })
    return answer
  }

  execute(streamId: number, sql: string): Promise<Message> {
    return this.request({ type: 'execute', stream_id: streamId, stmt: { sql } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

const open = (streamId: number): object => ({ type: 'open_stream', stream_id: streamId })
const codeOf = (message: Message): string | undefined => message.error?.code
const rowsOf = (message: Message): unknown => message.response?.result?.['rows']

/** What `value` gives when it has stopped changing. */
async function settled(value: () => number): Promise<number> {
  let last = NaN
  for (let same = 0; same < 10; await delay(20)) {
    same = value() === last ? same + 1 : 0
    last = value()
  }
  return last
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5)
}

const SUBPROTOCOLS: readonly (readonly [offered: string[], chosen: string])[] = [
  [['hrana3-protobuf', 'hrana3', 'hrana2', 'hrana1'], 'hrana3-protobuf'],
  [['hrana3', 'hrana2'], 'hrana3'],
  [['hrana2', 'hrana1'], 'hrana2'],
  [['hrana9', 'hrana1'], 'hrana1'],
  [[], ''],
]

for (const [offered, chosen] of SUBPROTOCOLS) {
  test(`of [${offered.join(', ')}] the server chooses "${chosen}"`, async () => {
    await using server = await startServer()
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, offered)
    await once(socket, 'open')
    assert.equal(socket.protocol, chosen)
    socket.terminate()
  })
}

test('a client sends all it wants without waiting, hello included, on any path', async () => {
  await using server = await startServer()
  for (const path of ['/', '/db/one/', '/some/where']) {
    await using client = new Client(server, ['hrana2'], path)
    await client.open()
    const answers = await Promise.all([
      client.request(open(1)),
      client.execute(1, 'SELECT 42'),
      client.request({ type: 'close_stream', stream_id: 1 }),
    ])
    assert.deepEqual(
      answers.map((answer) => answer.response?.type),
      ['open_stream', 'execute', 'close_stream'],
    )
    assert.deepEqual(rowsOf(answers[1]), [[{ type: 'integer', value: '42' }]])
    assert.deepEqual(client.others, [{ type: 'hello_ok' }])
  }
  assert.equal(server.gateway.open.size, 0)
})

test('streams go on beside each other, each in its own order', async () => {
  await using server = await startServer()
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  server.gateway.beforeStatement = (sql) => (sql.includes('slow') ? goOn : undefined)
  await using client = await new Client(server).open()
  const order: string[] = []
  const note = (name: string) => (message: Message) => {
    order.push(name)
    return message
  }
  void client.request(open(1))
  void client.request(open(2))
  const slow = client.execute(1, "SELECT 'slow'").then(note('slow'))
  const behind = client.execute(1, 'SELECT 1').then(note('behind'))
  await client.execute(2, 'SELECT 2').then(note('beside'))
  letGo()
  await Promise.all([slow, behind])
  assert.deepEqual(order, ['beside', 'slow', 'behind'])
})

test('a transaction belongs to its stream', async () => {
  await using server = await startServer()
  await using client = await new Client(server, ['hrana3']).open()
  await Promise.all([client.request(open(1)), client.request(open(2))])
  await client.execute(1, 'BEGIN')
  const autocommit = async (streamId: number): Promise<unknown> =>
    (await client.request({ type: 'get_autocommit', stream_id: streamId })).response?.is_autocommit
  assert.deepEqual([await autocommit(1), await autocommit(2)], [false, true])
})

test('errors of SQL are answers; the stream goes on', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  void client.request(open(1))
  assert.equal(codeOf(await client.execute(1, 'nonsense')), 'SQL_INPUT_ERROR')
  assert.equal((await client.execute(1, 'SELECT 1')).type, 'response_ok')
})

test('requests on streams that are not open, and ids in use', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  assert.equal(codeOf(await client.execute(1, 'SELECT 1')), 'STREAM_NOT_OPEN')
  await client.request(open(1))
  assert.match((await client.request(open(1))).error?.message ?? '', /stream id 1 is in use/)
  await client.request({ type: 'close_stream', stream_id: 1 })
  assert.equal(codeOf(await client.execute(1, 'SELECT 1')), 'STREAM_NOT_OPEN')
  assert.equal((await client.request({ type: 'close_stream', stream_id: 1 })).type, 'response_ok')
  assert.equal((await client.request(open(1))).type, 'response_ok')
})

test('a stream that could not be opened keeps its id until it is closed', async () => {
  await using server = await startServer()
  await using client = await new Client(server, ['hrana2'], '/db/missing/').open()
  const [opened, executed] = await Promise.all([client.request(open(1)), client.execute(1, 'SELECT 1')])
  assert.equal(codeOf(opened), 'DATABASE_NOT_FOUND')
  assert.equal(codeOf(executed), 'STREAM_NOT_OPEN')
  assert.match(executed.error?.message ?? '', /could not be opened: There is no database "missing"/)
  assert.equal((await client.request({ type: 'close_stream', stream_id: 1 })).type, 'response_ok')
})

test('the number of streams is bounded', async () => {
  await using server = await startServer({ connectionStreamsMax: 2 })
  await using client = await new Client(server).open()
  await Promise.all([client.request(open(1)), client.request(open(2))])
  assert.equal(codeOf(await client.request(open(3))), 'OVERLOADED')
  await client.request({ type: 'close_stream', stream_id: 1 })
  assert.equal((await client.request(open(3))).type, 'response_ok')
})

test('stored SQL belongs to the connection, and may be closed right behind its use', async () => {
  await using server = await startServer()
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  server.gateway.beforeStatement = () => goOn
  await using client = await new Client(server).open()
  const stored = (streamId: number): Promise<Message> =>
    client.request({ type: 'execute', stream_id: streamId, stmt: { sql_id: 5 } })
  const answers = Promise.all([
    client.request({ type: 'store_sql', sql_id: 5, sql: 'SELECT 7' }),
    client.request(open(1)),
    client.request(open(2)),
    stored(1),
    stored(2),
    client.request({ type: 'close_sql', sql_id: 5 }),
    stored(1),
  ])
  letGo()
  const [, , , one, two, , three] = await answers
  assert.deepEqual(rowsOf(one), [[{ type: 'integer', value: '7' }]])
  assert.deepEqual(rowsOf(two), [[{ type: 'integer', value: '7' }]])
  assert.equal(codeOf(three), 'SQL_NOT_STORED')
})

// Authentication.

test('a wrong token is told, and ends the connection', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open('nobody')
  void client.request(open(1))
  const { code } = await client.closed
  assert.equal(code, 1008)
  assert.equal(client.others[0]?.type, 'hello_error')
  assert.equal(codeOf(client.others[0]), 'AUTH_INVALID')
  assert.equal(server.gateway.open.size, 0)
})

test('the token of the HTTP request counts where hello brings none', async () => {
  await using server = await startServer()
  const withHeader = new Client(server, ['hrana2'], '/', { headers: { authorization: 'Bearer nobody' } })
  await using client = await withHeader.open(null)
  assert.equal((await client.closed).code, 1008)
})

test('a request before hello ends the connection', async () => {
  await using server = await startServer()
  await using client = new Client(server)
  await once(client.socket, 'open')
  void client.request(open(1))
  assert.deepEqual(await client.closed, {
    code: 1008,
    reason: 'The first message must be a hello; this was a request.',
  })
})

test('a client that says no hello is disconnected after its time, whatever else it sends', async () => {
  await using server = await startServer({ helloTimeoutMs: 50 })
  await using silent = new Client(server)
  await once(silent.socket, 'open')
  silent.socket.ping()
  assert.deepEqual(await silent.closed, {
    code: 1008,
    reason: 'No valid hello came within 50 ms. Send it first.',
  })
})

/** A client with the stream 1, whose hello came in time: on a machine that is busy it may take several. */
async function greeted(server: TestServer): Promise<Client> {
  for (;;) {
    const client = await new Client(server).open()
    const answered = client.request(open(1)).then(() => true)
    if (await Promise.race([answered, client.closed.then(() => false)])) return client
  }
}

test('a client that has said hello may stay silent', async () => {
  await using server = await startServer({ helloTimeoutMs: 100 })
  await using client = await greeted(server)
  await delay(250)
  assert.deepEqual(rowsOf(await client.execute(1, 'SELECT 1')), [[{ type: 'integer', value: '1' }]])
})

test('before its hello a client may send little; behind it, all it wants without waiting', async () => {
  await using server = await startServer()
  await using stranger = new Client(server)
  await once(stranger.socket, 'open')
  // A message that is never complete.
  stranger.socket.send('x'.repeat(2 ** 20), { fin: false })
  assert.deepEqual(await stranger.closed, {
    code: 1009,
    reason: 'More than 65536 bytes came without a valid hello. Send it first.',
  })
  await using client = await new Client(server).open()
  const text = 'x'.repeat(2 ** 20)
  const [, answer] = await Promise.all([
    client.request(open(1)),
    client.execute(1, `SELECT length('${text}')`),
  ])
  assert.deepEqual(rowsOf(answer), [[{ type: 'integer', value: String(2 ** 20) }]])
})

test('a hello itself may not be larger', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open('x'.repeat(2 ** 16))
  assert.equal((await client.closed).code, 1009)
})

test('a second hello with the same rights changes nothing, with other rights it closes the streams', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  await client.request(open(1))
  client.send({ type: 'hello', jwt: 'writer' })
  assert.equal((await client.execute(1, 'BEGIN')).type, 'response_ok')
  client.send({ type: 'hello', jwt: 'reader' })
  const answer = await client.execute(1, 'SELECT 1')
  assert.equal(codeOf(answer), 'STREAM_NOT_OPEN')
  assert.match(answer.error?.message ?? '', /authenticated again with other rights/)
  assert.equal(server.gateway.open.size, 0)
  assert.deepEqual(
    client.others.map(({ type }) => type),
    ['hello_ok', 'hello_ok', 'hello_ok'],
  )
})

// Cursors.

const batch = (...sqls: string[]): object => ({ steps: sqls.map((sql) => ({ stmt: { sql } })) })
const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count}) SELECT i FROM n`

test('a cursor gives as much as is asked for, and no more is taken from the query', async () => {
  await using server = await startServer()
  await using client = await new Client(server, ['hrana3']).open()
  void client.request(open(1))
  void client.request({ type: 'open_cursor', stream_id: 1, cursor_id: 8, batch: batch(numbers(1000)) })
  const fetchEntries = (maxCount: number): Promise<Message> =>
    client.request({ type: 'fetch_cursor', cursor_id: 8, max_count: maxCount })
  const first = await fetchEntries(6)
  assert.deepEqual(
    first.response?.entries?.map((entry) => entry['type']),
    ['step_begin', 'row', 'row', 'row', 'row', 'row'],
  )
  assert.equal(first.response?.done, false)
  assert.equal(server.gateway.pagesTaken, 1)
  const rest = await fetchEntries(10_000)
  assert.equal(rest.response?.entries?.length, 996)
  assert.equal(rest.response?.done, true)
  assert.deepEqual((await fetchEntries(1)).response, { type: 'fetch_cursor', entries: [], done: true })
})

test('nothing runs on a stream beside its cursor', async () => {
  await using server = await startServer()
  await using client = await new Client(server, ['hrana3']).open()
  void client.request(open(1))
  void client.request({ type: 'open_cursor', stream_id: 1, cursor_id: 8, batch: batch('SELECT 1') })
  assert.match((await client.execute(1, 'SELECT 1')).error?.message ?? '', /cursor 8 is open on stream 1/)
  await client.request({ type: 'close_cursor', cursor_id: 8 })
  assert.equal((await client.execute(1, 'SELECT 1')).type, 'response_ok')
})

test('a cursor that could not be opened, that was never opened, and that went with its stream', async () => {
  await using server = await startServer()
  await using client = await new Client(server, ['hrana3']).open()
  const fetchOne = (cursorId: number): Promise<Message> =>
    client.request({ type: 'fetch_cursor', cursor_id: cursorId, max_count: 1 })
  void client.request(open(1))
  const unknownSql = { steps: [{ stmt: { sql_id: 77 } }] }
  const failed = await client.request({ type: 'open_cursor', stream_id: 1, cursor_id: 8, batch: unknownSql })
  assert.equal(codeOf(failed), 'SQL_NOT_STORED')
  assert.match((await fetchOne(8)).error?.message ?? '', /opening it failed/)
  assert.match((await fetchOne(9)).error?.message ?? '', /cursor 9 is not open/)
  assert.equal((await client.request({ type: 'close_cursor', cursor_id: 8 })).type, 'response_ok')
  void client.request({ type: 'open_cursor', stream_id: 1, cursor_id: 8, batch: batch('SELECT 1') })
  await client.request({ type: 'close_stream', stream_id: 1 })
  assert.match((await fetchOne(8)).error?.message ?? '', /cursor 8 is not open/)
})

// Bad input.

const VIOLATIONS: readonly (readonly [what: string, message: string, code: number, reason: RegExp])[] = [
  ['no JSON', '{"type":', 1007, /not JSON/],
  ['a message of an unknown type', '{"type":"goodbye"}', 1007, /type must be one of hello and request/],
  ['a request without an id', '{"type":"request","request":{}}', 1007, /request_id must be a 32-bit/],
]

for (const [what, message, code, reason] of VIOLATIONS) {
  test(`${what} ends the connection with a code and a reason, and rolls back`, async () => {
    await using server = await startServer()
    await using client = await new Client(server).open()
    await client.request(open(1))
    await client.execute(1, 'BEGIN IMMEDIATE')
    client.send(message)
    const closed = await client.closed
    assert.equal(closed.code, code)
    assert.match(closed.reason, reason)
    await until(() => server.gateway.open.size === 0)
  })
}

test('a frame of the wrong kind ends the connection', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  client.socket.send(Buffer.from('{"type":"hello"}'), { binary: true })
  assert.equal((await client.closed).code, 1003)
})

test('a message over the limit ends the connection', async () => {
  await using server = await startServer({ messageBytesMax: 1000 })
  await using client = await new Client(server).open()
  client.send(' '.repeat(1001))
  assert.equal((await client.closed).code, 1009)
})

test('a request that is wrong in itself is answered, and other streams go on', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  await client.request(open(1))
  await client.execute(1, 'BEGIN')
  const bad = await client.request({ type: 'dance', stream_id: 1 })
  assert.equal(codeOf(bad), 'REQUEST_INVALID')
  assert.match(bad.error?.message ?? '', /request\.type must be one of/)
  assert.equal((await client.execute(1, 'COMMIT')).type, 'response_ok')
})

// Load and loss.

test('a client that vanishes in mid-transaction is rolled back', async () => {
  await using server = await startServer()
  await using client = await new Client(server).open()
  await client.request(open(1))
  await client.execute(1, 'CREATE TABLE t (a)')
  await client.execute(1, 'BEGIN IMMEDIATE')
  await client.execute(1, 'INSERT INTO t VALUES (1)')
  client.socket.terminate()
  await until(() => server.gateway.open.size === 0)
  await using other = await new Client(server).open()
  void other.request(open(1))
  assert.deepEqual(rowsOf(await other.execute(1, 'SELECT count(*) FROM t')), [
    [{ type: 'integer', value: '0' }],
  ])
})

test('a client that stops answering pings has vanished', async () => {
  await using server = await startServer({ pingIntervalMs: 20 })
  await using client = new Client(server, ['hrana2'], '/', { autoPong: false })
  await client.open()
  assert.equal((await client.closed).code, 1006)
})

test('while too many requests wait, nothing more is read from the socket', async () => {
  await using server = await startServer({ connectionRequestsMax: 4 })
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  server.gateway.beforeStatement = () => goOn
  await using client = await new Client(server).open()
  await client.request(open(1))
  // More than the sockets' buffers on both sides hold, so that reading on would empty the client's.
  const large = `SELECT '${'x'.repeat(1_000_000)}'`
  const answers = Array.from({ length: 20 }, () => client.execute(1, large))
  assert.ok((await settled(() => client.socket.bufferedAmount)) > 0, 'everything was read')
  letGo()
  const types = (await Promise.all(answers)).map(({ type }) => type)
  assert.deepEqual(new Set(types), new Set(['response_ok']))
})

test('a client that reads slowly holds back its own queries', async () => {
  await using server = await startServer({ sendBufferBytesMax: 100_000 })
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  const ran = { statements: 0 }
  server.gateway.beforeStatement = () => {
    ran.statements++
    return goOn
  }
  await using client = await new Client(server).open()
  await client.request(open(1))
  const answers = Array.from({ length: 100 }, () => client.execute(1, "SELECT printf('%.1000000c', 'x')"))
  // Answered when all of them have arrived.
  await client.request(open(2))
  client.socket.pause()
  letGo()
  const count = await settled(() => ran.statements)
  assert.ok(count < 100, `${count} statements ran`)
  client.socket.resume()
  await Promise.all(answers)
  assert.equal(ran.statements, 100)
})

test('when the member goes away, what runs is answered, and then clients are told', async () => {
  await using server = await startServer()
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: running, resolve: run } = Promise.withResolvers<void>()
  server.gateway.beforeStatement = () => {
    run()
    return goOn
  }
  await using client = await new Client(server).open()
  await client.request(open(1))
  const answer = client.execute(1, 'SELECT 1')
  await running
  const drained = server.drain()
  letGo()
  assert.equal((await answer).type, 'response_ok')
  assert.deepEqual(await client.closed, { code: 1001, reason: 'The member is shutting down.' })
  await drained
  assert.equal(server.gateway.open.size, 0)
})

// Protobuf.

test('hrana3-protobuf', async () => {
  await using server = await startServer()
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, ['hrana3-protobuf'])
  const answers: unknown[] = []
  socket.on('message', (data: Buffer) => answers.push(decode('ServerMsg', data)))
  await once(socket, 'open')
  socket.send(encode('ClientMsg', { hello: { jwt: 'writer' } }))
  socket.send(encode('ClientMsg', { request: { requestId: 1, openStream: { streamId: 1 } } }))
  const stmt = { sql: 'SELECT ?', args: [{ integer: '-1' }], wantRows: true }
  socket.send(encode('ClientMsg', { request: { requestId: 2, execute: { streamId: 1, stmt } } }))
  await until(() => answers.length === 3)
  assert.deepEqual(answers.slice(0, 2), [{ helloOk: {} }, { responseOk: { requestId: 1, openStream: {} } }])
  const third = answers[2] as { responseOk: { execute: { result: { rows: unknown } } } }
  assert.deepEqual(third.responseOk.execute.result.rows, [{ values: [{ integer: '-1' }] }])
  socket.send(Buffer.from([0xff, 0xff]))
  const [code] = (await once(socket, 'close')) as [number]
  assert.equal(code, 1007)
})

test('the header x-harmonydb-consistency of the upgrade is the level of all streams of the connection', async () => {
  await using server = await startServer()
  const headers = { 'x-harmonydb-consistency': 'stale 2s' }
  await using client = await new Client(server, ['hrana3'], '/', { headers }).open()
  for (const stream of [1, 2]) {
    await client.request({ type: 'open_stream', stream_id: stream })
    await client.execute(stream, 'SELECT 1')
  }
  assert.deepEqual(server.gateway.levels, ['stale 2000ms', 'stale 2000ms'])
})

test('a header x-harmonydb-consistency that can not be read makes streams that can not be opened', async () => {
  await using server = await startServer()
  const headers = { 'x-harmonydb-consistency': 'weak' }
  await using client = await new Client(server, ['hrana3'], '/', { headers }).open()
  const answer = await client.request({ type: 'open_stream', stream_id: 1 })
  assert.match(answer.error?.message ?? '', /x-harmonydb-consistency is "weak"/)
})
