/** `drizzle(db)`: Drizzle's asynchronous SQLite database on the embedded one. */

import type { DrizzleConfig } from 'drizzle-orm'
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch'
import { DefaultLogger, type Logger, NoopLogger } from 'drizzle-orm/logger'
import {
  createTableRelationsHelpers,
  extractTablesRelationalConfig,
  type ExtractTablesWithRelations,
  type RelationalSchemaConfig,
  type TablesRelationalConfig,
} from 'drizzle-orm/relations'
import { BaseSQLiteDatabase, SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../embed/database.ts'
import type { Result } from '../../embed/result.ts'
import { LocalReads, type ReadMode } from '../local-reads.ts'
import { HarmonySession } from './session.ts'

export interface HarmonyDrizzleConfig<
  TSchema extends Record<string, unknown> = Record<string, never>,
> extends Pick<DrizzleConfig<TSchema>, 'casing' | 'logger' | 'schema'> {
  /** Of reads outside of transactions. `local`: in this thread, in microseconds, of what has arrived here. Default `linearizable`. */
  readonly reads?: ReadMode
}

export class HarmonyDrizzle<
  TSchema extends Record<string, unknown> = Record<string, never>,
> extends BaseSQLiteDatabase<'async', Result, TSchema> {
  readonly $client: Database
  readonly #session: HarmonySession<TSchema, ExtractTablesWithRelations<TSchema>>

  /** @internal */
  constructor(
    client: Database,
    dialect: SQLiteAsyncDialect,
    session: HarmonySession<TSchema, ExtractTablesWithRelations<TSchema>>,
    schema: RelationalSchemaConfig<ExtractTablesWithRelations<TSchema>> | undefined,
  ) {
    super('async', dialect, session, schema)
    this.$client = client
    this.#session = session
  }

  /** All of the statements or none of them, in one round trip. */
  batch<U extends BatchItem<'sqlite'>, T extends Readonly<[U, ...U[]]>>(
    statements: T,
  ): Promise<BatchResponse<T>> {
    return this.#session.batch(statements) as Promise<BatchResponse<T>>
  }
}

export function drizzle<TSchema extends Record<string, unknown> = Record<string, never>>(
  client: Database,
  config: HarmonyDrizzleConfig<TSchema> = {},
): HarmonyDrizzle<TSchema> {
  const { reads = 'linearizable', casing } = config
  const dialect = new SQLiteAsyncDialect(casing === undefined ? {} : { casing })
  const schema = relationalSchema(config.schema)
  const executor = { client, local: reads === 'local' ? new LocalReads(client) : null, transaction: null }
  const session = new HarmonySession<TSchema, ExtractTablesWithRelations<TSchema>>(
    dialect,
    schema,
    executor,
    loggerOf(config.logger),
  )
  return new HarmonyDrizzle<TSchema>(client, dialect, session, schema)
}

export function loggerOf(logger: boolean | Logger | undefined): Logger {
  if (logger === true) return new DefaultLogger()
  return logger === false || logger === undefined ? new NoopLogger() : logger
}

export function relationalSchema<TSchema extends Record<string, unknown>>(
  fullSchema: TSchema | undefined,
): RelationalSchemaConfig<ExtractTablesWithRelations<TSchema>> | undefined {
  if (fullSchema === undefined) return undefined
  const { tables, tableNamesMap } = extractTablesRelationalConfig<TablesRelationalConfig>(
    fullSchema,
    createTableRelationsHelpers,
  )
  return { fullSchema, schema: tables as ExtractTablesWithRelations<TSchema>, tableNamesMap }
}
