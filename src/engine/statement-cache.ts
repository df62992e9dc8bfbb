/**
 * Compiled statements of clients with what is known of them, the most recently used ones. What is known depends on the
 * schema (triggers, foreign keys, views), so every change of the schema, and every rollback of one, empties the cache.
 */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import type { ResultColumn } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'
import { parametersOf } from './parameters.ts'
import type { ParameterLayout } from './parameters.ts'
import type { StatementFacts, WritePolicy } from './policy.ts'
import { canChangeManyRows } from './program.ts'
import { type RowidEffect, rowidEffect } from './rowid-effect.ts'
import { splitStatements } from './sql-text.ts'
import { fromSqlite } from './sqlite-errors.ts'

export interface PreparedStatement {
  readonly sql: string
  readonly statement: StatementSync
  readonly facts: StatementFacts
  readonly layout: ParameterLayout
  readonly columns: readonly ResultColumn[]
  /** See `program.ts`. Worked out when first asked for. */
  readonly canChangeMany: () => boolean
  readonly rowidEffect: RowidEffect
}

const STATEMENTS_MAX = 2_000
/** Longer texts hold their values themselves and rarely come again. */
const KEPT_LENGTH_MAX = 16_384

function oneStatement(sql: string, lengthBytesMax: number): string {
  if (sql.length > lengthBytesMax || Buffer.byteLength(sql) > lengthBytesMax) {
    throw new HarmonyError(
      'STATEMENT_TOO_LARGE',
      `The statement is longer than the limit of ${lengthBytesMax} bytes`,
    )
  }
  if (sql.includes('\0')) throw new HarmonyError('SQL_PARSE_ERROR', 'The statement holds a NUL character')
  const statements = splitStatements(sql)
  if (statements.length > 1) {
    throw new HarmonyError(
      'SQL_MANY_STATEMENTS',
      'Several statements were given where one was expected: send them one by one',
    )
  }
  const first = statements[0]
  if (first === undefined) throw new HarmonyError('SQL_NO_STATEMENT', 'The text holds no statement')
  return first.sql
}

export class StatementCache {
  readonly #connection: WriterConnection
  readonly #policy: WritePolicy
  readonly #isQuickOnly: boolean
  /** By the setting of foreign keys, which decides what a statement reaches. */
  readonly #kept = { on: new Map<string, PreparedStatement>(), off: new Map<string, PreparedStatement>() }
  #statements = this.#kept.on

  constructor(connection: WriterConnection, policy: WritePolicy, isQuickOnly: boolean) {
    this.#connection = connection
    this.#policy = policy
    this.#isQuickOnly = isQuickOnly
  }

  /** `sql` as it may run on the writer. Throws what refuses it. */
  prepare(sql: string, lengthBytesMax: number): PreparedStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const prepared = this.#compile(sql, lengthBytesMax)
    if (!prepared.facts.isPragma && !prepared.facts.isSchemaChange) this.#keep(sql, prepared)
    return prepared
  }

  /** From here on statements are compiled with foreign keys enforced, or not. */
  setForeignKeys(isOn: boolean): void {
    this.#statements = isOn ? this.#kept.on : this.#kept.off
  }

  clear(): void {
    this.#kept.on.clear()
    this.#kept.off.clear()
  }

  #keep(sql: string, prepared: PreparedStatement): void {
    if (sql.length > KEPT_LENGTH_MAX) return
    this.#statements.set(sql, prepared)
    if (this.#statements.size <= STATEMENTS_MAX) return
    for (const oldest of this.#statements.keys()) {
      this.#statements.delete(oldest)
      return
    }
  }

  #compile(text: string, lengthBytesMax: number): PreparedStatement {
    const sql = oneStatement(text, lengthBytesMax)
    const layout = parametersOf(sql)
    try {
      let canChangeMany: boolean | null = null
      const { compiled, facts } = this.#policy.judge(sql, () => this.#connection.database.prepare(sql))
      return {
        sql,
        statement: compiled,
        facts,
        layout,
        columns: compiled.columns().map(({ name, type }) => ({ name, declaredType: type })),
        canChangeMany: () => (canChangeMany ??= this.#canChangeMany(sql)),
        rowidEffect: this.#isQuickOnly ? rowidEffect(this.#connection.program(sql)) : 'unknown',
      }
    } catch (error) {
      throw fromSqlite(error)
    }
  }

  #canChangeMany(sql: string): boolean {
    if (this.#isQuickOnly) return false
    const program = this.#connection.explain(sql)
    return program === null || canChangeManyRows(sql, program)
  }
}
