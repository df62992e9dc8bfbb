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

test('a table that others refer to is made anew with them: rows, keys, triggers, views and indexes stay', async () => {
  await withClient(async (client) => {
    await client.query(
      `create table a (id int primary key, b_id int); create table b (id serial primary key, a_id int references a (id) on delete cascade);
       create index b_a on b (a_id); create view pairs as select a.id, b.id as other from a join b on a.id = b.a_id;
       insert into a values (1, null), (2, 1); insert into b (a_id) values (1), (2)`,
    )
    await client.query("set harmonydb.dialect = 'sqlite'")
    await client.query('create table c (n integer)')
    await client.query('create trigger t after delete on b begin insert into c select count(*) from a; end')
    await client.query('reset harmonydb.dialect')
    await client.query(
      'alter table a add foreign key (b_id) references a (id), alter column b_id set default 1',
    )
    assert.deepEqual((await client.query('select * from pairs order by 1')).rows, [
      { id: 1, other: 1 },
      { id: 2, other: 2 },
    ])
    assert.deepEqual((await client.query('insert into a (id) values (3) returning b_id')).rows, [{ b_id: 1 }])
    assert.deepEqual((await client.query('insert into b (a_id) values (3) returning id')).rows, [{ id: 3 }])
    await assert.rejects(client.query('insert into a values (4, 99)'), { code: '23503' })
    await client.query('delete from a where id = 3')
    assert.deepEqual((await client.query('select n from c')).rows, [{ n: '2' }])
    await client.query('drop index b_a')
  })
})

test('tables with rows that refer to each other in a circle are not made anew: nothing is deleted', async () => {
  await withClient(async (client) => {
    await client.query(
      `create table a (id int primary key, b_id int); create table b (id int primary key, a_id int references a (id) on delete cascade);
       alter table a add foreign key (b_id) references b (id) on delete cascade;
       insert into a values (1, null); insert into b values (1, 1); update a set b_id = 1`,
    )
    await assert.rejects(client.query('alter table a alter column b_id set default 5'), { code: '0A000' })
    assert.equal((await client.query('select * from a join b on a.id = b.a_id')).rowCount, 1)
  })
})

test('a view of a table that is gone leaves the rest of the schema readable', async () => {
  await withClient(async (client) => {
    await client.query('create table a (id int); create table b (id int); create view v as select id from a')
    await client.query("set harmonydb.dialect = 'sqlite'")
    await client.query('drop table a')
    await client.query('reset harmonydb.dialect')
    await client.query('insert into b values (1)')
    assert.deepEqual((await client.query('select * from b')).rows, [{ id: 1 }])
    await assert.rejects(client.query('select * from v'), { code: '42P01' })
    await client.query('drop view v')
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
