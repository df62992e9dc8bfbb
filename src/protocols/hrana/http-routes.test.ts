import { test } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startServer, type TestServer } from './testing/server.ts'
import { decode, decodeDelimited, encode } from './testing/protobuf-schema.ts'

interface StreamResult {
  readonly type: 'ok' | 'error'
  readonly response?: {
    readonly type: string
    readonly result?: Record<string, unknown>
    readonly is_autocommit?: boolean
  }
  readonly error?: { readonly message: string; readonly code: string; readonly extended_code?: string }
}

interface Answer {
  readonly status: number
  readonly baton: string | null
  readonly base_url: string | null
  readonly results: readonly StreamResult[]
  readonly message?: string
  readonly code?: string
}

async function post(server: TestServer, path: string, body: unknown, token = 'writer'): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) }
}

const pipeline = (server: TestServer, baton: string | null, ...requests: object[]): Promise<Answer> =>
  post(server, '/v2/pipeline', { baton, requests })

const execute = (sql: string, ...args: object[]): object => ({ type: 'execute', stmt: { sql, args } })
const CLOSE = { type: 'close' }

const rowsOf = (result: StreamResult | undefined): unknown => result?.response?.result?.['rows']
const codeOf = (result: StreamResult | undefined): string | undefined => result?.error?.code

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5)
}

test('clients find out what the server speaks, without a token', async () => {
  await using server = await startServer()
  for (const path of ['/v2', '/v3', '/v3-protobuf'])
    assert.equal((await fetch(server.url + path)).status, 200, path)
})

test('execute and close in one request, which is how clients send single statements', async () => {
  await using server = await startServer()
  const answer = await pipeline(
    server,
    null,
    execute('SELECT ? + 1 AS a', { type: 'integer', value: '41' }),
    CLOSE,
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.baton, null)
  assert.equal(answer.base_url, null)
  assert.deepEqual(rowsOf(answer.results[0]), [[{ type: 'integer', value: '42' }]])
  assert.deepEqual(answer.results[1], { type: 'ok', response: { type: 'close' } })
  assert.equal(server.gateway.open.size, 0)
})

test('SQL that fails is a result, and what follows it runs', async () => {
  await using server = await startServer()
  const answer = await pipeline(
    server,
    null,
    execute('CREATE TABLE t (a UNIQUE)'),
    execute('INSERT INTO t VALUES (1)'),
    execute('INSERT INTO t VALUES (1)'),
    execute('SELECT count(*) FROM t'),
    execute('SELECT * FROM missing'),
    CLOSE,
  )
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.results[2], {
    type: 'error',
    error: {
      message: 'UNIQUE constraint failed: t.a',
      code: 'SQLITE_CONSTRAINT',
      extended_code: 'SQLITE_CONSTRAINT_UNIQUE',
    },
  })
  assert.deepEqual(rowsOf(answer.results[3]), [[{ type: 'integer', value: '1' }]])
  assert.equal(codeOf(answer.results[4]), 'SQL_INPUT_ERROR')
})

test('a transaction goes on from request to request by its baton, and each baton is new', async () => {
  await using server = await startServer()
  const one = await pipeline(server, null, execute('CREATE TABLE t (a)'), execute('BEGIN'))
  const two = await pipeline(server, one.baton, execute('INSERT INTO t VALUES (1)'), {
    type: 'get_autocommit',
  })
  assert.equal(two.results[1]?.response?.is_autocommit, false)
  assert.notEqual(two.baton, one.baton)
  const three = await pipeline(server, two.baton, execute('COMMIT'), { type: 'get_autocommit' }, CLOSE)
  assert.equal(three.results[1]?.response?.is_autocommit, true)
  assert.equal(three.baton, null)
  const count = await pipeline(server, null, execute('SELECT count(*) FROM t'), CLOSE)
  assert.deepEqual(rowsOf(count.results[0]), [[{ type: 'integer', value: '1' }]])
})

test('a stream that is closed in mid-transaction is rolled back', async () => {
  await using server = await startServer()
  const one = await pipeline(server, null, execute('CREATE TABLE t (a)'), execute('BEGIN IMMEDIATE'))
  await pipeline(server, one.baton, execute('INSERT INTO t VALUES (1)'), CLOSE)
  const count = await pipeline(server, null, execute('SELECT count(*) FROM t'), CLOSE)
  assert.deepEqual(rowsOf(count.results[0]), [[{ type: 'integer', value: '0' }]])
})

test('a baton serves once; the stream stays as it was for the newest one', async () => {
  await using server = await startServer()
  const one = await pipeline(server, null, execute('BEGIN'))
  const two = await pipeline(server, one.baton, execute('SELECT 1'))
  const reused = await pipeline(server, one.baton, execute('SELECT 1'))
  assert.equal(reused.status, 400)
  assert.equal(reused.code, 'BATON_INVALID')
  assert.match(reused.message ?? '', /used before/)
  assert.equal((await pipeline(server, two.baton, execute('ROLLBACK'), CLOSE)).status, 200)
})

test('a baton that is made up, or of another member, is refused', async () => {
  await using server = await startServer()
  await using other = await startServer()
  const foreign = await pipeline(other, null, execute('BEGIN'))
  for (const baton of ['', 'x', foreign.baton]) {
    const answer = await pipeline(server, baton, execute('SELECT 1'))
    assert.deepEqual([answer.status, answer.code], [400, 'BATON_INVALID'])
  }
})

test('a baton opens its stream to nobody else: not with another token, not on another database', async () => {
  await using server = await startServer()
  const { baton } = await pipeline(server, null, execute('BEGIN'))
  const body = { baton, requests: [execute('SELECT 1')] }
  const asReader = await post(server, '/v2/pipeline', body, 'reader')
  assert.deepEqual([asReader.status, asReader.code], [400, 'BATON_INVALID'])
  const elsewhere = await post(server, '/db/other/v2/pipeline', body)
  assert.deepEqual([elsewhere.status, elsewhere.code], [400, 'BATON_INVALID'])
  assert.equal((await post(server, '/v2/pipeline', body)).status, 200)
})

test('a stream without requests expires, is rolled back, and says so', async () => {
  await using server = await startServer({ streamIdleMs: 20 })
  const { baton } = await pipeline(server, null, execute('CREATE TABLE t (a)'), execute('BEGIN IMMEDIATE'))
  await until(() => server.gateway.open.size === 0)
  const late = await pipeline(server, baton, execute('COMMIT'))
  assert.deepEqual([late.status, late.code], [400, 'STREAM_EXPIRED'])
  assert.match(late.message ?? '', /rolled back/)
  // The lock of the transaction is gone.
  const write = await pipeline(server, null, execute('INSERT INTO t VALUES (1)'), CLOSE)
  assert.equal(write.results[0]?.type, 'ok')
})

test('a closed stream can not be gone on with', async () => {
  await using server = await startServer()
  const one = await pipeline(server, null, execute('SELECT 1'))
  await pipeline(server, one.baton, CLOSE)
  assert.equal((await pipeline(server, one.baton, execute('SELECT 1'))).code, 'STREAM_EXPIRED')
})

test('the number of waiting streams is bounded; requests that close their stream pass', async () => {
  await using server = await startServer({ httpStreamsMax: 1 })
  const one = await pipeline(server, null, execute('BEGIN'))
  const refused = await pipeline(server, null, execute('BEGIN'))
  assert.deepEqual([refused.status, refused.code], [503, 'OVERLOADED'])
  assert.equal((await pipeline(server, null, execute('SELECT 1'), CLOSE)).status, 200)
  await pipeline(server, one.baton, CLOSE)
  assert.equal((await pipeline(server, null, execute('BEGIN'))).status, 200)
})

test('base_url comes with every answer where it is set', async () => {
  await using server = await startServer({ baseUrl: 'https://one.example/' })
  assert.equal((await pipeline(server, null, execute('BEGIN'))).base_url, 'https://one.example/')
})

test('stored SQL belongs to its stream', async () => {
  await using server = await startServer()
  const store = { type: 'store_sql', sql_id: 1, sql: 'SELECT 7' }
  const stored = { type: 'execute', stmt: { sql_id: 1 } }
  const one = await pipeline(server, null, store, stored)
  assert.deepEqual(rowsOf(one.results[1]), [[{ type: 'integer', value: '7' }]])
  const two = await pipeline(server, one.baton, stored, { type: 'close_sql', sql_id: 1 }, stored, CLOSE)
  assert.deepEqual(rowsOf(two.results[0]), [[{ type: 'integer', value: '7' }]])
  assert.equal(codeOf(two.results[2]), 'SQL_NOT_STORED')
  const other = await pipeline(server, null, stored, CLOSE)
  assert.equal(codeOf(other.results[0]), 'SQL_NOT_STORED')
})

test('a batch runs its steps as their conditions say', async () => {
  await using server = await startServer()
  const steps = [
    { stmt: { sql: 'SELECT 1' } },
    { stmt: { sql: 'SELECT * FROM missing' }, condition: { type: 'ok', step: 0 } },
    { stmt: { sql: 'SELECT 2' }, condition: { type: 'ok', step: 1 } },
    { stmt: { sql: 'SELECT 3' }, condition: { type: 'error', step: 1 } },
  ]
  const answer = await pipeline(server, null, { type: 'batch', batch: { steps } }, CLOSE)
  const result = answer.results[0]?.response?.result as {
    step_results: unknown[]
    step_errors: { code: string }[]
  }
  assert.deepEqual(
    result.step_results.map((step) => step !== null),
    [true, false, false, true],
  )
  assert.deepEqual(
    result.step_errors.map((error) => error?.code ?? null),
    [null, 'SQL_INPUT_ERROR', null, null],
  )
})

test('both kinds of arguments in one statement are an error of that statement', async () => {
  await using server = await startServer()
  const stmt = {
    sql: 'SELECT ?',
    args: [{ type: 'null' }],
    named_args: [{ name: 'a', value: { type: 'null' } }],
  }
  const answer = await pipeline(server, null, { type: 'execute', stmt }, CLOSE)
  assert.equal(codeOf(answer.results[0]), 'ARGS_BOTH_POSITIONAL_AND_NAMED')
})

test('describe and sequence', async () => {
  await using server = await startServer()
  const answer = await pipeline(
    server,
    null,
    { type: 'sequence', sql: 'CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2);' },
    { type: 'describe', sql: 'SELECT a FROM t WHERE a = :a' },
    CLOSE,
  )
  assert.equal(answer.results[0]?.type, 'ok')
  assert.deepEqual(answer.results[1]?.response?.result, {
    params: [{ name: ':a' }],
    cols: [{ name: 'a', decltype: 'INTEGER' }],
    is_explain: false,
    is_readonly: true,
  })
})

interface BatchAnswer {
  readonly step_results?: readonly unknown[]
  readonly step_errors?: readonly ({ readonly code: string; readonly message: string } | null)[]
}

test('a batch whose rows pass the limit fails, and a cursor reads them', async () => {
  await using server = await startServer({ responseBytesMax: 10_000 })
  const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT i FROM n'
  const batch = { steps: [{ stmt: { sql } }] }
  const answer = await pipeline(server, null, { type: 'batch', batch }, CLOSE)
  const told = answer.results[0]?.response?.result as BatchAnswer | undefined
  assert.deepEqual(told?.step_results, [null])
  assert.equal(told?.step_errors?.[0]?.code, 'RESPONSE_TOO_LARGE')
  assert.match(told?.step_errors?.[0]?.message ?? '', /cursor/)
  const lines = await cursor(server, { batch })
  assert.equal(lines.filter(({ type }) => type === 'row').length, 1000)
})

test('when the results of a pipeline fill the limit, the rest of it does not run, and says so', async () => {
  await using server = await startServer({ responseBytesMax: 1000 })
  const large = execute("SELECT printf('%.2000c', 'x')")
  const answer = await pipeline(server, null, large, execute('CREATE TABLE late (a)'), CLOSE)
  assert.equal(answer.results[0]?.type, 'ok')
  assert.equal(codeOf(answer.results[1]), 'RESPONSE_TOO_LARGE')
  assert.equal(answer.results[2]?.type, 'ok')
  const late = await pipeline(server, null, execute('SELECT * FROM late'), CLOSE)
  assert.equal(codeOf(late.results[0]), 'SQL_INPUT_ERROR')
})

test('a pipeline of too many requests is refused before any of it runs, in JSON and in Protobuf', async () => {
  await using server = await startServer({ pipelineRequestsMax: 3 })
  const one = await pipeline(server, null, execute('CREATE TABLE t (a)'), execute('BEGIN'))
  const insert = execute('INSERT INTO t VALUES (1)')
  const refused = await pipeline(server, one.baton, insert, insert, insert, CLOSE)
  assert.deepEqual([refused.status, refused.code], [413, 'REQUEST_TOO_LARGE'])
  assert.match(refused.message ?? '', /may have 3 requests.*Nothing of it has run.*pipelineRequestsMax/)
  const requests = Array.from({ length: 4 }, () => ({
    execute: { stmt: { sql: 'INSERT INTO t VALUES (1)' } },
  }))
  const body = encode('PipelineReqBody', { baton: one.baton, requests })
  const binary = await postProtobuf(server, '/v3-protobuf/pipeline', body)
  assert.equal(binary.status, 413)
  assert.equal(((await binary.json()) as Answer).code, 'REQUEST_TOO_LARGE')
  const three = await pipeline(
    server,
    one.baton,
    execute('SELECT count(*) FROM t'),
    { type: 'get_autocommit' },
    CLOSE,
  )
  assert.deepEqual(rowsOf(three.results[0]), [[{ type: 'integer', value: '0' }]])
  assert.equal(three.results[1]?.response?.is_autocommit, false)
})

test('a long pipeline lets the event loop turn between its requests', async () => {
  await using server = await startServer()
  const order: string[] = []
  server.gateway.beforeStatement = (sql) => {
    order.push(sql)
    if (order.length === 1) setImmediate(() => order.push('the event loop turned'))
    // Longer than what the statements of one turn may take.
    const startMs = performance.now()
    while (performance.now() - startMs < 15) continue
  }
  await pipeline(server, null, execute('SELECT 1'), execute('SELECT 2'), execute('SELECT 3'), CLOSE)
  assert.ok(order.indexOf('the event loop turned') < order.indexOf('SELECT 3'), order.join())
})

test('version 1: a statement and a batch without a stream; their errors have status 400', async () => {
  await using server = await startServer()
  const one = (await post(server, '/v1/execute', {
    stmt: { sql: 'SELECT 1', want_rows: true },
  })) as unknown as {
    result: { rows: unknown }
  }
  assert.deepEqual(one.result.rows, [[{ type: 'integer', value: '1' }]])
  const batch = (await post(server, '/v1/batch', {
    batch: { steps: [{ stmt: { sql: 'SELECT 1' } }, { stmt: { sql: 'nonsense' } }] },
  })) as unknown as { result: { step_errors: ({ code: string } | null)[] } }
  assert.equal(batch.result.step_errors[0], null)
  assert.equal(batch.result.step_errors[1]?.code, 'SQL_INPUT_ERROR')
  const bad = await post(server, '/v1/execute', { stmt: { sql: 'nonsense' } })
  assert.deepEqual([bad.status, bad.code], [400, 'SQL_INPUT_ERROR'])
  assert.equal(server.gateway.open.size, 0)
})

// Bad input.

test('a request that is wrong in itself has no effect, and its baton stays good', async () => {
  await using server = await startServer()
  const { baton } = await pipeline(server, null, execute('BEGIN'))
  const bad = await pipeline(server, baton, execute('CREATE TABLE t (a)'), { type: 'dance' })
  assert.deepEqual([bad.status, bad.code], [400, 'REQUEST_INVALID'])
  assert.match(bad.message ?? '', /requests\[1\]\.type/)
  const after = await pipeline(server, baton, execute('SELECT * FROM t'), CLOSE)
  assert.equal(codeOf(after.results[0]), 'SQL_INPUT_ERROR')
})

test('malformed JSON, wrong tokens, strange databases and large bodies, each with its status and code', async () => {
  await using server = await startServer()
  const good = { baton: null, requests: [CLOSE] }
  const expect = async (
    path: string,
    body: unknown,
    token: string,
    status: number,
    code: string,
  ): Promise<void> => {
    const answer = await post(server, path, body, token)
    const told = answer.code ?? (answer as unknown as { error: { code: string } }).error.code
    assert.deepEqual([answer.status, told], [status, code])
  }
  await expect('/v2/pipeline', '{"baton":', 'writer', 400, 'REQUEST_INVALID')
  await expect('/v3/cursor', '{"batch":{}}', 'writer', 400, 'REQUEST_INVALID')
  await expect('/v1/execute', '{}', 'writer', 400, 'REQUEST_INVALID')
  await expect('/v2/pipeline', good, 'nobody', 401, 'AUTH_INVALID')
  await expect('/v2/pipeline', good, 'stranger', 401, 'AUTH_INVALID')
  await expect('/db/missing/v2/pipeline', good, 'writer', 404, 'DATABASE_NOT_FOUND')
  await expect('/v2/pipeline', ' '.repeat(2_000_000), 'writer', 413, 'REQUEST_TOO_LARGE')
  assert.deepEqual(server.failures, [])
})

test('a compressed body is refused on every route, with an error that libSQL clients show', async () => {
  await using server = await startServer()
  const headers = { authorization: 'Bearer writer', 'content-encoding': 'gzip' }
  for (const path of ['/v2/pipeline', '/v3/cursor', '/v3-protobuf/pipeline', '/v1/execute']) {
    const response = await fetch(server.url + path, { method: 'POST', headers, body: 'abc' })
    const { code, message } = (await response.json()) as Answer
    assert.deepEqual([response.status, code], [415, 'ENCODING_UNSUPPORTED'], path)
    assert.match(message ?? '', /compressed bodies are not taken/)
  }
})

test('a URL without a slash at its end is told apart from a path that does not exist', async () => {
  await using server = await startServer()
  const answer = await post(server, '/db/v2/pipeline', { baton: null, requests: [CLOSE] })
  assert.deepEqual([answer.status, answer.code], [404, 'DATABASE_NOT_FOUND'])
  assert.match(answer.message ?? '', /lacks a slash/)
})

// Cursors.

interface Line {
  readonly type?: string
  readonly baton?: string | null
  readonly [key: string]: unknown
}

async function cursor(server: TestServer, body: object): Promise<Line[]> {
  const response = await fetch(`${server.url}/v3/cursor`, { method: 'POST', body: JSON.stringify(body) })
  assert.equal(response.status, 200)
  const text = await response.text()
  assert.ok(text.endsWith('\n'))
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

test('a cursor: head, steps, rows, errors in their place, and the last line', async () => {
  await using server = await startServer()
  const steps = [
    { stmt: { sql: 'SELECT 1 AS a UNION ALL SELECT 2' } },
    { stmt: { sql: 'nonsense' } },
    { stmt: { sql: 'SELECT 3' }, condition: { type: 'ok', step: 1 } },
  ]
  const [head, ...lines] = await cursor(server, { baton: null, batch: { steps } })
  assert.equal(typeof head?.baton, 'string')
  assert.deepEqual(lines.slice(0, 4), [
    { type: 'step_begin', step: 0, cols: [{ name: 'a', decltype: null }] },
    { type: 'row', row: [{ type: 'integer', value: '1' }] },
    { type: 'row', row: [{ type: 'integer', value: '2' }] },
    { type: 'step_end', affected_row_count: 0, last_insert_rowid: 0 },
  ])
  assert.equal(lines[4]?.type, 'step_error')
  assert.equal(lines[4]['step'], 1)
  assert.deepEqual(lines.slice(5), [{ type: 'replication_index', replication_index: 1 }])
})

test('a cursor and a pipeline share their streams', async () => {
  await using server = await startServer()
  const one = await pipeline(server, null, execute('BEGIN'), execute('CREATE TABLE t (a)'))
  const [head] = await cursor(server, {
    baton: one.baton,
    batch: { steps: [{ stmt: { sql: 'INSERT INTO t VALUES (1)' } }] },
  })
  const two = await pipeline(
    server,
    head?.baton ?? null,
    execute('SELECT count(*) FROM t'),
    execute('ROLLBACK'),
    CLOSE,
  )
  assert.deepEqual(rowsOf(two.results[0]), [[{ type: 'integer', value: '1' }]])
})

const ENDLESS =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i, printf('%.1000c', 'x') FROM n"

test('a client that reads slowly holds back the query, and not memory', async () => {
  await using server = await startServer()
  const body = JSON.stringify({ batch: { steps: [{ stmt: { sql: ENDLESS } }] } })
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`POST /v3/cursor HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  socket.pause()
  await until(() => server.gateway.pagesTaken > 0)
  // 20 MB of rows in 2,000 pages: what the kernel's buffers hold is taken, and then nothing more.
  let taken = -1
  for (let same = 0; same < 10; await delay(10)) {
    same = server.gateway.pagesTaken === taken ? same + 1 : 0
    taken = server.gateway.pagesTaken
  }
  assert.ok(taken < 2000, `${taken} pages were taken`)
  socket.destroy()
  // The stream stays for its client, which has the baton: only the batch ends.
  await delay(20)
  assert.equal(server.gateway.pagesTaken, taken)
  assert.deepEqual(server.failures, [])
})

test('a client that leaves in mid-request loses its stream, and what it did is rolled back', async () => {
  await using server = await startServer()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  server.gateway.beforeStatement = (sql) => {
    if (!sql.startsWith('SELECT')) return undefined
    reach()
    return goOn
  }
  await pipeline(server, null, execute('CREATE TABLE t (a)'), CLOSE)
  const leaving = new AbortController()
  const requests = [
    execute('BEGIN IMMEDIATE'),
    execute('INSERT INTO t VALUES (1)'),
    execute('SELECT 1'),
    execute('COMMIT'),
  ]
  const left = fetch(`${server.url}/v2/pipeline`, {
    method: 'POST',
    body: JSON.stringify({ baton: null, requests }),
    signal: leaving.signal,
  })
  await reached
  leaving.abort()
  await assert.rejects(left)
  await until(() => server.stats().requestsAbandonedTotal === 1)
  letGo()
  await until(() => server.gateway.open.size === 0)
  server.gateway.beforeStatement = () => undefined
  const count = await pipeline(server, null, execute('SELECT count(*) FROM t'), CLOSE)
  assert.deepEqual(rowsOf(count.results[0]), [[{ type: 'integer', value: '0' }]])
})

test('when the member goes away, waiting streams are rolled back', async () => {
  await using server = await startServer()
  await pipeline(server, null, execute('BEGIN'))
  assert.equal(server.gateway.open.size, 1)
  await server.drain()
  assert.equal(server.gateway.open.size, 0)
})

// Protobuf.

async function postProtobuf(server: TestServer, path: string, body: Uint8Array): Promise<Response> {
  return fetch(server.url + path, { method: 'POST', body: Buffer.from(body) })
}

test('a pipeline in Protobuf', async () => {
  await using server = await startServer()
  const requests = [
    { execute: { stmt: { sql: 'SELECT ?', args: [{ integer: '9223372036854775807' }] } } },
    { close: {} },
  ]
  const response = await postProtobuf(
    server,
    '/v3-protobuf/pipeline',
    encode('PipelineReqBody', { requests }),
  )
  assert.equal(response.headers.get('content-type'), 'application/x-protobuf')
  const answer = decode('PipelineRespBody', Buffer.from(await response.arrayBuffer())) as {
    results: [{ ok: { execute: { result: { rows: unknown } } } }]
  }
  assert.deepEqual(answer.results[0].ok.execute.result.rows, [
    { values: [{ integer: '9223372036854775807' }] },
  ])
})

test('a cursor in Protobuf', async () => {
  await using server = await startServer()
  const batch = { steps: [{ stmt: { sql: 'SELECT 1 AS a' } }] }
  const response = await postProtobuf(server, '/v3-protobuf/cursor', encode('CursorReqBody', { batch }))
  const bytes = Buffer.from(await response.arrayBuffer())
  const [head, ...entries] = decodeDelimited(
    (index) => (index === 0 ? 'CursorRespBody' : 'CursorEntry'),
    bytes,
  )
  assert.equal(typeof (head as { baton: string }).baton, 'string')
  assert.deepEqual(entries, [
    { stepBegin: { step: 0, cols: [{ name: 'a' }] } },
    { row: { values: [{ integer: '1' }] } },
    { stepEnd: { affectedRowCount: '0', lastInsertRowid: '0' } },
  ])
})

test('malformed Protobuf', async () => {
  await using server = await startServer()
  const response = await postProtobuf(server, '/v3-protobuf/pipeline', Buffer.from([0x12, 0x7f, 0x00]))
  assert.equal(response.status, 400)
  assert.equal(((await response.json()) as { code: string }).code, 'REQUEST_INVALID')
})

test('the header x-harmonydb-consistency is the level of one request; a baton keeps none of it', async () => {
  await using server = await startServer()
  const send = async (level: string | null, path: string, body: object): Promise<Answer> => {
    const headers = {
      authorization: 'Bearer writer',
      ...(level !== null && { 'x-harmonydb-consistency': level }),
    }
    const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    // A cursor answers in lines, of which the first one has the baton.
    return JSON.parse((await response.text()).split('\n')[0] ?? '') as Answer
  }
  const batch = { steps: [{ stmt: { sql: 'SELECT 3' } }] }
  const first = await send('stale 500ms', '/v2/pipeline', { baton: null, requests: [execute('SELECT 1')] })
  const second = await send(null, '/v3/pipeline', { baton: first.baton, requests: [execute('SELECT 2')] })
  const third = await send('session 7', '/v3/cursor', { baton: second.baton, batch })
  await send('session', '/v3/pipeline', { baton: third.baton, requests: [{ type: 'batch', batch }, CLOSE] })
  await send('stale', '/v1/execute', { stmt: { sql: 'SELECT 4' } })
  assert.deepEqual(server.gateway.levels, ['stale 500ms', 'linearizable', 'session 7', 'session', 'stale'])
})

test('a header x-harmonydb-consistency that can not be read is refused before anything runs, and uses no baton up', async () => {
  await using server = await startServer()
  const { baton } = await pipeline(server, null, execute('SELECT 1'))
  const headers = { authorization: 'Bearer writer', 'x-harmonydb-consistency': 'weak' }
  const body = JSON.stringify({ baton, requests: [execute('SELECT 2')] })
  const response = await fetch(`${server.url}/v2/pipeline`, { method: 'POST', headers, body })
  assert.equal(response.status, 400)
  assert.match(
    ((await response.json()) as Answer).message ?? '',
    /x-harmonydb-consistency is "weak"; it must be/,
  )
  assert.equal((await pipeline(server, baton, execute('SELECT 3'), CLOSE)).status, 200)
})
