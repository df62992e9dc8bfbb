/** What one statement's translation shares: parameters, session values, the schema, and the two functions that call each other. */

import type { Node, SelectStmt } from 'libpg-query'
import { PgError, notSupported } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { TEXT } from '../types/registry.ts'
import { Offsets } from './parse.ts'
import type { CallName, SessionValue } from './plan.ts'
import type { Schema, SchemaColumn } from './schema.ts'
import type { Scope } from './scope.ts'
import { NO_TEMPORARY_SPACE, type TemporarySpace } from './temporary-space.ts'
import { atom, plain, type ColumnOrigin, type Typed } from './typed.ts'

/** PostgreSQL counts parameters in 16 bits. */
const PARAMETERS_MAX = 65_535
/** SQLite's own bound (sqlite.org/limits.html, SQLITE_MAX_VARIABLE_NUMBER). */
const SQLITE_PARAMETERS_MAX = 32_766

/** Where a session value's number will stand: its number is known only when all of the client's parameters are. */
const SESSION_MARK = '\u0001'

/** Whether it is one parameter, or one value of the session. */
export function isBound(sql: string): boolean {
  const [before, , after, ...more] = sql.split(SESSION_MARK)
  return /^\?\d+$/.test(sql) || (before === '' && after === '' && more.length === 0)
}

export interface OutputColumn {
  readonly name: string
  /** null where nothing tells the type. */
  readonly type: TypeWithModifier | null
  readonly origin: ColumnOrigin | null
  readonly effect?: CallName
  /** Of a statement that writes: its values are not known to fit its type before they are there. */
  readonly isComputed?: boolean
}

export interface TranslatedQuery {
  readonly sql: string
  readonly columns: readonly OutputColumn[]
}

export interface Translator {
  readonly context: Translation
  expression(node: Node, scope: Scope): Typed
  query(select: SelectStmt, scope: Scope): TranslatedQuery
  /** One for another statement over the same schema. */
  separate(): Translator
  /** INSERT, UPDATE or DELETE in WITH. */
  modification(node: Node): {
    readonly sql: string
    readonly table: string
    readonly columns: readonly OutputColumn[] | null
  }
}

export class Translation {
  readonly schema: Schema
  /** Of the session that asks. */
  readonly temporary: TemporarySpace
  readonly #offsets: Offsets
  readonly #parameters: (TypeWithModifier | null)[]
  readonly #sessionValues: SessionValue[] = []
  readonly #sessionKeys = new Map<string, number>()
  /** Statement-level facts that translators find on their way. */
  readonly notices: string[] = []
  /** WITH clauses that the statement needs at its top, for catalog relations: name → SQL. */
  readonly catalogRelations: Map<string, string> = new Map()
  #unique = 0
  #utcOnly: string | null = null
  readonly #dataSteps: string[] = []
  readonly #modified = new Set<string>()
  readonly #stepsBefore: string[] = []
  /** How many functions with an effect the statement has. */
  effectCount = 0
  /** Columns that get values which nobody has checked. */
  readonly computedColumns: Set<SchemaColumn> = new Set()
  /** Inside an INSERT of one row, where a sequence may be asked for a number. */
  isOneRow = false

  constructor(
    schema: Schema,
    script: string,
    parameterTypes: readonly (TypeWithModifier | null)[],
    temporary: TemporarySpace = NO_TEMPORARY_SPACE,
  ) {
    this.schema = schema
    this.temporary = temporary
    this.#offsets = new Offsets(script)
    this.#parameters = [...parameterTypes]
  }

  position(location: number | undefined): number | undefined {
    if (location === undefined || location < 0) return undefined
    return this.#offsets.position(location)
  }

  error(sqlState: string, message: string, location?: number): PgError {
    const position = this.position(location)
    return new PgError(sqlState, message, position === undefined ? {} : { position })
  }

  notSupported(construct: string, location?: number): PgError {
    return notSupported(construct, this.position(location))
  }

  /** The statement means the session's time zone at a place where SQLite knows UTC only. */
  requireUtc(construct: string): void {
    this.#utcOnly ??= construct
  }

  get utcOnly(): string | null {
    return this.#utcOnly
  }

  /** A statement that runs before this one, in the same transaction; the same one only once. */
  addStepBefore(...sql: readonly string[]): void {
    if (sql.some((each) => this.#stepsBefore.includes(each)))
      throw notSupported('two numbers of one sequence in one row')
    this.#stepsBefore.push(...sql)
  }

  get stepsBefore(): readonly string[] {
    return this.#stepsBefore
  }

  /** Tables that the statement has named so far, as it reads them. */
  readonly tablesRead: Set<string> = new Set()

  /**
   * A statement in WITH that modifies data runs as a step before the rest. In PostgreSQL all parts see the same snapshot, so nothing
   * else may look at its table. Gives the number of the step.
   */
  addDataStep(sql: string, table: string, readBefore: ReadonlySet<string>): number {
    if (readBefore.has(table) || this.#modified.has(table)) throw sameTable(table)
    this.#modified.add(table)
    return this.#dataSteps.push(sql) - 1
  }

  get dataSteps(): readonly string[] {
    return this.#dataSteps
  }

  /** Told for every table that is named. */
  noteTable(name: string): void {
    if (this.#modified.has(name)) throw sameTable(name)
    this.tablesRead.add(name)
  }

  /** A name that the statement can't have used itself. */
  uniqueName(stem: string): string {
    return `_${stem}_${++this.#unique}`
  }

  parameter(number: number): Typed {
    if (number < 1 || number > PARAMETERS_MAX) throw new PgError('42P02', `there is no parameter $${number}`)
    while (this.#parameters.length < number) this.#parameters.push(null)
    const known = this.#parameters[number - 1] ?? null
    if (known !== null) return atom(`?${number}`, known)
    return {
      sql: `?${number}`,
      type: null,
      isAtom: true,
      resolve: (target) => {
        this.#parameters[number - 1] ??= target
        return atom(`?${number}`, this.#parameters[number - 1] ?? target)
      },
    }
  }

  /** Type of a parameter as far as it is known. */
  parameterTypes(): TypeWithModifier[] {
    return this.#parameters.map((type) => type ?? plain(TEXT))
  }

  sessionValue(value: SessionValue): string {
    const key = JSON.stringify(value)
    let index = this.#sessionKeys.get(key)
    if (index === undefined) {
      index = this.#sessionValues.push(value) - 1
      this.#sessionKeys.set(key, index)
    }
    return `${SESSION_MARK}${index}${SESSION_MARK}`
  }

  get sessionValues(): readonly SessionValue[] {
    return this.#sessionValues
  }

  get clientParameterCount(): number {
    return this.#parameters.length
  }

  /** Puts numbers in place of session values. Nothing else in a translated text has that mark: literals with it are refused. */
  finished(sql: string): { sql: string; parameterCount: number } {
    const text = sql.replaceAll(
      new RegExp(`${SESSION_MARK}(\\d+)${SESSION_MARK}`, 'g'),
      (_all, index: string) => `?${this.#parameters.length + Number(index) + 1}`,
    )
    const parameterCount = highestParameter(text)
    if (parameterCount > SQLITE_PARAMETERS_MAX) {
      const message = `a statement takes ${SQLITE_PARAMETERS_MAX} parameters at most, this one has ${parameterCount}: split it`
      throw new PgError('54000', message)
    }
    return { sql: text, parameterCount }
  }
}

function sameTable(table: string): PgError {
  return notSupported(`a statement that modifies "${table}" in WITH and names it elsewhere, too,`)
}

/** Highest `?N` outside of quotes. */
export function highestParameter(sql: string): number {
  let highest = 0
  for (const [, number] of sql.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?(\d+)/g)) {
    if (number !== undefined) highest = Math.max(highest, Number(number))
  }
  return highest
}
