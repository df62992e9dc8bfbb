/** RETURNING whose rows can't be sent: an error says that nothing was done, as in PostgreSQL. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openPostgres, type PostgresHarness } from './harness.ts'
import { bind, execute, i16, message, parse, query, RawClient, shortForm, sync, text } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openPostgres()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

const INT8_OID = 20
const MAX = 2_147_483_647

/** With the table n (id, v, b, p), one row (1, the largest integer, the largest bigint, 1e20). */
async function withTable(): Promise<RawClient> {
  const client = await RawClient.ready(harness.port)
  await client.ask(query('drop table if exists n'))
  await client.ask(
    query('create table n (id int primary key, v int, s smallint, b bigint, a int[], p numeric, o oid)'),
  )
  await client.ask(
    query(`insert into n values (1, ${MAX}, 32767, 9223372036854775807, '{1}', 1e10, 4294967295)`),
  )
  return client
}

async function rowsOf(client: RawClient): Promise<string[]> {
  const [, ...rest] = await client.ask(query('select id, v, s, b, a, p, o from n order by id'))
  return rest.filter((line) => line.startsWith('D'))
}

const UNCHANGED = [`D 1|${MAX}|32767|9223372036854775807|{1}|10000000000|4294967295`]

const OUT_OF_RANGE = [
  'update n set v = v + 1 returning v',
  'update n set v = v + 1 returning *',
  'update n set v = v + 1 where id = 1 returning id, v as w',
  'update n set s = s + 1::smallint returning s',
  'update n set b = b + 1 returning b',
  `update n set p = ${Array.from({ length: 35 }, () => 'p').join(' * ')}, b = 2 returning p`,
  'update n set id = 2 returning v + 1',
  'delete from n returning v + id',
  'delete from n returning b + 1',
  'insert into n (id, v) select 2, v + 1 from n returning v',
  `insert into n (id, v) values (2, ${MAX}) returning v + 1`,
  'insert into n (id) values (1) on conflict (id) do update set v = n.v + 1 returning v',
  'with c as (delete from n returning b) select b + 1 from c',
]

test('integers that are out of range: the statement is not done, alone or not, in text or binary', async () => {
  for (const sql of OUT_OF_RANGE) {
    await using client = await withTable()
    const simple = await client.ask(query(sql))
    assert.deepEqual(simple.slice(-2), ['E 22003', 'Z I'], sql)
    for (const format of [0, 1]) {
      const lone = await client.ask(parse('', sql), bind('', '', [], format), execute(''), sync)
      assert.deepEqual(lone, ['1', '2', 'E 22003', 'Z I'], sql)
      const parts = await client.ask(parse('', sql), bind('', '', [], format), execute('', 5), sync)
      assert.deepEqual(parts, ['1', '2', 'E 22003', 'Z I'], sql)
    }
    assert.deepEqual(await rowsOf(client), UNCHANGED, sql)
  }
})

const NOT_SENT_IN_BINARY = [
  'update n set o = o + 1 returning o',
  'delete from n returning array[v, v + 1]',
  "insert or replace into n (id, v) values (1, 'one') returning v",
]

test('other values that can not be sent in binary: the statement is not done', async () => {
  for (const sql of NOT_SENT_IN_BINARY) {
    await using client = await withTable()
    const answers = await client.ask(parse('', sql), bind('', '', [], 1), execute(''), sync)
    assert.deepEqual(answers.slice(0, 2), ['1', '2'], sql)
    assert.match(answers[2] ?? '', /^E 22/, sql)
    assert.deepEqual(await rowsOf(client), UNCHANGED, sql)
  }
})

test('a parameter of a larger type than its column: the statement is not done', async () => {
  await using client = await withTable()
  const insert = parse('', 'insert into n (id, v) values (2, $1) returning v', INT8_OID)
  const answers = await client.ask(insert, bind('', '', ['3000000000'], 1), execute(''), sync)
  assert.deepEqual(answers, ['1', '2', 'E 22003', 'Z I'])
  assert.deepEqual(await rowsOf(client), UNCHANGED)
})

const withFormats = (...formats: readonly number[]): Buffer =>
  message('B', text(''), text(''), i16(0), i16(0), i16(formats.length), ...formats.map(i16))

test('formats that are not one for each column are refused by Bind', async () => {
  for (const sql of [
    'delete from n returning id',
    'select id from n',
    'insert or replace into n (id) values (1) returning id',
  ]) {
    await using client = await withTable()
    const answers = await client.ask(parse('', sql), withFormats(1, 1), execute(''), sync)
    assert.deepEqual(
      answers.filter((line) => line !== '2'),
      ['1', 'E 08P01', 'Z I'],
      sql,
    )
    assert.deepEqual(await rowsOf(client), UNCHANGED, sql)
  }
})

test('what is in range is told and done', async () => {
  await using client = await withTable()
  const fine =
    'update n set v = v - 1, s = s - 1::smallint, b = b - 1, a = array[v], o = o - 1 returning v, s, b, a, o, v + 1 as w, null::int + 1'
  assert.deepEqual(await client.ask(query(fine)), [
    'T 7',
    `D ${MAX - 1}|32766|9223372036854775806|{${MAX}}|4294967294|${MAX}|NULL`,
    'C UPDATE 1',
    'Z I',
  ])
  const binary = await client.ask(
    parse('', 'update n set v = 65, a = array[v] returning v, a'),
    withFormats(1, 0),
    execute(''),
    sync,
  )
  assert.deepEqual(binary, ['1', '2', `D \0\0\0A|{${MAX - 1}}`, 'C UPDATE 1', 'Z I'])
})

test('a value that was stored as another type: who can not be sent it hears that the statement is done', async () => {
  await using client = await withTable()
  await client.ask(query("set harmonydb.dialect = 'sqlite'"))
  await client.ask(query("update n set v = 'many'"))
  await client.ask(query('reset harmonydb.dialect'))
  client.send(parse('', 'delete from n returning v'), bind('', '', [], 1), execute(''), sync)
  const answers = await client.until('Z')
  assert.deepEqual(answers.map(shortForm), ['1', '2', 'E 22P02', 'Z I'])
  assert.match(
    String(answers[2]?.body),
    /Mthe statement is done and committed, but its result can't be sent: /,
  )
  assert.deepEqual(await rowsOf(client), [])
})
