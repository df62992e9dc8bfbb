/** Kysely on the embedded database: a small application, and what a dialect must do besides. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Generated, Kysely, type Migration, Migrator, sql } from 'kysely'
import type { HarmonyDB } from '../../embed/open.ts'
import { open } from '../../embed/open.ts'
import { HarmonyDialect } from './main.ts'

interface Tables {
  account: { id: Generated<number>; owner: string; balance: number }
  transfer: { id: Generated<number>; source: number; target: number; amount: number }
}

const MIGRATIONS: Record<string, Migration> = {
  '001_account': {
    up: (db: Kysely<unknown>) =>
      db.schema
        .createTable('account')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('owner', 'text', (column) => column.notNull().unique())
        .addColumn('balance', 'integer', (column) => column.notNull().check(sql`balance >= 0`))
        .execute(),
  },
  '002_transfer': {
    up: (db: Kysely<unknown>) =>
      db.schema
        .createTable('transfer')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('source', 'integer', (column) => column.notNull().references('account.id'))
        .addColumn('target', 'integer', (column) => column.notNull().references('account.id'))
        .addColumn('amount', 'integer', (column) => column.notNull())
        .execute(),
  },
}

function migrator(db: Kysely<Tables>): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
}

let folder: string
let harmony: HarmonyDB

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harmonydb-kysely-'))
  harmony = await open(folder)
})

after(async () => {
  await harmony.close()
  await rm(folder, { recursive: true, force: true })
})

test('processes that migrate at the same time migrate once', async () => {
  const database = await harmony.createDatabase('together')
  const instances = Array.from(
    { length: 3 },
    () => new Kysely<Tables>({ dialect: new HarmonyDialect({ database }) }),
  )
  const results = await Promise.all(instances.map((db) => migrator(db).migrateToLatest()))
  assert.deepEqual(
    results.map(({ error }) => error),
    [undefined, undefined, undefined],
  )
  assert.equal(results.flatMap((each) => each.results ?? []).length, 2, 'each migration ran once')
})

test('a failing migration leaves nothing of itself or of those before it', async () => {
  const database = await harmony.createDatabase('failing')
  const db = new Kysely<Tables>({ dialect: new HarmonyDialect({ database }) })
  const broken: Migration = { up: async (inner: Kysely<unknown>) => void (await sql`SELEC 1`.execute(inner)) }
  const failing = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...MIGRATIONS, '003_broken': broken }) },
  })
  const { error } = await failing.migrateToLatest()
  assert.equal((error as { code?: string }).code, 'SQL_PARSE_ERROR')
  assert.deepEqual(await db.introspection.getTables(), [])
})

for (const reads of ['linearizable', 'local'] as const) {
  describe(`with ${reads} reads`, () => {
    let db: Kysely<Tables>

    before(async () => {
      const database = await harmony.createDatabase(`reads-${reads}`)
      db = new Kysely<Tables>({ dialect: new HarmonyDialect({ database, reads }) })
      const { error } = await migrator(db).migrateToLatest()
      assert.equal(error, undefined)
    })
    after(() => db.destroy())

    async function move(source: number, target: number, amount: number): Promise<void> {
      await db.transaction().execute(async (transaction) => {
        for (const [id, by] of [
          [source, -amount],
          [target, amount],
        ] as const) {
          await transaction
            .updateTable('account')
            .set((expression) => ({ balance: expression('balance', '+', by) }))
            .where('id', '=', id)
            .execute()
        }
        await transaction.insertInto('transfer').values({ source, target, amount }).execute()
      })
    }

    test('inserts tell their ids, updates and deletes how many rows they met', async () => {
      const first = await db
        .insertInto('account')
        .values({ owner: 'Ada', balance: 100 })
        .executeTakeFirstOrThrow()
      assert.equal(first.insertId, 1n)
      const returned = await db
        .insertInto('account')
        .values([
          { owner: 'Bob', balance: 0 },
          { owner: 'Cy', balance: 5 },
        ])
        .returning(['id', 'owner'])
        .execute()
      assert.deepEqual(returned, [
        { id: 2, owner: 'Bob' },
        { id: 3, owner: 'Cy' },
      ])
      const updated = await db
        .updateTable('account')
        .set({ balance: 1 })
        .where('id', '>', 1)
        .executeTakeFirst()
      assert.equal(updated.numUpdatedRows, 2n)
      const deleted = await db.deleteFrom('account').where('owner', '=', 'Cy').executeTakeFirst()
      assert.equal(deleted.numDeletedRows, 1n)
    })

    test('a read sees the write before it; integers are exact', async () => {
      const big = 2n ** 53n + 1n
      await sql`INSERT INTO account (owner, balance) VALUES ('Big', ${big})`.execute(db)
      const row = await db
        .selectFrom('account')
        .select('balance')
        .where('owner', '=', 'Big')
        .executeTakeFirst()
      assert.equal(row?.balance, big)
      await db.deleteFrom('account').where('owner', '=', 'Big').execute()
    })

    test('a transaction that fails has done nothing; transfers that meet lose nothing', async () => {
      await assert.rejects(move(1, 2, 1000), { code: 'SQLITE_CONSTRAINT_CHECK' })
      assert.equal((await db.selectFrom('transfer').selectAll().execute()).length, 0)
      await Promise.all(Array.from({ length: 10 }, () => move(1, 2, 3)))
      const rows = await db.selectFrom('account').select(['owner', 'balance']).orderBy('id').execute()
      assert.deepEqual(rows, [
        { owner: 'Ada', balance: 70 },
        { owner: 'Bob', balance: 31 },
      ])
    })

    test('savepoints of a controlled transaction', async () => {
      const transaction = await db.startTransaction().execute()
      await transaction.insertInto('account').values({ owner: 'kept', balance: 1 }).execute()
      const after = await transaction.savepoint('a "name"').execute()
      await after.insertInto('account').values({ owner: 'undone', balance: 1 }).execute()
      await after.rollbackToSavepoint('a "name"').execute()
      await transaction.commit().execute()
      const rows = await db.selectFrom('account').select('owner').where('balance', '=', 1).execute()
      assert.deepEqual(rows, [{ owner: 'kept' }])
    })

    test('a read-only transaction refuses to write, and reads one state', async () => {
      const transaction = await db.startTransaction().setAccessMode('read only').execute()
      const count = (): Promise<number> =>
        transaction
          .selectFrom('account')
          .select((expression) => expression.fn.countAll<number>().as('n'))
          .executeTakeFirstOrThrow()
          .then(({ n }) => n)
      const before = await count()
      await db
        .insertInto('account')
        .values({ owner: `late ${reads}`, balance: 1 })
        .execute()
      assert.equal(await count(), before)
      await assert.rejects(transaction.deleteFrom('account').execute(), { code: 'READ_ONLY' })
      await transaction.rollback().execute()
    })

    test('a stream gives the rows of one state, whatever is written meanwhile', async () => {
      await sql`
        INSERT INTO transfer (source, target, amount)
        SELECT 1, 2, value FROM json_each('[' || substr(replace(hex(zeroblob(500)), '00', ',7'), 2) || ']')`.execute(
        db,
      )
      const before = await db.selectFrom('transfer').selectAll().execute()
      assert.ok(before.length > 500)
      const seen: number[] = []
      for await (const { id } of db.selectFrom('transfer').select('id').orderBy('id').stream(64)) {
        if (seen.length === 0) await db.deleteFrom('transfer').where('id', '>', 10).execute()
        seen.push(id)
      }
      assert.equal(seen.length, before.length)
      await db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('transfer').where('id', '>', 5).execute()
        const left: number[] = []
        for await (const { id } of transaction.selectFrom('transfer').select('id').stream()) left.push(id)
        assert.deepEqual(left, [1, 2, 3, 4, 5])
      })
    })

    test('introspection shows the tables of the application', async () => {
      const tables = await db.introspection.getTables()
      assert.deepEqual(
        tables.map(({ name }) => name),
        ['account', 'transfer'],
      )
      assert.equal(tables[0]?.columns.find(({ name }) => name === 'id')?.isAutoIncrementing, true)
    })
  })
}

test('an instance for migrations has foreign keys off in its transactions, and nobody else has', async () => {
  const database = await harmony.createDatabase('keys')
  await database.batch([
    'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
    'CREATE TABLE child (id REFERENCES parent)',
  ])
  const orphan = (db: Kysely<Tables>): Promise<unknown> =>
    db.transaction().execute((transaction) => sql`INSERT INTO child VALUES (1)`.execute(transaction))
  await orphan(new Kysely<Tables>({ dialect: new HarmonyDialect({ database, foreignKeys: false }) }))
  await assert.rejects(orphan(new Kysely<Tables>({ dialect: new HarmonyDialect({ database }) })), {
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  })
})

test('destroy leaves the database open', async () => {
  const db = new Kysely<Tables>({ dialect: new HarmonyDialect({ database: harmony }) })
  await sql`SELECT 1`.execute(db)
  await db.destroy()
  assert.equal(harmony.prepare<{ one: number }>('SELECT 1 AS one').get()?.one, 1)
})
