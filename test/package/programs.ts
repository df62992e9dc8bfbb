/** Programs of somebody who has installed the package. */

export const JAVASCRIPT = `
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'harmonydb/drizzle'
import { sql } from 'drizzle-orm'
import { HarmonyDialect } from 'harmonydb/kysely'
import { Kysely } from 'kysely'
import { open } from 'harmonydb'

const folder = mkdtempSync(join(tmpdir(), 'harmonydb-installed-'))
const db = await open(folder, { http: '127.0.0.1:0', pg: '127.0.0.1:0' })
await db.execute('CREATE TABLE t (x TEXT)')
await db.execute('INSERT INTO t VALUES (?)', ['embedded'])
const kysely = new Kysely({ dialect: new HarmonyDialect({ database: db }) })
await kysely.insertInto('t').values({ x: 'kysely' }).execute()
await drizzle(db).run(sql\`INSERT INTO t VALUES ('drizzle')\`)
await db.bucket('sessions').put('key', { is: 'a value' })
const response = await fetch('http://' + db.httpAddress + '/health')
console.log(db.prepare('SELECT x FROM t ORDER BY rowid').all().map(({ x }) => x).join(' '), (await response.json()).status)
await db.close()
rmSync(folder, { recursive: true })
`

/** What it prints. */
export const JAVASCRIPT_OUTPUT = 'embedded kysely drizzle ok\n'

export const TYPESCRIPT = `
import { HarmonyError, open, type Database, type HarmonyDB, type Result, type Statement } from 'harmonydb'
import { drizzle, drizzleReader, type HarmonyDrizzle } from 'harmonydb/drizzle'
import { HarmonyDialect } from 'harmonydb/kysely'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { Kysely, type Generated } from 'kysely'

interface User { id: number; name: string }
const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() })

export async function use(folder: string): Promise<string> {
  await using db: HarmonyDB = await open(folder, { http: '127.0.0.1:0' })
  const other: Database = await db.createDatabase('other')
  const byId: Statement<User> = other.prepare<User>('SELECT id, name FROM users WHERE id = ?')
  const name: string | undefined = byId.get(1)?.name
  const result: Result<User> = await db.execute<User>('SELECT id, name FROM users')
  const moved: number = await db.transaction(async (tx) => (await tx.all<User>('SELECT * FROM users')).length)
  const kysely = new Kysely<{ users: { id: Generated<number>; name: string } }>({ dialect: new HarmonyDialect({ database: db }) })
  const rows: { name: string }[] = await kysely.selectFrom('users').select('name').execute()
  const orm: HarmonyDrizzle<{ users: typeof users }> = drizzle(db, { schema: { users } })
  const found: { name: string } | undefined = await orm.query.users.findFirst({ columns: { name: true } })
  const sync: { id: number; name: string } | undefined = drizzleReader(db).select().from(users).get()
  for await (const _ of db.watch({ signal: AbortSignal.timeout(1) })) break
  // @ts-expect-error: parameters are values
  await db.execute('SELECT ?', [new Date()])
  // @ts-expect-error: a row is what its type says
  result.rows[0]?.age
  try {
    await db.execute('nonsense')
  } catch (error) {
    if (error instanceof HarmonyError && error.code === 'SQL_PARSE_ERROR') return error.message
  }
  return [name, moved, rows[0]?.name, found?.name, sync?.name].join()
}
`
