/**
 * From a text to a prepared statement. Most drivers prepare the same few texts again for each execution, so that a text whose plan is known gets it
 * at once; what has to look at the schema, or to ask SQLite, makes a promise.
 */

import type { Session } from '../../../gateway/session.ts'
import type { ParsedStatement } from '../dialect/compiler.ts'
import type { DatabaseDialect } from '../dialect/database-dialect.ts'
import { PgError } from '../error.ts'
import { PreparedStatement, type PreparedStore } from './prepared.ts'
import type { SessionTables } from './session-tables.ts'
import type { Settings } from './settings.ts'
import type { TransactionState } from './transaction.ts'

export interface PreparingParts {
  readonly session: Session
  readonly dialect: DatabaseDialect
  readonly settings: Settings
  readonly tables: SessionTables
  readonly transaction: TransactionState
  readonly store: PreparedStore
}

export class Preparing {
  readonly #parts: PreparingParts

  constructor(parts: PreparingParts) {
    this.#parts = parts
  }

  /** In the dialect that the session speaks. */
  parse(sql: string): readonly ParsedStatement[] {
    const { dialect, settings } = this.#parts
    return settings.find('harmonydb.dialect') === 'sqlite' ? dialect.parseNative(sql) : dialect.parse(sql)
  }

  async compile(
    name: string,
    parsed: ParsedStatement,
    types: readonly number[],
    sql: string = parsed.text,
  ): Promise<PreparedStatement> {
    const { dialect, session, settings, tables } = this.#parts
    const { consistency } = parsed
    const { generation } = dialect
    session.consistency = consistency ?? settings.consistency
    const compiled = await dialect.compile(parsed, types, tables.asking())
    return new PreparedStatement(name, sql, compiled, consistency, generation)
  }

  /** Adds it to the store; null when that is done. Throws and rejects with PgError or HarmonyError. */
  prepare(name: string, sql: string, types: readonly number[]): Promise<void> | null {
    const { dialect, store, tables, transaction } = this.#parts
    const statements = this.parse(sql)
    if (statements.length > 1)
      throw new PgError('42601', 'cannot insert multiple commands into a prepared statement')
    const parsed = statements[0] ?? dialect.emptyStatement
    transaction.checkNotFailed(parsed.isTransactionExit)
    // What only SQLite may understand has to be shown to it.
    if (parsed.tree === null && parsed !== dialect.emptyStatement)
      return this.#prepareUnknown(name, sql, parsed, types)
    const compiled = dialect.compileNow(parsed, types, tables.asking())
    if (compiled === null) return this.#prepareLater(name, sql, parsed, types)
    store.addStatement(new PreparedStatement(name, sql, compiled, parsed.consistency, dialect.generation))
    return null
  }

  async #prepareUnknown(
    name: string,
    sql: string,
    parsed: ParsedStatement,
    types: readonly number[],
  ): Promise<void> {
    const { dialect, session } = this.#parts
    await dialect.checkSyntax([parsed], session)
    await this.#prepareLater(name, sql, parsed, types)
  }

  async #prepareLater(
    name: string,
    sql: string,
    parsed: ParsedStatement,
    types: readonly number[],
  ): Promise<void> {
    this.#parts.store.addStatement(await this.compile(name, parsed, types, sql))
  }
}
