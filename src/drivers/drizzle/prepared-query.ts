/** One statement of Drizzle's, asynchronous. */

import { DrizzleQueryError } from 'drizzle-orm/errors'
import type { Logger } from 'drizzle-orm/logger'
import { fillPlaceholders, type Query } from 'drizzle-orm/sql'
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core/query-builders/select.types'
import {
  type PreparedQueryConfig,
  type SQLiteExecuteMethod,
  SQLitePreparedQuery,
} from 'drizzle-orm/sqlite-core/session'
import type { Result } from '../../embed/result.ts'
import type { Parameter, Value } from '../../embed/values.ts'
import { type Executor, objectsOf, run, valuesOf } from './executor.ts'
import { mapFirst, mapRows, type RowMapper } from './row-mapper.ts'

type Placeholders = Record<string, unknown>

export class HarmonyPreparedQuery<T extends PreparedQueryConfig> extends SQLitePreparedQuery<{
  type: 'async'
  run: Result
  all: T['all']
  get: T['get']
  values: T['values']
  execute: T['execute']
}> {
  /** Drizzle sets it after it has made the query. */
  declare joinsNotNullableMap: Record<string, boolean> | undefined
  readonly #executor: Executor
  readonly #logger: Logger
  readonly #fields: SelectedFieldsOrdered | undefined
  readonly #mapper: RowMapper | undefined

  constructor(
    executor: Executor,
    logger: Logger,
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    method: SQLiteExecuteMethod,
    mapper: RowMapper | undefined,
  ) {
    super('async', method, query)
    this.#executor = executor
    this.#logger = logger
    this.#fields = fields
    this.#mapper = mapper
  }

  override run(placeholders?: Placeholders): Promise<Result> {
    return this.#ask(run, placeholders)
  }

  override async all(placeholders?: Placeholders): Promise<T['all']> {
    if (this.#isRaw) return this.#ask(objectsOf, placeholders)
    const rows = await this.#ask(valuesOf, placeholders)
    return mapRows(rows, this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  override async get(placeholders?: Placeholders): Promise<T['get']> {
    if (this.#isRaw) return (await this.#ask(objectsOf, placeholders))[0]
    const rows = await this.#ask(valuesOf, placeholders)
    return mapFirst(rows, this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  override async values(placeholders?: Placeholders): Promise<T['values']> {
    return this.#ask(valuesOf, placeholders)
  }

  /** Of a statement in a batch, whose rows come as lists: as it would come by itself. */
  override mapAllResult(result: unknown): unknown {
    const { rows } = result as Result<Value[]>
    return mapRows(rows, this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  /** As `mapAllResult`, for the first row. */
  override mapGetResult(result: unknown): unknown {
    const { rows } = result as Result<Value[]>
    return mapFirst(rows, this.#fields, this.#mapper, this.joinsNotNullableMap)
  }

  /** A text that Drizzle knows no columns of. */
  get #isRaw(): boolean {
    return this.#fields === undefined && this.#mapper === undefined
  }

  /** Rejects with a DrizzleQueryError, whose `cause` is the HarmonyError. */
  async #ask<V>(
    how: (executor: Executor, sql: string, values: Parameter[]) => Promise<V>,
    placeholders: Placeholders = {},
  ): Promise<V> {
    const { sql } = this.query
    const values = fillPlaceholders(this.query.params, placeholders) as Parameter[]
    this.#logger.logQuery(sql, values)
    try {
      return await how(this.#executor, sql, values)
    } catch (error) {
      throw new DrizzleQueryError(sql, values, error as Error)
    }
  }
}
