/** Prepared statements and portals of one connection. */

import { LazyMap } from '../../../base/lazy-map.ts'
import type { ResultColumn, SqlValue } from '../../../base/value.ts'
import type { Consistency } from '../../../gateway/session.ts'
import type { CompiledStatement } from '../dialect/plan.ts'
import { PgError } from '../error.ts'
import type { PostgresLimits } from '../limits.ts'
import type { Format, FrontendMessage } from '../wire/messages.ts'
import { utf8 } from '../wire/field-reader.ts'
import type { ValueStyle } from '../types/codec.ts'
import { PreparedStatements } from './prepared-statements.ts'
import type { CommandResult, ResolvedColumn } from './result.ts'
import { checkFormatCount, formatAt, resolveColumns } from './result.ts'
import { valueWriter, type ValueWriter } from './row-writer.ts'
import type { Savepointed } from './savepointed.ts'
import type { TransactionState } from './transaction.ts'
import { isTransactionExit } from './utilities.ts'

type BindMessage = Extract<FrontendMessage, { kind: 'bind' }>

/** How rows of one statement are written in one list of formats. */
export interface RowLayout {
  readonly columns: readonly ResolvedColumn[]
  readonly writers: readonly ValueWriter[]
}

export class PreparedStatement {
  readonly name: string
  readonly sql: string
  #compiled: CompiledStatement
  /** Of the schema (`DatabaseDialect.generation`) that it was compiled for. */
  generation: number
  /** What a comment in its text asks for. */
  readonly consistency: Consistency | null
  /** What a client was told by Describe; it may not change behind its back. */
  describedColumns: readonly ResolvedColumn[] | null = null
  #layoutKey: readonly ResultColumn[] | null = null
  #layoutFormats: readonly Format[] = []
  #layout: RowLayout | null = null

  constructor(
    name: string,
    sql: string,
    compiled: CompiledStatement,
    consistency: Consistency | null,
    generation: number,
  ) {
    this.generation = generation
    this.name = name
    this.sql = sql
    this.#compiled = compiled
    this.consistency = consistency
  }

  get compiled(): CompiledStatement {
    return this.#compiled
  }

  /** For the schema as it is now; with the same parameters, and the same result if that was described. */
  renew(compiled: CompiledStatement): void {
    this.#compiled = compiled
    this.#layout = null
  }

  /**
   * The gateway gives the same `told` array for the same prepared statement of SQLite, and clients ask for the same formats, so that this is one
   * comparison for all but the first row set.
   */
  layout(told: readonly ResultColumn[], formats: readonly Format[]): RowLayout {
    if (this.#layout !== null && this.#layoutKey === told && sameFormats(this.#layoutFormats, formats)) {
      return this.#layout
    }
    const { plan } = this.compiled
    const columns = resolveColumns(plan.kind === 'query' ? plan.columns : null, told)
    this.#refuseChange(columns)
    checkFormatCount(formats, columns.length)
    this.#layout = { columns, writers: writersOf(columns, formats) }
    this.#layoutKey = told
    this.#layoutFormats = formats
    return this.#layout
  }

  #refuseChange(columns: readonly ResolvedColumn[]): void {
    const described = this.describedColumns
    if (described === null) return
    const isSame =
      described.length === columns.length &&
      described.every(({ type }, index) => type.type === columns[index]?.type.type)
    const fields = { routine: 'RevalidateCachedQuery' }
    if (!isSame) throw new PgError('0A000', 'cached plan must not change result type', fields)
  }
}

export function sameFormats(left: readonly Format[], right: readonly Format[]): boolean {
  if (left === right) return true
  return left.length === right.length && left.every((format, index) => format === right[index])
}

export function writersOf(
  columns: readonly ResolvedColumn[],
  formats: readonly Format[],
): readonly ValueWriter[] {
  return columns.map((column, index) => valueWriter(column.type, formatAt(formats, index)))
}

/** A statement with its values, on its way through Execute. */
export interface Portal {
  readonly statement: PreparedStatement
  readonly values: readonly SqlValue[]
  readonly formats: readonly Format[]
  /** What is left of a result that was fetched in part; null before the first Execute. */
  result: CommandResult | null
  writers: readonly ValueWriter[]
  nextRow: number
  /** How many savepoints there were when it was bound. */
  depth: number
}

/** Values of a Bind message. Throws PgError. */
function decodeParameters(
  compiled: CompiledStatement,
  parameters: readonly (Buffer | null)[],
  formats: readonly Format[],
  style: ValueStyle,
): readonly SqlValue[] {
  const types = compiled.parameterTypes
  if (parameters.length !== types.length) {
    throw new PgError(
      '08P01',
      `bind message supplies ${parameters.length} parameters, but prepared statement requires ${types.length}`,
    )
  }
  if (formats.length > 1 && formats.length !== parameters.length) {
    throw new PgError(
      '08P01',
      `bind message has ${formats.length} parameter formats but ${parameters.length} parameters`,
    )
  }
  return parameters.map((bytes, index) =>
    bytes === null ? null : decodeParameter(compiled, index, bytes, formatAt(formats, index), style),
  )
}

function decodeParameter(
  compiled: CompiledStatement,
  index: number,
  bytes: Buffer,
  format: Format,
  style: ValueStyle,
): SqlValue {
  const { type, modifier } = compiled.parameterTypes[index] as CompiledStatement['parameterTypes'][number]
  if (format === 0) {
    const plain = type.codec.decodePlain?.(bytes) ?? null
    if (plain !== null) return plain
  }
  const value =
    format === 1
      ? type.codec.decodeBinary(bytes, modifier)
      : type.codec.decodeText(utf8(bytes), modifier, style)
  if (typeof value === 'string' && value.includes('\0')) {
    throw new PgError('22021', 'invalid byte sequence for encoding "UTF8": 0x00')
  }
  return value
}

/** Statements and portals of a connection, by name; the empty name is the unnamed one, which is replaced each time. */
export class PreparedStore implements Savepointed {
  readonly statements: PreparedStatements = new PreparedStatements()
  /** The one that nearly all clients use. */
  #unnamed: Portal | null = null
  readonly #named = new LazyMap<string, Portal>()
  readonly #limits: PostgresLimits
  /** Savepoints of the open transaction. */
  #depth = 0

  constructor(limits: PostgresLimits) {
    this.#limits = limits
  }

  get hasPortals(): boolean {
    return this.#unnamed !== null || this.#named.size > 0
  }

  statement(name: string): PreparedStatement {
    const statement = this.statements.get(name)
    if (statement !== undefined) return statement
    const shown = name === '' ? 'unnamed prepared statement' : `prepared statement "${name}"`
    throw new PgError('26000', `${shown} does not exist`)
  }

  checkNewStatement(name: string): void {
    if (name === '') return
    if (this.statements.has(name)) throw new PgError('42P05', `prepared statement "${name}" already exists`)
    const { statementsMax } = this.#limits
    if (this.statements.namedCount < statementsMax) return
    throw new PgError('53400', `a connection may have ${statementsMax} prepared statements`)
  }

  addStatement(statement: PreparedStatement): void {
    this.statements.set(statement)
  }

  portal(name: string): Portal {
    const portal = this.findPortal(name)
    if (portal === undefined) throw new PgError('34000', `portal "${name}" does not exist`)
    return portal
  }

  /** Throws PgError where the transaction takes no such statement, or the values are not what the statement takes. */
  bind(message: BindMessage, style: ValueStyle, transaction: TransactionState): void {
    const statement = this.statement(message.statement)
    transaction.checkNotFailed(isTransactionExit(statement.compiled.plan))
    const { portal, parameters, parameterFormats, resultFormats } = message
    const { plan } = statement.compiled
    if (plan.kind === 'query' && plan.returnsRows && plan.columns !== null)
      checkFormatCount(resultFormats, plan.columns.length)
    const values = decodeParameters(statement.compiled, parameters, parameterFormats, style)
    this.addPortal(portal, statement, values, resultFormats)
  }

  findPortal(name: string): Portal | undefined {
    return name === '' ? (this.#unnamed ?? undefined) : this.#named.get(name)
  }

  addPortal(
    name: string,
    statement: PreparedStatement,
    values: readonly SqlValue[],
    formats: readonly Format[],
  ): void {
    const depth = this.#depth
    const portal: Portal = {
      statement,
      values,
      formats,
      result: null,
      writers: NO_WRITERS,
      nextRow: 0,
      depth,
    }
    if (name === '') this.#unnamed = portal
    else this.#addNamed(name, portal)
  }

  close(target: 'statement' | 'portal', name: string): void {
    if (target === 'statement') this.statements.delete(name)
    else if (name === '') this.#unnamed = null
    else this.#named.delete(name)
  }

  savepoint(): void {
    this.#depth++
  }

  release(at: number): void {
    this.#depth = at
    for (const portal of this.#portals()) portal.depth = Math.min(portal.depth, at)
  }

  rollbackTo(at: number): void {
    this.#depth = at + 1
    if (this.#unnamed !== null && this.#unnamed.depth > at) this.#unnamed = null
    for (const [name, { depth }] of this.#named.entries()) if (depth > at) this.#named.delete(name)
  }

  #portals(): Portal[] {
    const named = [...this.#named.values()]
    return this.#unnamed === null ? named : [this.#unnamed, ...named]
  }

  /** The transaction has ended. */
  clearPortals(): void {
    this.#depth = 0
    this.#unnamed = null
    if (this.#named.size > 0) this.#named.clear()
  }

  #addNamed(name: string, portal: Portal): void {
    if (this.#named.has(name)) throw new PgError('42P03', `cursor "${name}" already exists`)
    const { portalsMax } = this.#limits
    if (this.#named.size >= portalsMax)
      throw new PgError('53400', `a connection may have ${portalsMax} portals`)
    this.#named.set(name, portal)
  }
}

const NO_WRITERS: readonly ValueWriter[] = []
