/**
 * `drizzleReader(db)`: Drizzle's synchronous SQLite database, for reads in the application's own thread: `.get()`, `.all()` and `.values()`
 * give their rows at once. What writes throws READ_ONLY. `transaction` gives several reads one state.
 */

import type { Logger } from 'drizzle-orm/logger'
import type {
  ExtractTablesWithRelations,
  RelationalSchemaConfig,
  TablesRelationalConfig,
} from 'drizzle-orm/relations'
import { fillPlaceholders, type Query } from 'drizzle-orm/sql'
import { BaseSQLiteDatabase, SQLiteSyncDialect, SQLiteTransaction } from 'drizzle-orm/sqlite-core'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core/query-builders/select.types'
import {
  type PreparedQueryConfig,
  type SQLiteExecuteMethod,
  SQLitePreparedQuery,
  SQLiteSession,
} from 'drizzle-orm/sqlite-core/session'
import { HarmonyError } from '../../base/errors.ts'
import type { Database } from '../../embed/database.ts'
import type { Statement } from '../../embed/statement.ts'
import type { Parameter } from '../../embed/values.ts'
import { LocalReads } from '../local-reads.ts'
import type { HarmonyDrizzleConfig } from './database.ts'
import { loggerOf, relationalSchema } from './database.ts'
import { mapFirst, mapRows, type RowMapper } from './row-mapper.ts'

type Placeholders = Record<string, unknown>

export type HarmonyDrizzleReader<TSchema extends Record<string, unknown> = Record<string, never>> =
  BaseSQLiteDatabase<'sync', never, TSchema>

export function drizzleReader<TSchema extends Record<string, unknown> = Record<string, never>>(
  client: Database,
  config: Omit<HarmonyDrizzleConfig<TSchema>, 'reads'> = {},
): HarmonyDrizzleReader<TSchema> {
  const dialect = new SQLiteSyncDialect(config.casing === undefined ? {} : { casing: config.casing })
  const schema = relationalSchema(config.schema)
  const session = new ReaderSession<TSchema, ExtractTablesWithRelations<TSchema>>(
    dialect,
    schema,
    client,
    loggerOf(config.logger),
  )
  return new BaseSQLiteDatabase('sync', dialect, session, schema)
}

class ReaderSession<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteSession<'sync', never, TFullSchema, TSchema> {
  readonly #dialect: SQLiteSyncDialect
  readonly #schema: RelationalSchemaConfig<TSchema> | undefined
  readonly #client: Database
  readonly #reads: LocalReads
  readonly #logger: Logger

  constructor(
    dialect: SQLiteSyncDialect,
    schema: RelationalSchemaConfig<TSchema> | undefined,
    client: Database,
    logger: Logger,
  ) {
    super(dialect)
    this.#dialect = dialect
    this.#schema = schema
    this.#client = client
    this.#reads = new LocalReads(client)
    this.#logger = logger
  }

  override prepareQuery(
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    method: SQLiteExecuteMethod,
    _isResponseInArrayMode: boolean,
    mapper?: RowMapper,
  ): ReaderQuery<PreparedQueryConfig> {
    return new ReaderQuery(this.#reads, this.#logger, query, fields, method, mapper)
  }

  /** All reads inside of `work` see one state. */
  override transaction<T>(work: (transaction: ReaderTransaction<TFullSchema, TSchema>) => T): T {
    return this.#client.snapshot(() =>
      work(new ReaderTransaction<TFullSchema, TSchema>('sync', this.#dialect, this, this.#schema)),
    )
  }
}

class ReaderTransaction<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteTransaction<'sync', never, TFullSchema, TSchema> {
  /** It sees the same state already. */
  override transaction<T>(
    work: (transaction: SQLiteTransaction<'sync', never, TFullSchema, TSchema>) => T,
  ): T {
    return work(this)
  }
}

class ReaderQuery<T extends PreparedQueryConfig> extends SQLitePreparedQuery<{
  type: 'sync'
  run: never
  all: T['all']
  get: T['get']
  values: T['values']
  execute: T['execute']
}> {
  /** Drizzle sets it after it has made the query. */
  declare joinsNotNullableMap: Record<string, boolean> | undefined
  readonly #reads: LocalReads
  readonly #logger: Logger
  readonly #fields: SelectedFieldsOrdered | undefined
  readonly #mapper: RowMapper | undefined

  constructor(
    reads: LocalReads,
    logger: Logger,
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    method: SQLiteExecuteMethod,
    mapper: RowMapper | undefined,
  ) {
    super('sync', method, query)
    this.#reads = reads
    this.#logger = logger
    this.#fields = fields
    this.#mapper = mapper
  }

  override run(): never {
    throw writes(this.query.sql)
  }

  override all(placeholders?: Placeholders): T['all'] {
    const [statement, values] = this.#bound(placeholders)
    if (this.#isRaw) return statement.all(...values)
    return mapRows(statement.values(...values), this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  override get(placeholders?: Placeholders): T['get'] {
    const [statement, values] = this.#bound(placeholders)
    if (this.#isRaw) return statement.get(...values)
    return mapFirst(statement.values(...values), this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  override values(placeholders?: Placeholders): T['values'] {
    const [statement, values] = this.#bound(placeholders)
    return statement.values(...values)
  }

  get #isRaw(): boolean {
    return this.#fields === undefined && this.#mapper === undefined
  }

  #bound(placeholders: Placeholders = {}): [Statement, Parameter[]] {
    const { sql, params } = this.query
    const values = fillPlaceholders(params, placeholders) as Parameter[]
    this.#logger.logQuery(sql, values)
    const statement = this.#reads.find(sql)
    if (statement === null) throw writes(sql)
    return [statement, values]
  }
}

function writes(sql: string): HarmonyError {
  return new HarmonyError(
    'READ_ONLY',
    `drizzleReader() only reads; what writes takes a majority of the members, so await it with drizzle(). (${sql.slice(0, 60)})`,
  )
}
