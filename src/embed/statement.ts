/** A prepared read: synchronous, on the application's own thread, at the newest state that this process has. */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import type { SqlValue } from '../base/value.ts'
import { columnsOf, isReadOnlyProgram, type ReadConnection } from '../engine/reader/read-connection.ts'
import { bindingOf, parametersOf, type ParameterLayout, valuesOf } from '../engine/parameters.ts'
import { splitStatements } from '../engine/sql-text.ts'
import { Answers } from './answers.ts'
import type { HeldSnapshot } from './held-snapshot.ts'
import { numberParameters } from './number-parameters.ts'
import { isRepeatable } from './repeatable.ts'
import { exactValues, type RowMaker, rowMaker } from './row-shape.ts'
import type { Parameter, Row, Value } from './values.ts'
import { checkText, isNamed, toArguments, toSqlValue } from './values.ts'

type NodeArguments = Parameters<StatementSync['all']>
type Values = readonly SqlValue[]

/** The statement under one schema of one file. */
interface Compiled {
  readonly statement: StatementSync
  readonly make: RowMaker
  /** Which parameters take a number as it is. */
  readonly takesNumber: readonly boolean[]
  /** Its parameters have no names. */
  readonly isPlain: boolean
  /** One parameter, without a name, that takes a number as it is. */
  readonly takesOneNumber: boolean
  readonly isRepeatable: boolean
  /** Of `get`, by its only parameter; null where they can not be remembered. */
  readonly answers: Answers | null
  /** `HeldSnapshot.generation` that it was compiled in. */
  readonly generation: number
  /** Rows with integers that no number holds were met: it reads bigints now, and what a number does hold is made one. */
  isWide: boolean
}

export class Statement<R = Row> {
  readonly sql: string
  readonly #snapshot: HeldSnapshot
  readonly #layout: ParameterLayout
  #compiled: Compiled

  /** Throws ARGS_INVALID, SQL_PARSE_ERROR, SQLITE_ERROR for a name that is not there, SQL_MANY_STATEMENTS, or READ_ONLY if it would write. @internal */
  constructor(snapshot: HeldSnapshot, sql: string) {
    checkSingle(sql)
    this.sql = sql
    this.#snapshot = snapshot
    this.#layout = parametersOf(sql)
    this.#compiled = this.#compile(snapshot.use())
  }

  /** Names of the columns, in order. */
  get columns(): readonly string[] {
    return namesOf(this.#use().statement)
  }

  /** Whether its answers depend on nothing but the state of the database and its parameters. @internal */
  get isRepeatable(): boolean {
    return this.#use().isRepeatable
  }

  /** How often `get` had to ask SQLite, under the schema of now. 0 where nothing is remembered. @internal */
  get misses(): number {
    return this.#compiled.answers?.misses ?? 0
  }

  /** The first row; undefined if there is none. */
  get(...parameters: readonly Parameter[] | readonly [object]): R | undefined {
    const compiled = this.#use()
    const { answers } = compiled
    if (answers === null || parameters.length !== 1)
      return this.#rowOf(compiled, this.#ask(compiled, parameters))
    const key: unknown = parameters[0]
    const known = answers.find(key)
    if (known !== undefined) return known.length === 1 ? undefined : (compiled.make(known) as R)
    const values = this.#ask(compiled, parameters)
    answers.note(key, values, this.#snapshot.renewals)
    return this.#rowOf(compiled, values)
  }

  all(...parameters: readonly Parameter[] | readonly [object]): R[] {
    const compiled = this.#use()
    return this.#rows(compiled, parameters).map(compiled.make) as R[]
  }

  /** All rows as lists of values, in the order of the columns: for results in which several columns have one name. */
  values(...parameters: readonly Parameter[] | readonly [object]): Value[][] {
    return this.#rows(this.#use(), parameters) as Value[][]
  }

  /** Rows one by one, all of the state at the first of them, whatever is written meanwhile. Ends with the loop. */
  *iterate(...parameters: readonly Parameter[] | readonly [object]): Generator<R, void, void> {
    // Another connection would not see the state that is held.
    if (this.#snapshot.isPinned) yield* this.all(...parameters)
    else yield* this.#iterateApart(parameters)
  }

  *#iterateApart(parameters: readonly unknown[]): Generator<R, void, void> {
    const apart = this.#snapshot.borrow()
    const { connection } = apart
    let rows: IterableIterator<Values> | null = null
    try {
      const statement = connection.prepare(this.sql, 'run')
      const bound = this.#bind(null, parameters) as NodeArguments
      let make: RowMaker | null = null
      rows = statement.iterate(...bound) as unknown as IterableIterator<Values>
      for (const row of rows) {
        make ??= rowMaker(namesOf(statement))
        yield make(exactValues(row)) as R
      }
    } catch (error) {
      // node:sqlite leaves a statement whose step has failed in progress, and the connection's transaction with it.
      rows?.return?.()
      throw connection.toError(error)
    } finally {
      this.#snapshot.giveBack(apart)
    }
  }

  #use(): Compiled {
    const connection = this.#snapshot.use()
    if (this.#compiled.generation !== this.#snapshot.generation) this.#compiled = this.#compile(connection)
    return this.#compiled
  }

  #compile(connection: ReadConnection): Compiled {
    const statement = connection.prepare(this.sql, 'run')
    const program = connection.program(this.sql)
    if (!isReadOnlyProgram(program)) throw writes(this.sql)
    statement.setReadBigInts(false)
    const { names, isNamed: takesNames } = this.#layout
    const takesNumber = numberParameters(program, names.length)
    const isRepeated = isRepeatable(program)
    return {
      statement,
      make: rowMaker(namesOf(statement)),
      takesNumber,
      isPlain: !takesNames,
      takesOneNumber: !takesNames && takesNumber.length === 1 && takesNumber[0] === true,
      isRepeatable: isRepeated,
      answers: isRepeated && !takesNames && names.length === 1 ? new Answers(this.#snapshot.answers) : null,
      generation: this.#snapshot.generation,
      isWide: false,
    }
  }

  /** The first row, from SQLite; null if there is none. */
  #ask(compiled: Compiled, parameters: readonly unknown[]): Values | null {
    let row
    try {
      row = this.#first(compiled, parameters)
    } catch (error) {
      this.#widen(compiled, error)
      row = this.#first(compiled, parameters)
    }
    if (row === undefined) return null
    return compiled.isWide ? exactValues(row) : row
  }

  #rowOf(compiled: Compiled, values: Values | null): R | undefined {
    return values === null ? undefined : (compiled.make(values) as R)
  }

  #rows(compiled: Compiled, parameters: readonly unknown[]): Values[] {
    const bound = this.#bind(compiled, parameters) as NodeArguments
    try {
      const rows = compiled.statement.all(...bound) as unknown as Values[]
      return compiled.isWide ? rows.map(exactValues) : rows
    } catch (error) {
      this.#widen(compiled, error)
      return this.#rows(compiled, parameters)
    }
  }

  #first(compiled: Compiled, parameters: readonly unknown[]): Values | undefined {
    const { statement, isPlain, takesNumber } = compiled
    const only = parameters[0]
    // The read of nearly all: a row by its number.
    if (compiled.takesOneNumber && parameters.length === 1 && typeof only === 'number')
      return statement.get(only) as Values | undefined
    const count = isPlain && parameters.length === takesNumber.length ? parameters.length : -1
    let row
    // No list for one value or two: making one costs as much as all else that happens here.
    if (count === 1 && isScalar(only)) {
      row = statement.get(toNode(only, takesNumber[0], 1))
    } else if (count === 2) {
      row = statement.get(toNode(parameters[0], takesNumber[0], 1), toNode(parameters[1], takesNumber[1], 2))
    } else row = statement.get(...(this.#bind(compiled, parameters) as NodeArguments))
    return row as Values | undefined
  }

  /** As `node:sqlite` takes them. Null: whatever the program. */
  #bind(compiled: Compiled | null, parameters: readonly unknown[]): readonly unknown[] {
    const { names, isNamed: takesNames } = this.#layout
    if (takesNames || parameters.length !== names.length || isNamed(parameters))
      return bindingOf(this.#layout, valuesOf(this.#layout, toArguments(parameters)))
    // The way of nearly all reads: nothing to look up.
    return parameters.map((value, at) => toNode(value, compiled?.takesNumber[at], at + 1))
  }

  /** After `error` the statement may be run again, with exact integers; any other reason is thrown. */
  #widen(compiled: Compiled, error: unknown): void {
    if ((error as { code?: unknown }).code !== 'ERR_OUT_OF_RANGE' || compiled.isWide)
      throw this.#snapshot.use().toError(error)
    compiled.statement.setReadBigInts(true)
    compiled.isWide = true
  }
}

/** Neither an object with names nor bytes. */
function isScalar(value: unknown): boolean {
  return typeof value !== 'object'
}

function toNode(value: unknown, takesNumber: boolean | undefined, position: number): SqlValue {
  return takesNumber === true && typeof value === 'number' ? value : toSqlValue(value, position)
}

function namesOf(statement: StatementSync): string[] {
  return columnsOf(statement).map(({ name }) => name)
}

function checkSingle(sql: string): void {
  checkText(sql)
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
