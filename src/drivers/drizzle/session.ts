/** Drizzle's session: where its statements go, and its transactions. */

import type { BatchItem } from 'drizzle-orm/batch'
import type { Logger } from 'drizzle-orm/logger'
import type { RelationalSchemaConfig, TablesRelationalConfig } from 'drizzle-orm/relations'
import { type Query, sql } from 'drizzle-orm/sql'
import type { SQLiteAsyncDialect, SQLiteTransactionConfig } from 'drizzle-orm/sqlite-core'
import { SQLiteTransaction } from 'drizzle-orm/sqlite-core'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core/query-builders/select.types'
import {
  type PreparedQueryConfig,
  type SQLiteExecuteMethod,
  SQLiteSession,
} from 'drizzle-orm/sqlite-core/session'
import { must } from '../../base/assert.ts'
import type { Result } from '../../embed/result.ts'
import type { Parameter, Row, Value } from '../../embed/values.ts'
import { HeldTransaction } from '../held-transaction.ts'
import type { Executor } from './executor.ts'
import { HarmonyPreparedQuery } from './prepared-query.ts'
import type { RowMapper } from './row-mapper.ts'

/** What every statement of Drizzle's can, though its types leave it away. */
interface Preparable {
  _prepare(): HarmonyPreparedQuery<PreparedQueryConfig>
}

export class HarmonySession<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteSession<'async', Result, TFullSchema, TSchema> {
  readonly #dialect: SQLiteAsyncDialect
  readonly #schema: RelationalSchemaConfig<TSchema> | undefined
  readonly #executor: Executor
  readonly #logger: Logger

  constructor(
    dialect: SQLiteAsyncDialect,
    schema: RelationalSchemaConfig<TSchema> | undefined,
    executor: Executor,
    logger: Logger,
  ) {
    super(dialect)
    this.#dialect = dialect
    this.#schema = schema
    this.#executor = executor
    this.#logger = logger
  }

  override prepareQuery(
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    executeMethod: SQLiteExecuteMethod,
    _isResponseInArrayMode: boolean,
    mapRows?: RowMapper,
  ): HarmonyPreparedQuery<PreparedQueryConfig> {
    return new HarmonyPreparedQuery(this.#executor, this.#logger, query, fields, executeMethod, mapRows)
  }

  /** All or nothing. Each statement's result is in the form in which it would come by itself. */
  async batch(items: readonly BatchItem<'sqlite'>[]): Promise<unknown[]> {
    const queries = items.map((item) => (item as unknown as Preparable)._prepare())
    const statements = queries.map((query) => {
      const { sql: text, params } = query.getQuery()
      this.#logger.logQuery(text, params)
      return { sql: text, parameters: params as Parameter[] }
    })
    const results = await this.#executor.client.batch<Value[]>(statements, { rowsAs: 'arrays' })
    return results.map((result, at) => must(queries[at]).mapResult(result, true))
  }

  /** Drizzle asks for this and the next two to find the rows of plain SQL in a batch. */
  extractRawAllValueFromBatchResult(result: unknown): Row[] {
    const { columns, rows } = result as Result<Value[]>
    return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])))
  }

  extractRawGetValueFromBatchResult(result: unknown): Row | undefined {
    return this.extractRawAllValueFromBatchResult(result)[0]
  }

  extractRawValuesValueFromBatchResult(result: unknown): Value[][] {
    return (result as Result<Value[]>).rows
  }

  override async transaction<T>(
    work: (transaction: HarmonyTransaction<TFullSchema, TSchema>) => Promise<T>,
    { behavior = 'immediate' }: SQLiteTransactionConfig = {},
  ): Promise<T> {
    const mode = behavior === 'deferred' ? 'deferred' : 'immediate'
    const held = await HeldTransaction.begin(this.#executor.client, { mode })
    const executor = { ...this.#executor, transaction: held.transaction }
    const session = new HarmonySession<TFullSchema, TSchema>(
      this.#dialect,
      this.#schema,
      executor,
      this.#logger,
    )
    let value: T
    try {
      value = await work(new HarmonyTransaction(this.#dialect, session, this.#schema, 0))
    } catch (error) {
      await held.rollback()
      throw error
    }
    await held.commit()
    return value
  }
}

export class HarmonyTransaction<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends SQLiteTransaction<'async', Result, TFullSchema, TSchema> {
  readonly #dialect: SQLiteAsyncDialect
  readonly #session: HarmonySession<TFullSchema, TSchema>

  constructor(
    dialect: SQLiteAsyncDialect,
    session: HarmonySession<TFullSchema, TSchema>,
    schema: RelationalSchemaConfig<TSchema> | undefined,
    depth: number,
  ) {
    super('async', dialect, session, schema, depth)
    this.#dialect = dialect
    this.#session = session
  }

  /** A savepoint: what was done inside is undone if `work` rejects, and this transaction goes on. */
  override async transaction<T>(
    work: (transaction: SQLiteTransaction<'async', Result, TFullSchema, TSchema>) => Promise<T>,
  ): Promise<T> {
    const depth = this.nestedIndex + 1
    const name = sql.raw(`nested_${depth}`)
    await this.run(sql`SAVEPOINT ${name}`)
    try {
      const value = await work(new HarmonyTransaction(this.#dialect, this.#session, this.schema, depth))
      await this.run(sql`RELEASE ${name}`)
      return value
    } catch (error) {
      await this.run(sql`ROLLBACK TO ${name}`)
      await this.run(sql`RELEASE ${name}`)
      throw error
    }
  }
}
