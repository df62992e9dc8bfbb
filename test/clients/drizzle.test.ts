/** Drizzle on @libsql/client: a small application on a real member. */

import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import { eq, sql } from 'drizzle-orm'
import { drizzle, type LibSQLDatabase } from 'drizzle-orm/libsql'
import { migrate } from 'drizzle-orm/libsql/migrator'
import { blob, integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { startMember, type Member } from './member.ts'

const authors = sqliteTable('authors', {
  id: integer().primaryKey({ autoIncrement: true }),
  name: text().notNull().unique(),
  rating: real(),
  photo: blob({ mode: 'buffer' }),
  joinedAt: integer({ mode: 'timestamp' }),
})

const posts = sqliteTable('posts', {
  id: integer().primaryKey(),
  authorId: integer()
    .notNull()
    .references(() => authors.id),
  title: text().notNull(),
})

/** As drizzle-kit generates them: SQL files, and a journal that names them. */
function writeMigrations(folder: string): string {
  const files = [
    'CREATE TABLE `authors` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `name` text NOT NULL, `rating` real, ' +
      '`photo` blob, `joinedAt` integer);\n--> statement-breakpoint\n' +
      'CREATE UNIQUE INDEX `authors_name_unique` ON `authors` (`name`);',
    'CREATE TABLE `posts` (`id` integer PRIMARY KEY NOT NULL, `authorId` integer NOT NULL, `title` text NOT NULL, ' +
      'FOREIGN KEY (`authorId`) REFERENCES `authors`(`id`));',
  ]
  const entries = files.map((_, idx) => ({
    idx,
    version: '6',
    when: 1000 + idx,
    tag: `000${idx}_step`,
    breakpoints: true,
  }))
  mkdirSync(join(folder, 'meta'), { recursive: true })
  writeFileSync(
    join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'sqlite', entries }),
  )
  files.forEach((file, index) => writeFileSync(join(folder, `000${index}_step.sql`), file))
  return folder
}

let member: Member
before(async () => (member = await startMember()))
after(() => member[Symbol.asyncDispose]())

for (const scheme of ['http', 'ws'] as const) {
  describe(`over ${scheme}`, () => {
    let db: LibSQLDatabase
    let close: () => void

    before(async () => {
      const name = `drizzle-${scheme}`
      await fetch(`${member.url}/v1/databases`, { method: 'POST', body: JSON.stringify({ name }) })
      const client = createClient({ url: `${scheme === 'ws' ? member.wsUrl : member.url}/db/${name}/` })
      close = () => client.close()
      db = drizzle(client)
    })
    after(() => close())

    test('migrations run once', async () => {
      const migrationsFolder = writeMigrations(join(member.dataFolder, `migrations-${scheme}`))
      await migrate(db, { migrationsFolder })
      await migrate(db, { migrationsFolder })
      const applied = await db.get<{ n: number }>(sql`SELECT count(*) AS n FROM __drizzle_migrations`)
      assert.equal(applied.n, 2)
    })

    test('insert, returning, select, update, delete', async () => {
      const joinedAt = new Date('2024-02-29T12:00:00Z')
      const [ada] = await db
        .insert(authors)
        .values([
          { name: 'Ada', rating: 4.5, photo: Buffer.from([1, 2, 3]), joinedAt },
          { name: 'Bob', rating: null },
        ])
        .returning()
      assert.deepEqual(ada, { id: 1, name: 'Ada', rating: 4.5, photo: Buffer.from([1, 2, 3]), joinedAt })
      await db.insert(posts).values({ authorId: 1, title: 'Notes' })
      await db.update(authors).set({ rating: 5 }).where(eq(authors.name, 'Ada'))
      const joined = await db
        .select({ name: authors.name, rating: authors.rating, title: posts.title })
        .from(authors)
        .innerJoin(posts, eq(posts.authorId, authors.id))
      assert.deepEqual(joined, [{ name: 'Ada', rating: 5, title: 'Notes' }])
      await db.delete(authors).where(eq(authors.name, 'Bob'))
      assert.equal(await db.$count(authors), 1)
    })

    test('an upsert', async () => {
      await db
        .insert(authors)
        .values({ name: 'Ada', rating: 1 })
        .onConflictDoUpdate({ target: authors.name, set: { rating: sql`excluded.rating + 1` } })
      const [ada] = await db.select({ rating: authors.rating }).from(authors).where(eq(authors.name, 'Ada'))
      assert.equal(ada?.rating, 2)
    })

    test('a transaction commits, and rolls back when its function throws', async () => {
      await db.transaction(async (transaction) => {
        await transaction.insert(posts).values({ authorId: 1, title: 'In a transaction' })
        assert.equal(await transaction.$count(posts), 2)
      })
      await assert.rejects(
        db.transaction(async (transaction) => {
          await transaction.insert(posts).values({ authorId: 1, title: 'Never' })
          throw new Error('changed my mind')
        }),
        /changed my mind/,
      )
      assert.equal(await db.$count(posts), 2)
    })

    test('a batch is all or nothing', async () => {
      const [inserted, counted] = await db.batch([
        db.insert(posts).values({ authorId: 1, title: 'Batched' }).returning({ title: posts.title }),
        db.select({ n: sql<number>`count(*)` }).from(posts),
      ])
      assert.deepEqual([inserted, counted], [[{ title: 'Batched' }], [{ n: 3 }]])
      await assert.rejects(
        db.batch([
          db.insert(posts).values({ authorId: 1, title: 'Never' }),
          db.insert(posts).values({ authorId: 99, title: 'No such author' }),
        ]),
      )
      assert.equal(await db.$count(posts), 3)
    })

    test('writers at the same time', async () => {
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          index % 2 === 0
            ? db.insert(posts).values({ authorId: 1, title: `Parallel ${index}` })
            : db.transaction((transaction) =>
                transaction.insert(posts).values({ authorId: 1, title: `Parallel ${index}` }),
              ),
        ),
      )
      assert.equal(await db.$count(posts), 43)
    })
  })
}
