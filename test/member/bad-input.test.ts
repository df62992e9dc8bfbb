import { test } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { RunningMember } from './running-member.ts'

interface Case {
  readonly what: string
  readonly body: unknown
  readonly status: number
  readonly code: string | RegExp
  readonly message: RegExp
}

const CASES: readonly Case[] = [
  { what: 'no body', body: '', status: 400, code: 'REQUEST_INVALID', message: /no body/ },
  { what: 'no JSON', body: '{"sql": ', status: 400, code: 'REQUEST_INVALID', message: /not JSON/ },
  {
    what: 'an unknown field',
    body: { sql: 'SELECT 1', parms: [] },
    status: 400,
    code: 'REQUEST_INVALID',
    message: /"parms"/,
  },
  { what: 'no SQL', body: { params: [] }, status: 400, code: 'REQUEST_INVALID', message: /sql is missing/ },
  { what: 'no statement', body: { sql: ' -- nothing' }, status: 400, code: 'SQL_NO_STATEMENT', message: /./ },
  {
    what: 'two statements',
    body: { sql: 'SELECT 1; SELECT 2' },
    status: 400,
    code: 'SQL_MANY_STATEMENTS',
    message: /./,
  },
  {
    what: 'a syntax error',
    body: { sql: 'SELEC 1' },
    status: 400,
    code: 'SQL_PARSE_ERROR',
    message: /near "SELEC": syntax error/,
  },
  {
    what: 'a syntax error in a write',
    body: { sql: 'INSERT INTO t VALUE (1)' },
    status: 400,
    code: 'SQL_PARSE_ERROR',
    message: /near "VALUE": syntax error/,
  },
  {
    what: 'a missing table',
    body: { sql: 'SELECT * FROM missing' },
    status: 400,
    code: 'SQLITE_ERROR',
    message: /no such table: missing/,
  },
  {
    what: 'a missing column',
    body: { sql: 'UPDATE t SET missing = 1' },
    status: 400,
    code: 'SQLITE_ERROR',
    message: /no such column: missing/,
  },
  {
    what: 'too few arguments',
    body: { sql: 'SELECT ?, ?', params: [1] },
    status: 400,
    code: 'ARGS_INVALID',
    message: /./,
  },
  {
    what: 'too many arguments',
    body: { sql: 'SELECT ?', params: [1, 2] },
    status: 400,
    code: 'ARGS_INVALID',
    message: /./,
  },
  {
    what: 'an unknown name',
    body: { sql: 'SELECT :a', params: { b: 1 } },
    status: 400,
    code: 'ARGS_INVALID',
    message: /./,
  },
  {
    what: 'an integer of 65 bits',
    body: '{"sql":"SELECT ?","params":[9223372036854775808]}',
    status: 400,
    code: 'ARGS_INVALID',
    message: /params\[0\] is 9223372036854775808/,
  },
  {
    what: 'a violated constraint',
    body: { sql: "INSERT INTO t VALUES (1, 'b')" },
    status: 409,
    code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    message: /UNIQUE constraint failed: t.id/,
  },
  {
    what: 'a violated NOT NULL',
    body: { sql: 'INSERT INTO t VALUES (2, NULL)' },
    status: 409,
    code: 'SQLITE_CONSTRAINT_NOTNULL',
    message: /NOT NULL/,
  },
  {
    what: 'ATTACH',
    body: { sql: "ATTACH '/tmp/x' AS x" },
    status: 400,
    code: 'STATEMENT_REFUSED',
    message: /./,
  },
  { what: 'VACUUM', body: { sql: 'VACUUM' }, status: 400, code: 'STATEMENT_REFUSED', message: /./ },
  { what: 'an extension', body: { sql: "SELECT load_extension('x')" }, status: 400, code: /./, message: /./ },
  {
    what: 'a PRAGMA that writes',
    body: { sql: 'PRAGMA journal_mode = DELETE' },
    status: 400,
    code: 'STATEMENT_REFUSED',
    message: /./,
  },
  {
    what: 'a reserved name',
    body: { sql: 'CREATE TABLE _harmony_x (a)' },
    status: 400,
    code: 'RESERVED_NAME',
    message: /_harmony_/,
  },
  {
    what: 'a temporary table',
    body: { sql: 'CREATE TEMP TABLE x (a)' },
    status: 400,
    code: 'STATEMENT_REFUSED',
    message: /./,
  },
  {
    what: 'BEGIN without its COMMIT',
    body: { sql: 'BEGIN' },
    status: 400,
    code: 'STATEMENT_REFUSED',
    message: /"statements"/,
  },
  {
    what: 'COMMIT without its BEGIN',
    body: { sql: 'COMMIT' },
    status: 400,
    code: 'NO_TRANSACTION',
    message: /./,
  },
  {
    what: 'a consistency that is none',
    body: { sql: 'SELECT 1', consistency: 'eventual' },
    status: 400,
    code: 'REQUEST_INVALID',
    message: /it must be linearizable, session/,
  },
]

test('each bad input has its code and its message, and changes nothing', async (t) => {
  const member = await RunningMember.start(t)
  await member.query({
    statements: ['CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL)', "INSERT INTO t VALUES (1, 'a')"],
  })
  for (const { what, body, status, code, message } of CASES) {
    const { status: got, json, text } = await member.query(body)
    const actual = json?.error?.code ?? ''
    assert.ok(typeof code === 'string' ? actual === code : code.test(actual), `${what}: ${text}`)
    assert.equal(got, status, what)
    assert.match(json.error.message, message, what)
    assert.deepEqual((await member.query({ sql: 'SELECT * FROM t' })).json.rows, [{ id: 1, x: 'a' }], what)
  }
  const { stderr } = await member.stop()
  assert.doesNotMatch(stderr, /"level":"error"/)
})

test('databases that are not there, or can not be, are refused by name', async (t) => {
  const member = await RunningMember.start(t)
  const missing = await member.query({ sql: 'SELECT 1' }, { database: 'nothing' })
  assert.deepEqual([missing.status, missing.json.error.code], [404, 'DATABASE_NOT_FOUND'])
  for (const name of ['', '../x', 'a/b', 'a\u0000b', '.', 'x'.repeat(300)]) {
    const { status, json } = await member.ask('POST', '/v1/databases', { name })
    assert.deepEqual([status, json.error.code], [400, 'DATABASE_NAME_INVALID'], JSON.stringify(name))
  }
  const escaped = await member.query({ sql: 'SELECT 1' }, { database: '..%2f..%2fetc' })
  assert.ok([400, 404].includes(escaped.status), escaped.text)
  assert.equal((await member.ask('POST', '/v1/databases', { nam: 'x' })).status, 400)
})

test('limits are obeyed, whoever sends', async (t) => {
  const member = await RunningMember.start(t, {
    args: [
      'bodySizeBytesMax=100KiB',
      'gateway.resultSizeBytesMax=100KiB',
      'hrana.responseBytesMax=4KiB',
    ].flatMap((limit) => ['--limit', limit]),
  })
  const body = await member.query({ sql: 'SELECT 1', params: ['x'.repeat(200_000)] })
  assert.deepEqual([body.status, body.json.error.code], [413, 'REQUEST_TOO_LARGE'])
  const result = await member.query({ sql: 'SELECT hex(zeroblob(100000))' })
  assert.equal(result.json.error.code, 'RESPONSE_TOO_LARGE')
  const write = await member.query({
    statements: ['CREATE TABLE t (x)', 'INSERT INTO t VALUES (hex(zeroblob(100000))) RETURNING x'],
  })
  assert.equal(write.json.error.code, 'RESPONSE_TOO_LARGE')
  assert.equal(
    (await member.query({ sql: 'SELECT * FROM t' })).json.error.code,
    'SQLITE_ERROR',
    'nothing was done',
  )
  const large = "INSERT INTO done VALUES (printf('%.9000c', 'x')) RETURNING x"
  const batch = {
    steps: ['BEGIN', 'CREATE TABLE done (x)', large, 'COMMIT'].map((sql) => ({ stmt: { sql } })),
  }
  const requests = [{ type: 'batch', batch }, { type: 'close' }]
  const pipeline = await member.ask('POST', '/v2/pipeline', { requests })
  const text = JSON.stringify(pipeline.json)
  assert.match(text, /"step_errors":\[null,null,null,null\]/, 'what is done is told')
  assert.equal((await member.query({ sql: 'SELECT count(*) FROM done' })).status, 200)
})

test('a statement that runs too long is stopped, and others go on', async (t) => {
  const member = await RunningMember.start(t, { args: ['--limit', 'statementTimeoutMs=300ms'] })
  const endless = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c'
  const slow = member.query({ sql: endless })
  assert.equal((await member.query({ sql: 'SELECT 1 AS one' })).json.rows[0].one, 1)
  const { status, json } = await slow
  assert.deepEqual([status, json.error.code], [504, 'STATEMENT_TIMEOUT'])
})

test('a client that vanishes in mid-transaction blocks nobody for long', async (t) => {
  const member = await RunningMember.start(t, { args: ['--limit', 'transactionIdleTimeoutMs=500ms'] })
  await member.query({ sql: 'CREATE TABLE t (x)' })
  const requests = ['BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)'].map((sql) => ({
    type: 'execute',
    stmt: { sql },
  }))
  assert.equal((await member.ask('POST', '/v3/pipeline', { requests })).status, 200)
  const write = await member.query({ sql: 'INSERT INTO t VALUES (2)' })
  assert.equal(write.status, 200, write.text)
  assert.deepEqual((await member.query({ sql: 'SELECT x FROM t' })).json.rows, [{ x: 2 }])
})

test('a slow reader of a large result costs the member little, and a vanished one nothing', async (t) => {
  const member = await RunningMember.start(t)
  const sql =
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n, hex(zeroblob(500)) AS x FROM c'
  const body = JSON.stringify({ sql })
  const socket = connect(member.port, '127.0.0.1')
  socket.write(
    'POST /v1/databases/default/query HTTP/1.1\r\nhost: x\r\naccept: application/x-ndjson\r\n' +
      `content-length: ${body.length}\r\n\r\n${body}`,
  )
  await once(socket, 'readable')
  const memory = async (): Promise<number> =>
    Number(/resident_memory_bytes (\d+)/.exec((await member.ask('GET', '/metrics')).text)?.[1])
  const before = await memory()
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.ok((await memory()) < before + 100 * 2 ** 20, 'an endless result is not collected')
  assert.match((await member.ask('GET', '/metrics')).text, /harmonydb_query_workers_busy 1\n/)
  socket.destroy()
  for (;;) {
    const { text } = await member.ask('GET', '/metrics')
    if (text.includes('harmonydb_query_workers_busy 0\n')) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('a client that leaves a cursor before it is answered takes its transaction with it', async (t) => {
  const member = await RunningMember.start(t)
  await member.query({ sql: 'CREATE TABLE t (x)' })
  const requests = ['BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)'].map((sql) => ({
    type: 'execute',
    stmt: { sql },
  }))
  const { baton } = (await member.ask('POST', '/v3/pipeline', { requests })).json
  const sql =
    'INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) SELECT n FROM c'
  const body = JSON.stringify({ baton, batch: { steps: [{ stmt: { sql } }] } })
  const socket = connect(member.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`POST /v3/cursor HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  const write = await member.query({ sql: 'INSERT INTO t VALUES (2)' })
  assert.equal(write.status, 200, write.text)
  assert.deepEqual((await member.query({ sql: 'SELECT x FROM t' })).json.rows, [{ x: 2 }])
})
