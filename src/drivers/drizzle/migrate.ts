/** Migrations that drizzle-kit has written. */

import { type MigrationConfig, type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import { HarmonyError } from '../../base/errors.ts'
import type { Database } from '../../embed/database.ts'
import type { Transaction } from '../../embed/transaction.ts'

const DEFAULT_TABLE = '__drizzle_migrations'

/**
 * Runs what has not been run yet, all or nothing, with foreign keys off, and checks them at the end. Processes that start at the same time run it once: the transaction has the database's
 * writer before it looks what there is to do. The table is the one that Drizzle's own migrators use.
 */
export async function migrate(
  { $client }: { readonly $client: Database },
  config: Pick<MigrationConfig, 'migrationsFolder' | 'migrationsTable'>,
): Promise<void> {
  const migrations = readMigrationFiles(config)
  const table = `"${(config.migrationsTable ?? DEFAULT_TABLE).replaceAll('"', '""')}"`
  // drizzle-kit rebuilds tables by DROP TABLE, which would delete what refers to their rows.
  const options = { mode: 'immediate', foreignKeys: false } as const
  await $client.transaction(async (transaction) => {
    await runMissing(transaction, migrations, table)
    await refuseBrokenKeys(transaction)
  }, options)
}

async function runMissing(
  transaction: Transaction,
  migrations: readonly MigrationMeta[],
  table: string,
): Promise<void> {
  await transaction.execute(
    `CREATE TABLE IF NOT EXISTS ${table} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)`,
  )
  const last = await transaction.get<{ at: number }>(`SELECT max(created_at) AS at FROM ${table}`)
  for (const { sql, hash, folderMillis } of migrations) {
    if (folderMillis <= (last?.at ?? -1)) continue
    for (const statement of sql) await transaction.execute(statement)
    await transaction.execute(`INSERT INTO ${table} (hash, created_at) VALUES (?, ?)`, [hash, folderMillis])
  }
}

/** Rejects with SQLITE_CONSTRAINT_FOREIGNKEY if a row refers to one that is not there. */
async function refuseBrokenKeys(transaction: Transaction): Promise<void> {
  const broken = await transaction.get<{ table: string; parent: string }>('PRAGMA foreign_key_check')
  if (broken !== undefined)
    throw new HarmonyError(
      'SQLITE_CONSTRAINT_FOREIGNKEY',
      `After these migrations a row of ${broken.table} would refer to one of ${broken.parent} that is not there: nothing was done.`,
    )
}
