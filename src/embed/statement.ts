/** A prepared read: synchronous, on the application's own thread, at the newest state that this process has. */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { columnsOf, isReadOnlyProgram, type ReadConnection } from '../engine/reader/read-connection.ts'
import { bindingOf, parametersOf, type ParameterLayout, valuesOf } from '../engine/parameters.ts'
import { splitStatements } from '../engine/sql-text.ts'
import type { HeldSnapshot } from './held-snapshot.ts'
import type { Parameter, Row } from './values.ts'
import { fromSqlValue, isNamed, toArguments, toSqlValue } from './values.ts'

type NodeArguments = Parameters<StatementSync['all']>

interface Compiled {
  readonly statement: StatementSync
  /** `HeldSnapshot.opened` that it was compiled on. */
  readonly opened: number
}

export class Statement<R = Row> {
  readonly sql: string
  readonly #snapshot: HeldSnapshot
  readonly #layout: ParameterLayout
  #compiled: Compiled

  /** Throws SQL_PARSE_ERROR, SQL_INPUT_ERROR, SQL_MANY_STATEMENTS, or READ_ONLY if it would write. */
  constructor(snapshot: HeldSnapshot, sql: string) {
    checkSingle(sql)
    this.sql = sql
    this.#snapshot = snapshot
    this.#layout = parametersOf(sql)
    this.#compiled = this.#compile()
  }

  /** Names of the columns, in order. */
  get columns(): readonly string[] {
    return columnsOf(this.#use()).map(({ name }) => name)
  }

  /** The first row; undefined if there is none. */
  get(...parameters: readonly Parameter[] | readonly [object]): R | undefined {
    const statement = this.#use()
    const bound = this.#bind(parameters)
    try {
      return statement.get(...bound) as R | undefined
    } catch (error) {
      return this.#again(error, statement, () => exactRow(statement.get(...bound)) as R | undefined)
    }
  }

  all(...parameters: readonly Parameter[] | readonly [object]): R[] {
    const statement = this.#use()
    const bound = this.#bind(parameters)
    try {
      return statement.all(...bound) as R[]
    } catch (error) {
      return this.#again(error, statement, () => statement.all(...bound).map((row) => exactRow(row) as R))
    }
  }

  /** Rows one by one, all of the state at the first of them, whatever is written meanwhile. Ends with the loop. */
  *iterate(...parameters: readonly Parameter[] | readonly [object]): Generator<R, void, void> {
    const connection = this.#snapshot.openAnother()
    try {
      const statement = prepared(connection, this.sql)
      statement.setReadBigInts(true)
      for (const row of statement.iterate(...this.#bind(parameters))) yield exactRow(row) as R
    } catch (error) {
      throw connection.toError(error)
    } finally {
      connection.close()
    }
  }

  #use(): StatementSync {
    const connection = this.#snapshot.use()
    if (this.#compiled.opened !== this.#snapshot.opened) this.#compiled = this.#compile(connection)
    return this.#compiled.statement
  }

  #compile(connection: ReadConnection = this.#snapshot.use()): Compiled {
    const statement = prepared(connection, this.sql)
    if (!isReadOnlyProgram(connection.program(this.sql))) throw writes(this.sql)
    return { statement, opened: this.#snapshot.opened }
  }

  #bind(parameters: readonly unknown[]): NodeArguments {
    const { names, isNamed: takesNames } = this.#layout
    if (!takesNames && parameters.length === names.length && !isNamed(parameters)) {
      // The way of nearly all reads: nothing to look up.
      return parameters.map((value, at) => toSqlValue(value, at + 1)) as NodeArguments
    }
    return bindingOf(this.#layout, valuesOf(this.#layout, toArguments(parameters))) as NodeArguments
  }

  /** `read` once more with exact integers, if the reason was one that a number can't hold. */
  #again<T>(error: unknown, statement: StatementSync, read: () => T): T {
    if ((error as { code?: unknown }).code !== 'ERR_OUT_OF_RANGE') throw this.#snapshot.use().toError(error)
    statement.setReadBigInts(true)
    try {
      return read()
    } finally {
      statement.setReadBigInts(false)
    }
  }
}

/** A client's statement, with rows as objects. */
function prepared(connection: ReadConnection, sql: string): StatementSync {
  const statement = connection.prepare(sql, 'run')
  statement.setReturnArrays(false)
  statement.setReadBigInts(false)
  return statement
}

/** `row`, which was read with bigints, with numbers where they are exact. */
function exactRow(row: unknown): unknown {
  if (row === undefined) return undefined
  const exact = row as Row
  for (const [name, value] of Object.entries(exact)) exact[name] = fromSqlValue(value)
  return exact
}

function checkSingle(sql: string): void {
  const count = splitStatements(sql).length
  if (count === 0) throw new HarmonyError('SQL_NO_STATEMENT', 'The text holds no statement.')
  if (count > 1)
    throw new HarmonyError(
      'SQL_MANY_STATEMENTS',
      `The text holds ${count} statements: prepare them one by one.`,
    )
}

function writes(sql: string): HarmonyError {
  const text = sql.length > 60 ? `${sql.slice(0, 57)}...` : sql
  return new HarmonyError(
    'READ_ONLY',
    `This statement writes, which takes a majority of the members and can't be synchronous: await db.execute() instead of db.prepare(). (${text})`,
  )
}
