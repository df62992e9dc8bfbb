import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createClient } from '@libsql/client'
import { schemaProblems } from '../../src/admin/testing/json-schema.ts'
import { RunningMember, type Answer } from './running-member.ts'

async function withTable(t: { after(task: () => Promise<void> | void): void }): Promise<RunningMember> {
  const member = await RunningMember.start(t)
  await member.query({ sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY, u TEXT UNIQUE) STRICT' })
  return member
}

test('every value comes back as it went in, with its storage class', async (t) => {
  const member = await withTable(t)
  const cases: readonly [param: string, type: string, result: string][] = [
    ['null', 'null', 'null'],
    ['1', 'integer', '1'],
    ['1.0', 'real', '1.0'],
    ['-0.0', 'real', '-0.0'],
    ['1e300', 'real', '1e+300'],
    ['true', 'integer', '1'],
    ['9007199254740993', 'integer', '"9007199254740993"'],
    ['-9223372036854775808', 'integer', '"-9223372036854775808"'],
    ['{"integer":"9223372036854775807"}', 'integer', '"9223372036854775807"'],
    ['{"real":1}', 'real', '1.0'],
    ['{"real":"Infinity"}', 'real', '{"real":"Infinity"}'],
    ['"text ü 💾"', 'text', '"text ü 💾"'],
    ['""', 'text', '""'],
    ['{"base64":"AP8="}', 'blob', '{"base64":"AP8="}'],
    ['{"base64":""}', 'blob', '{"base64":""}'],
  ]
  for (const [param, type, result] of cases) {
    const body = `{"sql":"INSERT INTO t (v) VALUES (?) RETURNING typeof(v) AS type, v","params":[${param}],"rows":"arrays"}`
    const { text, status } = await member.query(body)
    assert.equal(status, 200, text)
    assert.ok(text.includes(`"rows":[["${type}",${result}]]`), `${param}: ${text}`)
    const read = await member.query({
      sql: 'SELECT v FROM t WHERE id = last_insert_rowid() OR id = (SELECT max(id) FROM t)',
      rows: 'arrays',
    })
    assert.ok(read.text.includes(`"rows":[[${result}]]`), `${param} read: ${read.text}`)
  }
})

test('a client chooses how integers are written', async (t) => {
  const member = await withTable(t)
  const ask = async (integers: string): Promise<string> =>
    (await member.query({ sql: 'SELECT 1 AS a, 9007199254740993 AS b', rows: 'arrays', integers })).text
  assert.match(await ask('auto'), /\[\[1,"9007199254740993"\]\]/)
  assert.match(await ask('string'), /\[\["1","9007199254740993"\]\]/)
  assert.match(await ask('number'), /\[\[1,9007199254740993\]\]/)
})

test('meta tells what happened', async (t) => {
  const member = await withTable(t)
  const { json } = await member.query({ sql: 'INSERT INTO t (id, v) VALUES (7, 1), (8, 2)' })
  assert.equal(json.meta.changes, 2)
  assert.equal(json.meta.lastRowId, 8)
  assert.equal(typeof json.meta.durationMs, 'number')
  const read = await member.query({
    sql: 'SELECT 1',
    consistency: { level: 'session', index: json.meta.index },
  })
  assert.ok(read.json.meta.index >= json.meta.index)
})

test('indexes grow with every write', async (t) => {
  const member = await withTable(t)
  const indexes: number[] = []
  for (let i = 0; i < 5; i++)
    indexes.push((await member.query({ sql: 'INSERT INTO t (v) VALUES (1)' })).json.meta.index)
  assert.deepEqual(
    indexes,
    [...new Set(indexes)].sort((a, b) => a - b),
  )
})

test('several statements are all done or none', async (t) => {
  const member = await withTable(t)
  const good = await member.query({
    statements: [
      { sql: "INSERT INTO t (u) VALUES ('a')" },
      'SELECT count(*) AS n FROM t',
      "INSERT INTO t (u) VALUES ('b')",
    ],
  })
  assert.deepEqual(good.json.results[1].rows, [{ n: 1 }])
  assert.equal(good.json.results.length, 3)
  const bad = await member.query({
    statements: ["INSERT INTO t (u) VALUES ('c')", "INSERT INTO t (u) VALUES ('a')"],
  })
  assert.deepEqual([bad.status, bad.json.error.code], [409, 'SQLITE_CONSTRAINT_UNIQUE'])
  assert.deepEqual((await member.query({ sql: 'SELECT count(*) AS n FROM t' })).json.rows, [{ n: 2 }])
})

test('an idempotency key makes a repeated write happen once', async (t) => {
  const member = await withTable(t)
  const insert = (key: string): Promise<Answer> =>
    member.query({ sql: 'INSERT INTO t (v) VALUES (1)' }, { headers: { 'idempotency-key': key } })
  const first = await insert('order-1')
  const again = await insert('order-1')
  assert.equal(first.status, 200, first.text)
  assert.equal(again.status, 200, again.text)
  await insert('order-2')
  assert.deepEqual((await member.query({ sql: 'SELECT count(*) AS n FROM t' })).json.rows, [{ n: 2 }])
})

test('a large result streams as lines, with its meta at the end', async (t) => {
  const member = await withTable(t)
  const rows = 50_000
  const sql = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${rows}) SELECT n, 'x' AS x FROM c`
  const { text } = await member.query(
    { sql, rows: 'arrays' },
    { headers: { accept: 'application/x-ndjson' } },
  )
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines[0].columns.map(({ name }: { name: string }) => name),
    ['n', 'x'],
  )
  const all = lines.flatMap((line) => line.rows ?? [])
  assert.equal(all.length, rows)
  assert.deepEqual(all.at(-1), [rows, 'x'])
  assert.ok(lines.at(-1).meta)
  assert.ok(lines.length > 5, 'it came in pages')
})

test('an error before the first row is an ordinary answer, one after it ends the stream', async (t) => {
  const member = await withTable(t)
  const headers = { accept: 'application/x-ndjson' }
  const early = await member.query({ sql: 'SELECT * FROM missing' }, { headers })
  assert.equal(early.status, 400)
  const sql =
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) SELECT abs(CASE n WHEN 4000 THEN -9223372036854775808 ELSE n END) FROM c'
  const late = await member.query({ sql }, { headers })
  assert.equal(late.status, 200)
  const last = JSON.parse(late.text.trimEnd().split('\n').at(-1) ?? '')
  assert.match(last.error.message, /integer overflow/)
})

test('a client that gives NDJSON the weight zero gets JSON', async (t) => {
  const member = await withTable(t)
  const headers = { accept: 'application/json, application/x-ndjson;q=0' }
  const answer = await member.query({ sql: 'SELECT 1 AS a' }, { headers })
  assert.deepEqual(answer.json.rows, [{ a: 1 }])
})

test('databases are made, listed, used apart, and dropped', async (t) => {
  const member = await withTable(t)
  assert.equal((await member.ask('POST', '/v1/databases', { name: 'shop' })).status, 201)
  const again = await member.ask('POST', '/v1/databases', { name: 'shop' })
  assert.deepEqual([again.status, again.json.error.code], [409, 'DATABASE_EXISTS'])
  await member.query({ sql: 'CREATE TABLE only_here (x)' }, { database: 'shop' })
  assert.equal((await member.query({ sql: 'SELECT * FROM only_here' })).status, 400)
  const client = createClient({ url: `${member.url}/db/shop/` })
  assert.deepEqual((await client.execute('SELECT * FROM only_here')).rows, [])
  client.close()
  const list = await member.ask('GET', '/v1/databases')
  assert.deepEqual(list.json.databases.map(({ name }: { name: string }) => name).sort(), ['default', 'shop'])
  assert.equal((await member.ask('DELETE', '/v1/databases/shop')).status, 200)
  const gone = await member.query({ sql: 'SELECT 1' }, { database: 'shop' })
  assert.deepEqual([gone.status, gone.json.error.code], [404, 'DATABASE_NOT_FOUND'])
})

test('answers are valid by the OpenAPI document that the member serves', async (t) => {
  const member = await withTable(t)
  const { json: document } = await member.ask('GET', '/openapi.json')
  const { schemas } = document.components
  const valid = (name: string, value: unknown): void =>
    assert.deepEqual(schemaProblems({ $ref: `#/components/schemas/${name}` }, value, schemas), [])
  await member.query({
    sql: "INSERT INTO t (v, u) VALUES (x'00', 'a'), (9007199254740993, NULL), (1.5, 'c')",
  })
  valid('StatementResult', (await member.query({ sql: 'SELECT * FROM t' })).json)
  valid('StatementResult', (await member.query({ sql: 'SELECT * FROM t', rows: 'arrays' })).json)
  valid('AtomicResult', (await member.query({ statements: ['SELECT 1', 'DELETE FROM t'] })).json)
  valid('Error', (await member.query({ sql: 'SELEC' })).json)
  valid('Health', (await member.ask('GET', '/health')).json)
  valid('Version', (await member.ask('GET', '/version')).json)
  for (const one of (await member.ask('GET', '/v1/databases')).json.databases) valid('DatabaseInfo', one)
  const stream = await member.query({ sql: 'SELECT 1 AS a' }, { headers: { accept: 'application/x-ndjson' } })
  for (const line of stream.text.trimEnd().split('\n')) valid('StreamLine', JSON.parse(line))
})

test('metrics are in the format of Prometheus and count what happened', async (t) => {
  const member = await withTable(t)
  for (let i = 0; i < 3; i++) await member.query({ sql: 'SELECT 1' })
  const { text } = await member.ask('GET', '/metrics')
  const sample =
    /^[a-z_0-9]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (-?[\d.]+(e[+-]?\d+)?|\+Inf|NaN)$/
  const wrong = text.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && !sample.test(line))
  assert.deepEqual(wrong, [])
  assert.match(
    text,
    /harmonydb_http_requests_total\{method="POST",route="\/v1\/databases\/\{database\}\/query",status="200"\} 4\n/,
  )
  const typed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  const sampled = [...text.matchAll(/^(harmonydb_\w+)/gm)].map(([, name = '']) => name)
  const untyped = sampled.filter(
    (name) => !typed.has(name) && !typed.has(name.replace(/_(bucket|sum|count)$/, '')),
  )
  assert.deepEqual(untyped, [])
})

test('the page for people shows where it is and nothing of the data', async (t) => {
  const member = await withTable(t)
  const { text } = await member.ask('GET', '/')
  assert.ok(text.includes(`curl http://127.0.0.1:${member.port}/v1/databases/default/query`))
  const hostile = await fetch(member.url, { headers: { 'x-forwarded-host': 'x' } })
  assert.match(hostile.headers.get('content-security-policy') ?? '', /default-src 'none'/)
})
