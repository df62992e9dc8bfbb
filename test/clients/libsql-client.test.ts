/** @libsql/client, unmodified, over HTTP and over WebSocket: a small shop on a real member. */

import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { createClient, LibsqlError, type Client, type Config, type Row } from '@libsql/client'
import { startMember, type Member } from './member.ts'

const SCHEMA = [
  `CREATE TABLE product (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     stock INTEGER NOT NULL CHECK (stock >= 0)
   )`,
  `CREATE TABLE sale (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     product_id INTEGER NOT NULL REFERENCES product (id),
     quantity INTEGER NOT NULL,
     sold_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
   )`,
  'CREATE INDEX sale_by_product ON sale (product_id)',
  'CREATE TABLE audit (what TEXT)',
  `CREATE TRIGGER sale_audit AFTER INSERT ON sale BEGIN
     UPDATE product SET stock = stock - new.quantity WHERE id = new.product_id;
     INSERT INTO audit VALUES ('sold ' || new.quantity);
   END`,
]

const plain = (row: Row | undefined): unknown => ({ ...row })

/** A database of its own for each test, so that tests need not clean up. */
let lastDatabase = 0

async function withClient(
  member: Member,
  scheme: 'http' | 'ws',
  act: (client: Client, url: string) => Promise<void>,
  config: Partial<Config> = {},
): Promise<void> {
  const name = `shop-${++lastDatabase}`
  const created = await fetch(`${member.url}/v1/databases`, {
    method: 'POST',
    body: JSON.stringify({ name }),
  })
  assert.equal(created.ok, true, await created.text())
  const url = `${scheme === 'ws' ? member.wsUrl : member.url}/db/${name}/`
  const client = createClient({ url, ...config })
  try {
    await client.batch(SCHEMA, 'write')
    await client.execute({
      sql: 'INSERT INTO product (name, stock) VALUES (?, ?), (?, ?)',
      args: ['tea', 10, 'cup', 3],
    })
    await act(client, url)
  } finally {
    client.close()
  }
}

async function fails(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof LibsqlError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
}

let member: Member
before(async () => (member = await startMember()))
after(() => member[Symbol.asyncDispose]())

for (const scheme of ['http', 'ws'] as const) {
  describe(`over ${scheme}`, () => {
    test('a statement with positional and with named arguments', () =>
      withClient(member, scheme, async (client) => {
        const byPosition = await client.execute({ sql: 'SELECT name FROM product WHERE id = ?', args: [1] })
        assert.deepEqual(byPosition.rows.map(plain), [{ name: 'tea' }])
        for (const prefix of [':', '@', '$']) {
          const byName = await client.execute({
            sql: `SELECT stock FROM product WHERE name = ${prefix}name`,
            args: { name: 'cup' },
          })
          assert.deepEqual(byName.rows.map(plain), [{ stock: 3 }])
        }
      }))

    test('columns come with their names and declared types', () =>
      withClient(member, scheme, async (client) => {
        const result = await client.execute('SELECT id, name, stock * 2 AS twice FROM product')
        assert.deepEqual(result.columns, ['id', 'name', 'twice'])
        assert.deepEqual(result.columnTypes, ['INTEGER', 'TEXT', ''])
      }))

    test('an insert tells its rowid and its number of rows', () =>
      withClient(member, scheme, async (client) => {
        const result = await client.execute("INSERT INTO product (name, stock) VALUES ('pot', 1), ('jug', 2)")
        assert.equal(result.rowsAffected, 2)
        assert.equal(result.lastInsertRowid, 4n)
        const returned = await client.execute('DELETE FROM product WHERE id > 2 RETURNING name')
        assert.deepEqual(returned.rows.map(plain), [{ name: 'pot' }, { name: 'jug' }])
      }))

    test('every type of value comes back as it went', () =>
      withClient(
        member,
        scheme,
        async (client) => {
          const args = [
            null,
            9223372036854775807n,
            -9223372036854775808n,
            0.1,
            'žluťoučký \u0000 kůň',
            new Uint8Array([0, 255]).buffer,
          ]
          await client.execute('CREATE TABLE kept (a, b, c, d, e, f)')
          await client.execute({ sql: 'INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)', args })
          const { rows } = await client.execute('SELECT * FROM kept')
          const values = Array.from({ length: 6 }, (_, index) => rows[0]?.[index])
          assert.deepEqual(values.slice(0, 5), args.slice(0, 5))
          assert.deepEqual(new Uint8Array(values[5] as ArrayBuffer), new Uint8Array([0, 255]))
        },
        { intMode: 'bigint' },
      ))

    test('errors come with the codes that applications compare', () =>
      withClient(member, scheme, async (client) => {
        await fails(
          client.execute("INSERT INTO product (name, stock) VALUES ('tea', 1)"),
          'SQLITE_CONSTRAINT',
          /UNIQUE constraint failed: product\.name/,
        )
        await fails(
          client.execute('INSERT INTO sale (product_id, quantity) VALUES (99, 1)'),
          'SQLITE_CONSTRAINT',
          /FOREIGN KEY constraint failed/,
        )
        await fails(
          client.execute('UPDATE product SET stock = -1'),
          'SQLITE_CONSTRAINT',
          /CHECK constraint failed/,
        )
        await assert.rejects(client.execute('SELECT * FROM missing'), /no such table: missing/)
        await assert.rejects(client.execute('SELEC 1'), /syntax error/)
        assert.equal((await client.execute('SELECT count(*) AS n FROM product')).rows[0]?.['n'], 2)
      }))

    test('a batch is all or nothing', () =>
      withClient(member, scheme, async (client) => {
        const results = await client.batch(
          [
            { sql: 'INSERT INTO sale (product_id, quantity) VALUES (?, ?)', args: [1, 4] },
            'SELECT stock FROM product WHERE id = 1',
          ],
          'write',
        )
        assert.equal(results[1]?.rows[0]?.['stock'], 6)
        await fails(
          client.batch(
            [
              'INSERT INTO sale (product_id, quantity) VALUES (2, 1)',
              'INSERT INTO sale (product_id, quantity) VALUES (2, 100)',
            ],
            'write',
          ),
          'SQLITE_CONSTRAINT',
          /CHECK constraint failed/,
        )
        const { rows } = await client.execute('SELECT count(*) AS sales FROM sale')
        assert.equal(rows[0]?.['sales'], 1)
      }))

    test('a batch of reads', () =>
      withClient(member, scheme, async (client) => {
        const [names, stock] = await client.batch(
          ['SELECT name FROM product ORDER BY id', 'SELECT sum(stock) AS n FROM product'],
          'read',
        )
        assert.deepEqual(names?.rows.map(plain), [{ name: 'tea' }, { name: 'cup' }])
        assert.equal(stock?.rows[0]?.['n'], 13)
      }))

    test('a migration may break foreign keys on its way, and they hold again after it', () =>
      withClient(member, scheme, async (client) => {
        await client.execute('INSERT INTO sale (product_id, quantity) VALUES (1, 1)')
        await client.migrate([
          // SQLite refuses to rename a table while a trigger names one that is gone.
          'DROP TRIGGER sale_audit',
          'CREATE TABLE product_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL, price REAL)',
          'INSERT INTO product_new SELECT id, name, stock, 1.5 FROM product',
          'DROP TABLE product',
          'ALTER TABLE product_new RENAME TO product',
        ])
        const { rows } = await client.execute('SELECT name, price FROM product ORDER BY id')
        assert.deepEqual(rows.map(plain), [
          { name: 'tea', price: 1.5 },
          { name: 'cup', price: 1.5 },
        ])
        assert.equal((await client.execute('SELECT count(*) AS n FROM sale')).rows[0]?.['n'], 1)
        await fails(
          client.execute('INSERT INTO sale (product_id, quantity) VALUES (99, 1)'),
          'SQLITE_CONSTRAINT',
          /FOREIGN KEY constraint failed/,
        )
      }))

    test('a script runs up to its first error', () =>
      withClient(member, scheme, async (client) => {
        await client.executeMultiple(`
          INSERT INTO audit VALUES ('one; still one');
          -- a comment; with a semicolon
          INSERT INTO audit VALUES ('two');
        `)
        await assert.rejects(
          client.executeMultiple(
            "INSERT INTO audit VALUES ('three'); nonsense; INSERT INTO audit VALUES ('four')",
          ),
        )
        const { rows } = await client.execute('SELECT what FROM audit')
        assert.deepEqual(rows.map(plain), [{ what: 'one; still one' }, { what: 'two' }, { what: 'three' }])
      }))

    test('an interactive transaction: reads see its own writes, others see them after COMMIT', () =>
      withClient(member, scheme, async (client) => {
        const transaction = await client.transaction('write')
        await transaction.execute('INSERT INTO sale (product_id, quantity) VALUES (1, 4)')
        const inside = await transaction.execute('SELECT stock FROM product WHERE id = 1')
        assert.equal(inside.rows[0]?.['stock'], 6)
        const outside = await client.execute('SELECT stock FROM product WHERE id = 1')
        assert.equal(outside.rows[0]?.['stock'], 10)
        await transaction.commit()
        const committed = await client.execute('SELECT stock FROM product WHERE id = 1')
        assert.equal(committed.rows[0]?.['stock'], 6)
      }))

    test('an interactive transaction survives the error of a statement', () =>
      withClient(member, scheme, async (client) => {
        const transaction = await client.transaction('write')
        await transaction.execute('INSERT INTO sale (product_id, quantity) VALUES (1, 1)')
        await fails(
          transaction.execute('INSERT INTO sale (product_id, quantity) VALUES (1, 100)'),
          'SQLITE_CONSTRAINT',
          /CHECK constraint failed/,
        )
        await transaction.execute('INSERT INTO sale (product_id, quantity) VALUES (1, 2)')
        await transaction.commit()
        const { rows } = await client.execute('SELECT sum(quantity) AS sold FROM sale')
        assert.equal(rows[0]?.['sold'], 3)
      }))

    test('rolled back and abandoned transactions leave nothing', () =>
      withClient(member, scheme, async (client) => {
        const rolledBack = await client.transaction('write')
        await rolledBack.execute("INSERT INTO audit VALUES ('rolled back')")
        await rolledBack.rollback()
        const abandoned = await client.transaction('deferred')
        await abandoned.batch(["INSERT INTO audit VALUES ('abandoned')"])
        abandoned.close()
        const { rows } = await client.execute('SELECT count(*) AS n FROM audit')
        assert.equal(rows[0]?.['n'], 0)
      }))

    test('a read transaction sees one moment, and can not write', () =>
      withClient(member, scheme, async (client) => {
        const reader = await client.transaction('read')
        const count = async (): Promise<unknown> =>
          (await reader.execute('SELECT count(*) AS n FROM audit')).rows[0]?.['n']
        assert.equal(await count(), 0)
        await client.execute("INSERT INTO audit VALUES ('meanwhile')")
        assert.equal(await count(), 0)
        await assert.rejects(reader.execute("INSERT INTO audit VALUES ('no')"), { code: 'SQLITE_READONLY' })
        reader.close()
        assert.equal((await client.execute('SELECT count(*) AS n FROM audit')).rows[0]?.['n'], 1)
      }))

    test('writers at the same time: every increment counts', () =>
      withClient(member, scheme, async (client, url) => {
        const clients = [client, ...Array.from({ length: 3 }, () => createClient({ url }))]
        await client.execute('CREATE TABLE counter (n INTEGER NOT NULL)')
        await client.execute('INSERT INTO counter VALUES (0)')
        const increment = async (index: number): Promise<void> => {
          const own = clients[index % clients.length] as Client
          if (index % 3 === 0) {
            const transaction = await own.transaction('write')
            const { rows } = await transaction.execute('SELECT n FROM counter')
            await transaction.execute({ sql: 'UPDATE counter SET n = ?', args: [Number(rows[0]?.['n']) + 1] })
            await transaction.commit()
          } else if (index % 3 === 1) {
            await own.batch(['UPDATE counter SET n = n + 1'], 'write')
          } else {
            await own.execute('UPDATE counter SET n = n + 1')
          }
        }
        await Promise.all(Array.from({ length: 60 }, (_, index) => increment(index)))
        assert.equal((await client.execute('SELECT n FROM counter')).rows[0]?.['n'], 60)
        for (const other of clients.slice(1)) other.close()
      }))

    test('a large result', () =>
      withClient(member, scheme, async (client) => {
        const { rows } = await client.execute(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i, 'row ' || i FROM n",
        )
        assert.equal(rows.length, 20_000)
        assert.equal(rows[19_999]?.[1], 'row 20000')
      }))
  })
}
