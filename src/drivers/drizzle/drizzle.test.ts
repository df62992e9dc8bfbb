/** Drizzle on the embedded database: a small application, and what a driver must do besides. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eq, gt, relations, sql } from 'drizzle-orm'
import { blob, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { HarmonyDB } from '../../embed/open.ts'
import { open } from '../../embed/open.ts'
import { drizzle, type HarmonyDrizzle, drizzleReader, type HarmonyDrizzleReader, migrate } from './main.ts'

const users = sqliteTable('users', {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
  joinedAt: integer({ mode: 'timestamp' }),
  isAdmin: integer({ mode: 'boolean' }).notNull().default(false),
  settings: text({ mode: 'json' }).$type<{ theme: string }>(),
  picture: blob({ mode: 'buffer' }),
})
const posts = sqliteTable('posts', {
  id: integer().primaryKey(),
  authorId: integer()
    .notNull()
    .references(() => users.id),
  title: text().notNull(),
})
const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }))
const postsRelations = relations(posts, ({ one }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
}))
const schema = { users, posts, usersRelations, postsRelations }

const MIGRATIONS = [
  [
    '0000_users',
    `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL UNIQUE, joinedAt integer, isAdmin integer DEFAULT false NOT NULL, settings text, picture blob);
--> statement-breakpoint
CREATE INDEX users_joined ON users (joinedAt);`,
  ],
  [
    '0001_posts',
    'CREATE TABLE posts (id integer PRIMARY KEY, authorId integer NOT NULL REFERENCES users (id), title text NOT NULL);',
  ],
] as const

let folder: string
let harmony: HarmonyDB

/** A folder as drizzle-kit writes it. */
async function migrationsFolder(
  name: string,
  migrations: readonly (readonly [string, string])[],
): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, 'meta'), { recursive: true })
  for (const [tag, text] of migrations) await writeFile(join(path, `${tag}.sql`), text)
  const entries = migrations.map(([tag], idx) => ({
    idx,
    version: '6',
    when: 1000 + idx,
    tag,
    breakpoints: true,
  }))
  await writeFile(
    join(path, 'meta/_journal.json'),
    JSON.stringify({ version: '7', dialect: 'sqlite', entries }),
  )
  return path
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harmonydb-drizzle-'))
  harmony = await open(join(folder, 'data'))
})

after(async () => {
  await harmony.close()
  await rm(folder, { recursive: true, force: true })
})

test('migrations run once, also where processes run them at the same time; later ones are added', async () => {
  const database = await harmony.createDatabase('migrated')
  const first = await migrationsFolder('first', MIGRATIONS.slice(0, 1))
  await Promise.all([1, 2, 3].map(() => migrate(drizzle(database), { migrationsFolder: first })))
  const both = await migrationsFolder('both', MIGRATIONS)
  await migrate(drizzle(database), { migrationsFolder: both })
  await migrate(drizzle(database), { migrationsFolder: both })
  const { rows } = await database.execute('SELECT count(*) AS n FROM __drizzle_migrations')
  assert.deepEqual(rows, [{ n: 2 }])
})

test('a failing migration leaves nothing', async () => {
  const database = await harmony.createDatabase('unmigrated')
  const broken = await migrationsFolder('broken', [...MIGRATIONS, ['0002_broken', 'SELEC 1']])
  await assert.rejects(migrate(drizzle(database), { migrationsFolder: broken }), { code: 'SQL_PARSE_ERROR' })
  const { rows } = await database.execute(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
  )
  assert.deepEqual(rows, [])
})

test('a migration that rebuilds a table keeps what refers to it; one that would leave orphans is refused', async () => {
  const database = await harmony.createDatabase('rebuilt')
  await migrate(drizzle(database), { migrationsFolder: await migrationsFolder('before', MIGRATIONS) })
  await database.batch([
    "INSERT INTO users (id, name) VALUES (1, 'Ada')",
    "INSERT INTO posts VALUES (1, 1, 'kept')",
  ])
  // As drizzle-kit writes it.
  const rebuild = `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE __new_users (id integer PRIMARY KEY, name text NOT NULL);--> statement-breakpoint
INSERT INTO __new_users (id, name) SELECT id, name FROM users;--> statement-breakpoint
DROP TABLE users;--> statement-breakpoint
ALTER TABLE __new_users RENAME TO users;--> statement-breakpoint
PRAGMA foreign_keys=ON;`
  const rebuilt = [...MIGRATIONS, ['0002_rebuild', rebuild]] as const
  await migrate(drizzle(database), { migrationsFolder: await migrationsFolder('rebuilt', rebuilt) })
  assert.deepEqual((await database.execute('SELECT title FROM posts')).rows, [{ title: 'kept' }])
  const orphans = [...rebuilt, ['0003_orphans', 'DELETE FROM users']] as const
  await assert.rejects(
    migrate(drizzle(database), { migrationsFolder: await migrationsFolder('orphans', orphans) }),
    { code: 'SQLITE_CONSTRAINT_FOREIGNKEY', message: /posts.*users/ },
  )
  assert.equal((await database.execute('SELECT 1 FROM users')).rows.length, 1)
})

for (const reads of ['linearizable', 'local'] as const) {
  describe(`with ${reads} reads`, () => {
    let db: HarmonyDrizzle<typeof schema>
    let reader: HarmonyDrizzleReader<typeof schema>

    before(async () => {
      const database = await harmony.createDatabase(`reads-${reads}`)
      db = drizzle(database, { schema, reads })
      reader = drizzleReader(database, { schema })
      await migrate(db, { migrationsFolder: await migrationsFolder(`folder-${reads}`, MIGRATIONS) })
    })

    test('every kind of column comes back as it went in', async () => {
      const ada = {
        id: 1,
        name: 'Ada',
        joinedAt: new Date(1_700_000_000_000),
        isAdmin: true,
        settings: { theme: 'dark' },
        picture: Buffer.from([0, 255]),
      }
      const [returned] = await db.insert(users).values(ada).returning()
      assert.deepEqual(returned, ada)
      assert.deepEqual(await db.select().from(users).get(), ada)
      assert.deepEqual(reader.select().from(users).get(), ada)
      const result = await db.insert(users).values({ name: 'Bob' })
      assert.deepEqual([result.lastInsertRowid, result.changes], [2, 1])
    })

    test('a join keeps columns of the same name apart', async () => {
      await db.insert(posts).values([
        { id: 10, authorId: 1, title: 'On engines' },
        { id: 11, authorId: 1, title: 'On notes' },
      ])
      const query = { user: users.name, userId: users.id, postId: posts.id }
      const expected = [
        { user: 'Ada', userId: 1, postId: 10 },
        { user: 'Ada', userId: 1, postId: 11 },
        { user: 'Bob', userId: 2, postId: null },
      ]
      const joined = db
        .select(query)
        .from(users)
        .leftJoin(posts, eq(posts.authorId, users.id))
        .orderBy(users.id, posts.id)
      assert.deepEqual(await joined, expected)
      const whole = await db
        .select()
        .from(users)
        .leftJoin(posts, eq(posts.authorId, users.id))
        .where(gt(users.id, 1))
      assert.deepEqual(
        whole.map((row) => [row.users.name, row.posts]),
        [['Bob', null]],
      )
      assert.deepEqual(
        reader
          .select(query)
          .from(users)
          .leftJoin(posts, eq(posts.authorId, users.id))
          .orderBy(users.id, posts.id)
          .all(),
        expected,
      )
    })

    test('relational queries, prepared ones, counts and plain SQL', async () => {
      const found = await db.query.users.findFirst({ with: { posts: true }, where: eq(users.id, 1) })
      assert.deepEqual(
        found?.posts.map(({ title }) => title),
        ['On engines', 'On notes'],
      )
      const sync = reader.query.posts.findMany({ with: { author: { columns: { name: true } } } }).sync()
      assert.deepEqual(
        sync.map(({ author }) => author.name),
        ['Ada', 'Ada'],
      )
      const prepared = db
        .select()
        .from(users)
        .where(eq(users.name, sql.placeholder('name')))
        .prepare()
      assert.equal((await prepared.get({ name: 'Bob' }))?.id, 2)
      assert.equal(await db.$count(posts), 2)
      assert.deepEqual(await db.all(sql`SELECT 1 AS one, ${'x'} AS two`), [{ one: 1, two: 'x' }])
      assert.deepEqual(await db.get(sql`SELECT 1 AS one`), { one: 1 })
      assert.deepEqual(await db.values(sql`SELECT 1 AS one, 2 AS one`), [[1, 2]])
      assert.equal(await db.select().from(users).where(eq(users.id, 99)).get(), undefined)
    })

    test('a transaction is all or nothing, a nested one undoes its own part', async () => {
      const failure = new Error('no')
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.insert(users).values({ name: 'never' })
          throw failure
        }),
        failure,
      )
      await db.transaction(async (tx) => {
        await tx.insert(users).values({ name: 'kept' })
        await tx
          .transaction(async (inner) => {
            await inner.insert(users).values({ name: 'undone' })
            assert.equal((await inner.select().from(users).where(eq(users.name, 'undone'))).length, 1)
            inner.rollback()
          })
          .catch(() => {})
        assert.equal(await tx.$count(users, eq(users.name, 'undone')), 0)
      })
      assert.deepEqual(
        (await db.select({ name: users.name }).from(users).where(gt(users.id, 2))).map(({ name }) => name),
        ['kept'],
      )
    })

    test('transactions at the same time have each their own', async () => {
      await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          db.transaction(async (tx) => {
            const count = await tx.$count(users)
            await tx.insert(users).values({ name: `number ${count} of ${at}` })
          }),
        ),
      )
      const names = await db
        .select({ name: users.name })
        .from(users)
        .where(sql`name LIKE 'number%'`)
      assert.equal(new Set(names.map(({ name }) => name.split(' ')[1])).size, 8)
    })

    test('a batch is all or nothing, with each result in its own form', async () => {
      const [inserted, all, one, raw] = await db.batch([
        db.insert(posts).values({ authorId: 2, title: 'From a batch' }).returning({ title: posts.title }),
        db
          .select({ id: posts.id, author: users.id })
          .from(posts)
          .innerJoin(users, eq(users.id, posts.authorId))
          .where(gt(posts.id, 11)),
        db.query.users.findFirst({ columns: { name: true }, where: eq(users.id, 2) }),
        db.all(sql`SELECT 'x' AS x`),
      ])
      assert.deepEqual(inserted, [{ title: 'From a batch' }])
      assert.deepEqual(all, [{ id: 12, author: 2 }])
      assert.deepEqual(one, { name: 'Bob' })
      assert.deepEqual(raw, [{ x: 'x' }])
      await assert.rejects(
        db.batch([db.insert(users).values({ name: 'half' }), db.insert(users).values({ name: 'Ada' })]),
      )
      assert.equal(await db.$count(users, eq(users.name, 'half')), 0)
    })

    test('errors carry the code of what went wrong', async () => {
      const twice = db.insert(users).values({ name: 'Ada' })
      await assert.rejects(twice, ({ cause }: Error) => {
        assert.equal((cause as { code?: string }).code, 'SQLITE_CONSTRAINT_UNIQUE')
        return true
      })
    })

    test('the reader sees what was written, one state in a transaction, and writes nothing', async () => {
      const count = (): number => reader.get<{ n: number }>(sql`SELECT count(*) AS n FROM users`).n
      const before = count()
      await db.insert(users).values({ name: 'seen at once' })
      assert.equal(count(), before + 1)
      assert.equal(
        reader.transaction((tx) => tx.select().from(users).all().length),
        before + 1,
      )
      assert.throws(() => reader.delete(users).run(), { code: 'READ_ONLY' })
      assert.throws(() => reader.delete(users).returning().all(), { code: 'READ_ONLY' })
    })
  })
}
