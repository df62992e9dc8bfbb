/** Schema changes as migration tools write them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { openPostgres } from './harness.ts'

async function withClient(work: (client: pg.Client) => Promise<void>): Promise<void> {
  await using harness = await openPostgres()
  const client = new pg.Client({ connectionString: harness.url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

test('a foreign key that is added later holds, and everything on the table stays', async () => {
  await withClient(async (client) => {
    await client.query(
      `create table a (id serial primary key, x text);
       create table b (id serial primary key, a_id int not null, t text, constraint b_t_unique unique (t));
       create index b_a on b (a_id);
       create view bv as select * from b;
       insert into a (x) values ('1'), ('2');
       insert into b (a_id, t) values (1, 'x'), (2, 'y'), (2, 'z');
       delete from b where id = 3`,
    )
    await client.query(
      'alter table b add constraint b_a_fk foreign key (a_id) references a (id) on delete cascade',
    )
    await assert.rejects(client.query('insert into b (a_id) values (99)'), { code: '23503' })
    await assert.rejects(client.query("insert into b (a_id, t) values (1, 'x')"), {
      code: '23505',
      constraint: 'b_t_unique',
    })
    assert.deepEqual((await client.query('insert into b (a_id) values (2) returning id')).rows, [{ id: 4 }])
    await client.query('delete from a where id = 1')
    assert.deepEqual((await client.query('select id, t from bv order by id')).rows, [
      { id: 2, t: 'y' },
      { id: 4, t: null },
    ])
    const { rows } = await client.query(
      "select conname, contype from pg_constraint where conrelid = 'b'::regclass order by conname",
    )
    assert.deepEqual(rows, [
      { conname: 'b_a_fk', contype: 'f' },
      { conname: 'b_pkey', contype: 'p' },
      { conname: 'b_t_unique', contype: 'u' },
    ])
  })
})

test('a foreign key that rows break is refused, and the table is as it was', async () => {
  await withClient(async (client) => {
    await client.query(
      'create table a (id int primary key); create table b (a_id int); insert into b values (1)',
    )
    await assert.rejects(client.query('alter table b add foreign key (a_id) references a (id)'), {
      code: '23503',
    })
    assert.deepEqual((await client.query('select * from b')).rows, [{ a_id: 1 }])
  })
})

test('a table with rows that others refer to is not made anew: nothing is deleted', async () => {
  await withClient(async (client) => {
    await client.query(
      `create table a (id int primary key, b_id int); create table b (a_id int references a (id) on delete cascade);
       insert into a values (1, null); insert into b values (1)`,
    )
    await assert.rejects(client.query('alter table a add foreign key (b_id) references a (id)'), {
      code: '0A000',
    })
    assert.equal((await client.query('select * from a join b on a.id = b.a_id')).rowCount, 1)
  })
})

test('columns: add, rename, drop, not null; a primary key added later', async () => {
  await withClient(async (client) => {
    await client.query('create table t (a int)')
    await client.query("alter table t add column b text not null default 'x', add c int")
    await client.query('insert into t (a) values (1)')
    await client.query('alter table t rename column c to d')
    await client.query('alter table t alter column a set not null')
    await assert.rejects(client.query('insert into t (a) values (null)'), { code: '23502' })
    await client.query('alter table t add primary key (a)')
    await assert.rejects(client.query('insert into t (a) values (1)'), {
      code: '23505',
      constraint: 't_pkey',
    })
    await client.query('alter table t drop column d')
    await client.query('alter table t rename to u')
    assert.deepEqual((await client.query('select * from u')).rows, [{ a: 1, b: 'x' }])
  })
})

test('definitions and data in one transaction, rolled back together', async () => {
  await withClient(async (client) => {
    await client.query('begin')
    await client.query('create table t (a int, b text)')
    await client.query({ text: 'insert into t values ($1, $2)', values: [1, 'x'] })
    assert.deepEqual((await client.query('select * from t')).rows, [{ a: 1, b: 'x' }])
    await client.query('rollback')
    await assert.rejects(client.query('select * from t'), { code: '42P01' })
  })
})

test('a session may speak SQLite’s dialect', async () => {
  await withClient(async (client) => {
    await client.query("set harmonydb.dialect = 'sqlite'")
    assert.deepEqual((await client.query("select 'A' like 'a' as x, 1 / 0 as y, typeof(1.0) as z")).rows, [
      { x: '1', y: null, z: 'real' },
    ])
    assert.deepEqual((await client.query('select ? + 1 as n', ['41'])).rows, [{ n: '42' }])
    await client.query('reset harmonydb.dialect')
    assert.deepEqual((await client.query("select 'A' like 'a' as x")).rows, [{ x: false }])
  })
})
