/** COPY: all formats, in and out, small and large, and that a failed one leaves nothing. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openWithTable, type PostgresHarness } from './harness.ts'
import { bind, execute, message, parse, query, RawClient, sync, text } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

test('COPY in and out: text, CSV and binary round trip', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table c (a int, b text, d bytea, e timestamptz)'))
  const rows = '1\ta\\tb\\\\\\n\t\\\\x00ff\t2024-01-01 00:00:00+00\n2\t\\N\t\\N\t\\N\n'
  client.send(query('copy c from stdin'))
  await client.until('G')
  for (const byte of Buffer.from(rows)) client.send(message('d', Buffer.from([byte])))
  assert.deepEqual(await client.ask(message('c')), ['C COPY 2', 'Z I'])
  for (const format of ['text', 'csv', 'binary']) {
    client.send(query(`copy c to stdout (format ${format})`))
    const out = (await client.until('Z')).filter(({ type }) => type === 'd').map(({ body }) => body)
    await client.ask(query('create table c2 (a int, b text, d bytea, e timestamptz)'))
    client.send(query(`copy c2 from stdin (format ${format})`))
    await client.until('G')
    assert.deepEqual(
      await client.ask(message('d', Buffer.concat(out)), message('c')),
      ['C COPY 2', 'Z I'],
      format,
    )
    assert.deepEqual(
      await client.ask(
        query(
          'select count(*) from c join c2 on c.a = c2.a and c.b is not distinct from c2.b and c.d is not distinct from c2.d and c.e is not distinct from c2.e',
        ),
      ),
      ['T 1', 'D 2', 'C SELECT 1', 'Z I'],
      format,
    )
    await client.ask(query('drop table c2'))
  }
})

test('a COPY that fails, or that the client gives up, leaves nothing', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table d (a int)'))
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(
    await client.ask(message('d', Buffer.from('1\n')), message('f', text('changed my mind'))),
    ['E 57014', 'Z I'],
  )
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(await client.ask(message('d', Buffer.from('1\nx\n')), message('c')), ['E 22P02', 'Z I'])
  client.send(query('copy d from stdin'))
  await client.until('G')
  assert.deepEqual(await client.ask(message('d', Buffer.from('1\t2\n')), message('c')), ['E 22P04', 'Z I'])
  assert.deepEqual(await client.ask(query('select count(*) from d')), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
})

test('a result larger than what is held in memory arrives whole, by query, prepared statement and COPY', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(
    query("create table big as select x as id, repeat('x', 1000) as t from generate_series(1, 9000) x"),
  )
  for (let turn = 0; turn < 2; turn++)
    await client.ask(query('insert into big select id + 9000, t || t from big where id <= 9000'))
  const count = async (...parts: Buffer[]): Promise<number> => {
    client.send(...parts)
    return (await client.until('Z')).filter(({ type }) => type === 'D' || type === 'd').length
  }
  const sql = 'select a.t || a.t as t from big a'
  assert.equal(await count(query(sql)), 27_000)
  assert.equal(await count(parse('', sql), bind('', ''), execute(''), sync), 27_000)
  assert.equal(await count(query(`copy (${sql}) to stdout`)), 27_000)
  assert.deepEqual(await client.ask(query('drop table big')), ['C DROP TABLE', 'Z I'])
})

const LARGE_ROWS = 20_000

/** Rows with what is easily broken on the way: large integers, quotes, lines, signs of all kinds, NULL. */
function largeRow(number: number): string {
  const large = 9_007_199_254_740_993n + BigInt(number)
  return `${number}\t${large}\t${number % 7 === 0 ? '\\N' : `"${number}" ['\\\\] \\n\\t žluťoučký 🎈`}\n`
}

async function copyLarge(client: RawClient, sql: string, row: (number: number) => string): Promise<string[]> {
  client.send(query(sql))
  await client.until('G')
  const parts = Array.from({ length: LARGE_ROWS / 1000 }, (_, part) =>
    Array.from({ length: 1000 }, (_row, at) => message('d', Buffer.from(row(part * 1000 + at)))),
  )
  for (const part of parts) client.send(Buffer.concat(part))
  return client.ask(message('c'))
}

test('a large COPY, whose rows are packed for the log, keeps every value', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table large (id int primary key, n bigint, v text)'))
  const tag = await copyLarge(client, 'copy large from stdin', largeRow)
  assert.deepEqual(tag, [`C COPY ${LARGE_ROWS}`, 'Z I'])
  client.send(query('copy (select * from large order by id) to stdout'))
  const out = (await client.until('Z')).filter(({ type }) => type === 'd').map(({ body }) => body.toString())
  assert.equal(out.join(''), Array.from({ length: LARGE_ROWS }, (_, at) => largeRow(at)).join(''))
  await client.ask(query('drop table large'))
})

test('values that JSON would change are not packed: floating point and bytes', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table floats (id int, f float8, b bytea)'))
  const row = (number: number): string =>
    `${number}\t${Math.sqrt(number)}\t\\\\x${(number % 256).toString(16).padStart(2, '0')}\n`
  assert.deepEqual(await copyLarge(client, 'copy floats from stdin', row), [`C COPY ${LARGE_ROWS}`, 'Z I'])
  client.send(query('copy (select * from floats order by id) to stdout'))
  const out = (await client.until('Z')).filter(({ type }) => type === 'd').map(({ body }) => body.toString())
  assert.equal(out.join(''), Array.from({ length: LARGE_ROWS }, (_, at) => row(at)).join(''))
  await client.ask(query('drop table floats'))
})

test('an error near the end of a large COPY undoes all of it, wherever it is noticed', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table large (id int primary key, n bigint, v text)'))
  const broken = [
    { row: '1\t1\tagain\n', error: 'E 23505' },
    { row: 'x\t1\tno number\n', error: 'E 22P02' },
    { row: '1\t2\n', error: 'E 22P04' },
  ]
  for (const { row, error } of broken) {
    const answer = await copyLarge(client, 'copy large from stdin', (number) =>
      number === LARGE_ROWS - 3000 ? row : largeRow(number),
    )
    assert.deepEqual(answer, [error, 'Z I'])
    assert.deepEqual(await client.ask(query('select count(*) from large')), [
      'T 1',
      'D 0',
      'C SELECT 1',
      'Z I',
    ])
  }
  await client.ask(query('begin; insert into large values (1, 1, null)'))
  assert.deepEqual(await copyLarge(client, 'copy large from stdin', largeRow), ['E 23505', 'Z E'])
  assert.deepEqual(await client.ask(query('rollback')), ['C ROLLBACK', 'Z I'])
  await client.ask(query('drop table large'))
})
