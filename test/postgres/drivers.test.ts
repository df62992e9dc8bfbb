/** node-postgres, postgres.js and Drizzle against a real member: what applications do with them. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { drizzle } from 'drizzle-orm/node-postgres'
import { and, eq, gt, ilike, inArray, relations, sql } from 'drizzle-orm'
import {
  bigserial,
  boolean,
  integer,
  jsonb,
  numeric,
  pgTable,
  serial,
  text,
  timestamp,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import { openPostgres, type PostgresHarness } from './harness.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openPostgres()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: harness.url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('node-postgres: types arrive as JavaScript values', async () => {
  await withClient(async (client) => {
    const { rows } = await client.query(
      `select 1::int4 as i, 9007199254740993::int8 as b, 1.5::float8 as f, 1.50::numeric(5,2) as n, 'x'::text as t, true as y,
       '\\x00ff'::bytea as bytes, '2024-01-05 10:00:00+00'::timestamptz as at, '{"a":[1]}'::jsonb as j, array[1,2]::int[] as a, null as z`,
    )
    assert.deepEqual(rows[0], {
      i: 1,
      b: '9007199254740993',
      f: 1.5,
      n: '1.50',
      t: 'x',
      y: true,
      bytes: Buffer.from([0, 255]),
      at: new Date('2024-01-05T10:00:00Z'),
      j: { a: [1] },
      a: [1, 2],
      z: null,
    })
  })
})

test('node-postgres: parameters of all kinds round trip', async () => {
  await withClient(async (client) => {
    await client.query(
      'create table kinds (id serial primary key, i int, b bigint, f float8, n numeric(20,5), t text, y boolean, bytes bytea, at timestamptz, j jsonb, a text[], u uuid)',
    )
    const values = [
      7,
      '9223372036854775807',
      0.1,
      '123.45000',
      "it's",
      false,
      Buffer.from('héllo'),
      new Date('2020-02-29T12:34:56.789Z'),
      { k: [1, null, 'x'] },
      ['a', 'b c', null, '"q"'],
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ]
    const { rows } = await client.query(
      'insert into kinds (i, b, f, n, t, y, bytes, at, j, a, u) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) returning i, b, f, n, t, y, bytes, at, j, a, u',
      values,
    )
    assert.deepEqual(Object.values(rows[0] as object), values)
  })
})

test('node-postgres: named statements, transactions, savepoints and errors with their fields', async () => {
  await withClient(async (client) => {
    await client.query(
      'create table accounts (id int primary key, balance int not null check (balance >= 0))',
    )
    const insert = { name: 'insert', text: 'insert into accounts values ($1, $2)' }
    for (let id = 1; id <= 3; id++) await client.query({ ...insert, values: [id, 100] })
    await assert.rejects(client.query({ ...insert, values: [1, 5] }), {
      code: '23505',
      table: 'accounts',
      constraint: 'accounts_pkey',
    })
    await assert.rejects(client.query({ ...insert, values: [9, -1] }), { code: '23514' })
    await assert.rejects(client.query({ ...insert, values: [9, null] }), { code: '23502', column: 'balance' })
    await client.query('begin')
    await client.query('update accounts set balance = balance - 10 where id = 1')
    await client.query('savepoint a')
    await assert.rejects(client.query('select * from nowhere'), { code: '42P01' })
    await assert.rejects(client.query('select 1'), { code: '25P02' })
    await client.query('rollback to a')
    await client.query('update accounts set balance = balance + 10 where id = 2')
    await client.query('commit')
    const { rows } = await client.query('select id, balance from accounts order by id')
    assert.deepEqual(rows, [
      { id: 1, balance: 90 },
      { id: 2, balance: 110 },
      { id: 3, balance: 100 },
    ])
  })
})

test('node-postgres: after an error in a transaction everything answers 25P02 until ROLLBACK', async () => {
  await withClient(async (client) => {
    await client.query('begin')
    await assert.rejects(client.query('select 1 / 0'), { code: '22012' })
    await assert.rejects(client.query('select 1'), { code: '25P02' })
    await assert.rejects(client.query({ text: 'select $1::int', values: [1] }), { code: '25P02' })
    assert.equal((await client.query('commit')).command, 'ROLLBACK')
    assert.deepEqual((await client.query('select 1 as one')).rows, [{ one: 1 }])
  })
})

test('node-postgres: several statements of one simple query are one transaction', async () => {
  await withClient(async (client) => {
    await client.query('create table several (x int)')
    await assert.rejects(client.query('insert into several values (1); insert into several values (1 / 0)'))
    assert.deepEqual((await client.query('select count(*)::int as n from several')).rows, [{ n: 0 }])
    const results = await client.query('insert into several values (1); select * from several')
    assert.deepEqual(
      (results as unknown as pg.QueryResult[]).map(({ rows }) => rows),
      [[], [{ x: 1 }]],
    )
  })
})

test('node-postgres: LISTEN and NOTIFY between connections, told when the sender commits', async () => {
  await withClient(async (listener) => {
    await listener.query('listen news')
    const heard = new Promise<pg.Notification>((resolve) => listener.once('notification', resolve))
    await withClient(async (sender) => {
      await sender.query('begin')
      await sender.query("select pg_notify('news', 'rolled back')")
      await sender.query('rollback')
      await sender.query('begin')
      await sender.query("notify news, 'hello'")
      await sender.query('commit')
    })
    const { channel, payload } = await heard
    assert.deepEqual({ channel, payload }, { channel: 'news', payload: 'hello' })
  })
})

test('node-postgres: a cancel request ends the statement under way', async () => {
  await withClient(async (client) => {
    const { rows } = await client.query('select pg_backend_pid() as pid')
    const slept = assert.rejects(client.query('select pg_sleep(30)'), { code: '57014' })
    await withClient((other) =>
      other.query('select pg_cancel_backend($1)', [(rows[0] as { pid: number }).pid]),
    )
    await slept
    assert.equal((await client.query('select 1')).rowCount, 1)
  })
})

test('node-postgres: statement_timeout ends a statement, and not the connection', async () => {
  await withClient(async (client) => {
    await client.query("set statement_timeout = '50ms'")
    await assert.rejects(client.query('select pg_sleep(30)'), { code: '57014' })
    await client.query('reset statement_timeout')
    assert.equal((await client.query('select 1')).rowCount, 1)
  })
})

test('postgres.js: tagged templates, dynamic helpers, transactions, arrays, cursors', async () => {
  const db = postgres(harness.url, { max: 2, onnotice: () => undefined })
  try {
    await db`create table pets (id serial primary key, name text not null, kind text, tags text[], born timestamptz, extra jsonb)`
    const born = new Date('2021-03-04T05:06:07Z')
    const [rex] =
      await db`insert into pets ${db({ name: 'Rex', kind: 'dog', tags: ['good', 'big'], born, extra: db.json({ a: 1 }) as never })} returning *`
    assert.deepEqual(
      { ...rex },
      { id: 1, name: 'Rex', kind: 'dog', tags: ['good', 'big'], born, extra: { a: 1 } },
    )
    await db`insert into pets ${db(
      [
        { name: 'Tom', kind: 'cat' },
        { name: 'Kit', kind: 'cat' },
      ],
      'name',
      'kind',
    )}`
    assert.deepEqual(
      (await db`select name from pets where kind = ${'cat'} and id in ${db([2, 3, 4])} order by id`).map(
        (row) => row['name'],
      ),
      ['Tom', 'Kit'],
    )
    assert.equal((await db`select * from pets where id = any(${[1, 2]})`).length, 2)
    await assert.rejects(
      db.begin(async (transaction) => {
        await transaction`delete from pets`
        throw new Error('no')
      }),
      { message: 'no' },
    )
    const names: string[] = []
    await db`select name from pets order by id`.cursor(1, ([row]) => {
      names.push((row as { name: string }).name)
    })
    assert.deepEqual(names, ['Rex', 'Tom', 'Kit'])
  } finally {
    await db.end()
  }
})

const users = pgTable('users', {
  id: serial('id').primaryKey(),
  email: varchar('email', { length: 200 }).notNull().unique(),
  name: text('name'),
  isActive: boolean('is_active').notNull().default(true),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
})

const posts = pgTable('posts', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  key: uuid('key').defaultRandom(),
  authorId: integer('author_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  title: text('title').notNull(),
  price: numeric('price', { precision: 8, scale: 2 }),
  meta: jsonb('meta').$type<{ words: number }>(),
})

const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }))
const postsRelations = relations(posts, ({ one }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
}))

test('Drizzle (PostgreSQL): schema, inserts, upserts, joins, relations, aggregates, transactions', async () => {
  const pool = new pg.Pool({ connectionString: harness.url, max: 3 })
  const db = drizzle(pool, { schema: { users, posts, usersRelations, postsRelations } })
  try {
    await db.execute(
      sql`CREATE TABLE "users" ("id" serial PRIMARY KEY NOT NULL, "email" varchar(200) NOT NULL, "name" text, "is_active" boolean DEFAULT true NOT NULL, "created_at" timestamp with time zone DEFAULT now() NOT NULL, CONSTRAINT "users_email_unique" UNIQUE("email"))`,
    )
    await db.execute(
      sql`CREATE TABLE "posts" ("id" bigserial PRIMARY KEY NOT NULL, "key" uuid DEFAULT gen_random_uuid(), "author_id" integer NOT NULL REFERENCES "users"("id") ON DELETE CASCADE, "title" text NOT NULL, "price" numeric(8, 2), "meta" jsonb)`,
    )
    const [ann] = await db.insert(users).values({ email: 'ann@example.org', name: 'Ann' }).returning()
    assert.equal(ann?.id, 1)
    assert.equal(ann?.isActive, true)
    assert.ok(ann?.createdAt instanceof Date)
    await db
      .insert(users)
      .values([{ email: 'bob@example.org' }, { email: 'cy@example.org', isActive: false }])
    await db.insert(posts).values([
      { authorId: 1, title: 'First', price: '12.50', meta: { words: 10 } },
      { authorId: 1, title: 'Second' },
      { authorId: 2, title: 'Third', meta: { words: 5 } },
    ])
    await db
      .insert(users)
      .values({ email: 'bob@example.org', name: 'Bob' })
      .onConflictDoUpdate({ target: users.email, set: { name: sql`excluded.name` } })
    const joined = await db
      .select({ title: posts.title, name: users.name })
      .from(posts)
      .leftJoin(users, eq(posts.authorId, users.id))
      .where(and(gt(posts.id, 0), ilike(posts.title, '%IR%')))
      .orderBy(posts.id)
    assert.deepEqual(joined, [
      { title: 'First', name: 'Ann' },
      { title: 'Third', name: 'Bob' },
    ])
    const counted = await db
      .select({ name: users.name, posts: sql<number>`count(${posts.id})::int` })
      .from(users)
      .leftJoin(posts, eq(posts.authorId, users.id))
      .where(inArray(users.id, [1, 2, 3]))
      .groupBy(users.id, users.name)
      .orderBy(users.id)
    assert.deepEqual(counted, [
      { name: 'Ann', posts: 2 },
      { name: 'Bob', posts: 1 },
      { name: null, posts: 0 },
    ])
    await assert.rejects(
      db.transaction(async (transaction) => {
        await transaction.update(users).set({ name: 'Nobody' })
        transaction.rollback()
      }),
    )
    const [first] = await db.select().from(posts).where(eq(posts.id, 1))
    assert.match(first?.key ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
    assert.deepEqual(
      { ...first, key: null },
      { id: 1, key: null, authorId: 1, title: 'First', price: '12.50', meta: { words: 10 } },
    )
    const nested = await db.query.users.findMany({
      columns: { id: true, name: true },
      with: { posts: { columns: { title: true }, orderBy: (post, { asc }) => asc(post.id) } },
      orderBy: (user, { asc }) => asc(user.id),
    })
    assert.deepEqual(nested, [
      { id: 1, name: 'Ann', posts: [{ title: 'First' }, { title: 'Second' }] },
      { id: 2, name: 'Bob', posts: [{ title: 'Third' }] },
      { id: 3, name: null, posts: [] },
    ])
    const withAuthor = await db.query.posts.findFirst({
      columns: { title: true },
      with: { author: { columns: { name: true } } },
    })
    assert.deepEqual(withAuthor, { title: 'First', author: { name: 'Ann' } })
    const deleted = await db.delete(users).where(eq(users.id, 1)).returning({ id: users.id })
    assert.deepEqual(deleted, [{ id: 1 }])
    assert.equal(await db.$count(posts), 1)
  } finally {
    await pool.end()
  }
})

test('Kysely: introspection sees tables, columns, types and what numbers itself', async () => {
  const db = new Kysely<Record<string, never>>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: harness.url, max: 1 }) }),
  })
  try {
    await db.schema
      .createTable('kysely_things')
      .addColumn('id', 'serial', (column) => column.primaryKey())
      .addColumn('name', 'varchar(20)', (column) => column.notNull())
      .addColumn('at', 'timestamptz', (column) => column.defaultTo(db.fn('now')))
      .execute()
    const table = (await db.introspection.getTables()).find(({ name }) => name === 'kysely_things')
    assert.deepEqual(
      table?.columns.map(({ name, dataType, isNullable, isAutoIncrementing, hasDefaultValue }) => ({
        name,
        dataType,
        isNullable,
        isAutoIncrementing,
        hasDefaultValue,
      })),
      [
        { name: 'id', dataType: 'int4', isNullable: false, isAutoIncrementing: true, hasDefaultValue: true },
        {
          name: 'name',
          dataType: 'varchar',
          isNullable: false,
          isAutoIncrementing: false,
          hasDefaultValue: false,
        },
        {
          name: 'at',
          dataType: 'timestamptz',
          isNullable: true,
          isAutoIncrementing: false,
          hasDefaultValue: true,
        },
      ],
    )
  } finally {
    await db.destroy()
  }
})
