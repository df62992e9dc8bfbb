/** Plans that are older than the tables, which somebody else has changed: they may fail, but they may not do something else. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NO_ARGUMENTS } from '../../src/base/value.ts'
import { openPostgres, type PostgresHarness } from './harness.ts'
import { bind, execute, parse, query, RawClient, sync } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openPostgres()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

const STATEMENTS = [
  "delete from w where z = 'z'",
  "update w set y = z where z = 'z'",
  'update w set y = z',
  'insert into w (id) values (9) returning z',
  'delete from w returning z',
  'select z from w',
  'select id from w order by z',
  'select count(*) from w group by z having z is not null',
  'select b from (select * from w) as v(a, b, c)',
  'select x.b from w as x(a, b, c)',
  'insert into w (id, y) select id + 10, z from w',
  'insert into w (id, y) values (1, null) on conflict (id) do update set y = z',
]

test('a column that is gone is an error and no text of the same letters', async () => {
  for (const statement of STATEMENTS) {
    await using client = await RawClient.ready(harness.port)
    await client.ask(query('drop table if exists w'))
    await client.ask(query('create table w (id int primary key, z text, y text)'))
    await client.ask(query("insert into w values (1, 'z', 'a'), (2, 'b', 'b')"))
    assert.deepEqual(await client.ask(parse('old', statement), sync), ['1', 'Z I'], statement)
    const other = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
    await other.execute({ sql: 'alter table w drop column z', args: NO_ARGUMENTS })
    await other.close()
    const answers = await client.ask(bind('', 'old'), execute(''), sync)
    assert.deepEqual(answers, ['2', 'E 42703', 'Z I'], statement)
    const rows = await client.ask(query('select id, y from w order by id'))
    assert.deepEqual(rows, ['T 2', 'D 1|a', 'D 2|b', 'C SELECT 2', 'Z I'], statement)
  }
})

test('columns have the names that they always had', async () => {
  await using client = await RawClient.ready(harness.port)
  await client.ask(query('create table "N" ("Mixed `Case`" int, plain int, "a""b" int)'))
  await client.ask(query('insert into "N" values (1, 2, 3)'))
  await client.ask(query('create view seen as select "Mixed `Case`", plain as p, "a""b" from "N"'))
  const names = async (sql: string): Promise<string[]> => {
    client.send(query(sql))
    const answers = await client.until('Z')
    const body = answers.find(({ type }) => type === 'T')?.body ?? Buffer.alloc(2)
    const found: string[] = []
    for (let at = 2; found.length < body.readInt16BE(0);) {
      const end = body.indexOf(0, at)
      found.push(body.subarray(at, end).toString())
      at = end + 19
    }
    return found
  }
  const all = ['Mixed `Case`', 'plain', 'a"b']
  assert.deepEqual(await names('select * from "N"'), all)
  assert.deepEqual(await names('select "Mixed `Case`", plain, "a""b" from "N"'), all)
  assert.deepEqual(await names('select * from (select * from "N" where plain = 2) s'), all)
  assert.deepEqual(await names('update "N" set plain = plain returning *'), all)
  assert.deepEqual(await names('select * from seen'), ['Mixed `Case`', 'p', 'a"b'])
  const seen = await client.ask(query('select p, "a""b" from seen where "Mixed `Case`" = 1'))
  assert.deepEqual(seen, ['T 2', 'D 2|3', 'C SELECT 1', 'Z I'])
  const definition = await client.ask(query("select pg_get_viewdef('seen'::regclass)"))
  assert.match(definition.join(), /"plain" AS "p"/)
})

const ALTERATIONS = [
  'alter table w alter column y set default 0',
  'alter table w alter column z type varchar(20)',
  "alter table w alter column y type varchar(20) using z || '!'",
  "alter table w alter column z type varchar(20) using z || '!'",
  'alter table w alter column z set not null',
  'alter table w add check (z is not null)',
  'alter table w add primary key (z)',
]

const SCHEMA_OF_W = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'w' ORDER BY name"

test('an ALTER TABLE that is older than the table makes no text of the name of a column that is gone', async () => {
  for (const statement of ALTERATIONS) {
    await using client = await RawClient.ready(harness.port)
    await client.ask(query('drop table if exists w'))
    await client.ask(query('create table w (id int, z text, y text)'))
    await client.ask(query("insert into w values (1, 'z', 'a'), (2, 'b', 'b')"))
    assert.deepEqual(await client.ask(parse('old', statement), sync), ['1', 'Z I'], statement)
    const other = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
    await other.execute({ sql: 'alter table w drop column z', args: NO_ARGUMENTS })
    const { rows: before } = await other.execute({ sql: SCHEMA_OF_W, args: NO_ARGUMENTS })
    const answers = await client.ask(bind('', 'old'), execute(''), sync)
    assert.match(answers[1] ?? '', /^E /, statement)
    const { rows: after } = await other.execute({ sql: SCHEMA_OF_W, args: NO_ARGUMENTS })
    assert.deepEqual(after, before, statement)
    await other.close()
    const rows = await client.ask(query('select id, y from w order by id'))
    assert.deepEqual(rows, ['T 2', 'D 1|a', 'D 2|b', 'C SELECT 2', 'Z I'], statement)
  }
})
