/** Kysely with @libsql/kysely-libsql: a small application on a real member. */

import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { Kysely, Migrator, sql, type Generated, type Migration } from 'kysely'
import { startMember, type Member } from './member.ts'

interface Tables {
  account: { id: Generated<number>; owner: string; balance: number }
  transfer: { id: Generated<number>; source: number; target: number; amount: number }
}

const MIGRATIONS: Record<string, Migration> = {
  '001_account': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('account')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('owner', 'text', (column) => column.notNull().unique())
        .addColumn('balance', 'integer', (column) => column.notNull().check(sql`balance >= 0`))
        .execute()
    },
  },
  '002_transfer': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('transfer')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('source', 'integer', (column) => column.notNull().references('account.id'))
        .addColumn('target', 'integer', (column) => column.notNull().references('account.id'))
        .addColumn('amount', 'integer', (column) => column.notNull())
        .execute()
    },
  },
}

let member: Member
before(async () => (member = await startMember()))
after(() => member[Symbol.asyncDispose]())

for (const scheme of ['http', 'ws'] as const) {
  describe(`over ${scheme}`, () => {
    let db: Kysely<Tables>

    before(async () => {
      const name = `kysely-${scheme}`
      await fetch(`${member.url}/v1/databases`, { method: 'POST', body: JSON.stringify({ name }) })
      const url = `${scheme === 'ws' ? member.wsUrl : member.url}/db/${name}/`
      db = new Kysely<Tables>({ dialect: new LibsqlDialect({ url }) })
    })
    after(() => db.destroy())

    async function move(source: number, target: number, amount: number): Promise<void> {
      await db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('account')
          .set((expression) => ({ balance: expression('balance', '-', amount) }))
          .where('id', '=', source)
          .execute()
        await transaction
          .updateTable('account')
          .set((expression) => ({ balance: expression('balance', '+', amount) }))
          .where('id', '=', target)
          .execute()
        await transaction.insertInto('transfer').values({ source, target, amount }).execute()
      })
    }

    async function balances(): Promise<number[]> {
      const rows = await db.selectFrom('account').select('balance').orderBy('id').execute()
      return rows.map(({ balance }) => balance)
    }

    test('migrations run once', async () => {
      const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } })
      const first = await migrator.migrateToLatest()
      assert.equal(first.error, undefined)
      assert.equal(first.results?.length, 2)
      const second = await migrator.migrateToLatest()
      assert.deepEqual([second.error, second.results], [undefined, []])
    })

    test('the schema can be read', async () => {
      const tables = await db.introspection.getTables()
      // The member's own tables are plain tables in the same file: tools see them, and may not write them.
      const names = tables.map(({ name }) => name).filter((name) => !name.startsWith('_harmony_'))
      assert.deepEqual(names.sort(), ['account', 'transfer'])
    })

    test('insert and returning', async () => {
      const inserted = await db
        .insertInto('account')
        .values([
          { owner: 'Ada', balance: 100 },
          { owner: 'Bob', balance: 50 },
        ])
        .returning(['id', 'owner'])
        .execute()
      assert.deepEqual(inserted, [
        { id: 1, owner: 'Ada' },
        { id: 2, owner: 'Bob' },
      ])
      const { insertId } = await db
        .insertInto('account')
        .values({ owner: 'Eve', balance: 0 })
        .executeTakeFirstOrThrow()
      assert.equal(insertId, 3n)
    })

    test('a transaction moves money, or does nothing', async () => {
      await move(1, 2, 30)
      assert.deepEqual(await balances(), [70, 80, 0])
      await assert.rejects(move(1, 2, 71), /CHECK constraint failed/)
      assert.deepEqual(await balances(), [70, 80, 0])
      const { n } = await db
        .selectFrom('transfer')
        .select((expression) => expression.fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
      assert.equal(n, 1)
    })

    test('a join with an aggregate', async () => {
      const rows = await db
        .selectFrom('account')
        .innerJoin('transfer', 'transfer.source', 'account.id')
        .select(['owner', (expression) => expression.fn.sum<number>('amount').as('sent')])
        .groupBy('owner')
        .execute()
      assert.deepEqual(rows, [{ owner: 'Ada', sent: 30 }])
    })

    test('transfers at the same time keep the sum', async () => {
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => move((index % 2) + 1, ((index + 1) % 2) + 1, 1)),
      )
      const after = await balances()
      assert.equal(
        after.reduce((sum, balance) => sum + balance, 0),
        150,
      )
      assert.deepEqual(after, [70, 80, 0])
    })
  })
}
