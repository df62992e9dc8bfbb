/**
 * SQL values and statements as they travel through every layer.
 *
 * An INTEGER is always a `bigint` and a REAL always a `number`: 64-bit integers stay exact (promise P9),
 * and the two storage classes can't be confused, because `node:sqlite` binds a `number` as REAL and a
 * `bigint` as INTEGER. Protocols convert at their edge.
 */

/** One SQL value: NULL, INTEGER (`bigint`, 64 bits signed), REAL (`number`), TEXT or BLOB. */
export type SqlValue = null | bigint | number | string | Uint8Array

/** Values bound to a statement's parameters. `named` holds names without their `:`, `@` or `$` prefix. */
export interface SqlArguments {
  readonly positional: readonly SqlValue[]
  readonly named: readonly (readonly [name: string, value: SqlValue])[]
}

/** One SQL statement with the values bound to it. */
export interface SqlStatement {
  readonly sql: string
  readonly args: SqlArguments
}

/** A column of a result: its name, and the type it was declared with in its table (null for expressions). */
export interface ResultColumn {
  readonly name: string
  readonly declaredType: string | null
}

/** What one statement gave. */
export interface StatementResult {
  readonly columns: readonly ResultColumn[]
  readonly rows: readonly (readonly SqlValue[])[]
  /** Rows inserted, updated or deleted by this statement itself, as `changes()` tells. 0 for reads. */
  readonly changes: bigint
  /** The rowid that `last_insert_rowid()` tells after this statement; null if nothing was inserted yet. */
  readonly lastInsertRowid: bigint | null
}

export const NO_ARGUMENTS: SqlArguments = { positional: [], named: [] }

export const INT64_MIN: bigint = -(2n ** 63n)
export const INT64_MAX: bigint = 2n ** 63n - 1n
