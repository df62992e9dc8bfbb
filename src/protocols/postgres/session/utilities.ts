/** Statements that are not SQLite's to run: transactions, settings, cursors, notifications, calls with an effect on the server. */

import { unreachable } from '../../../base/assert.ts'
import type { SqlValue, StatementResult } from '../../../base/value.ts'
import type { CallArgument, CallName, Plan, QueryPlan, UtilityPlan } from '../dialect/plan.ts'
import { notSupported, PgError } from '../error.ts'
import { parseBoolean } from '../types/boolean-codec.ts'
import type { ValueStyle } from '../types/codec.ts'
import { BOOL, TEXT, VOID, type PgType } from '../types/registry.ts'
import type { ActivityRow } from './activity.ts'
import type { Cursors } from './cursors.ts'
import { withEffects } from './effects.ts'
import type { Executor, SessionFacts, Surroundings } from './executor.ts'
import type { Listening } from './listening.ts'
import type { PreparedStatements } from './prepared-statements.ts'
import type { PreparedStatement, PreparedStore } from './prepared.ts'
import type { CommandResult, ResolvedColumn } from './result.ts'
import { columnsOfPlan, resolveColumns } from './result.ts'
import type { SessionTables } from './session-tables.ts'
import type { Settings } from './settings.ts'
import { tagOf } from './tag.ts'
import type { TransactionState } from './transaction.ts'

/** What a connection may ask of the server. */
export interface ServerActions {
  /** False if there is no such connection. */
  cancelBackend(processId: number): Promise<boolean>
  terminateBackend(processId: number): Promise<boolean>
  databaseNames(): Promise<readonly string[]>
  /** Of all connections to this member. */
  activity(): Promise<readonly ActivityRow[]>
  /** Reject with a HarmonyError. */
  createDatabase(name: string): Promise<void>
  dropDatabase(name: string): Promise<void>
}

export interface UtilityParts {
  readonly transaction: TransactionState
  readonly settings: Settings
  readonly executor: Executor
  readonly statements: PreparedStatements
  readonly cursors: Cursors
  readonly store: PreparedStore
  readonly listening: Listening
  readonly tables: SessionTables
  readonly server: ServerActions
  readonly style: ValueStyle
  readonly facts: SessionFacts
  readonly runPrepared: (statement: PreparedStatement, values: readonly SqlValue[]) => Promise<CommandResult>
  readonly notify: (channel: string, payload: string, surroundings: Surroundings) => Promise<void>
  readonly prepare: (name: string, sql: string, parameterTypes: readonly number[]) => Promise<void>
  /** Null where the prepared statement is as good as new. */
  readonly revalidate: (name: string) => Promise<void> | null
  readonly warn: (message: string, sqlState: string) => void
}

type Utility<K extends UtilityPlan['kind']> = Extract<UtilityPlan, { kind: K }>

export class Utilities {
  readonly #parts: UtilityParts
  /** How many EXECUTEs are inside of each other: a prepared statement may be one itself, even of itself. */
  #depth = 0

  constructor(parts: UtilityParts) {
    this.#parts = parts
  }

  /** What Describe tells of a utility statement; null for no rows. */
  columnsOf(plan: UtilityPlan): readonly ResolvedColumn[] | null {
    if (plan.kind === 'show') return [column(plan.name, TEXT)]
    if (plan.kind === 'showAll') return ['name', 'setting', 'description'].map((name) => column(name, TEXT))
    if (plan.kind === 'call') return [callColumn(plan)]
    if (plan.kind === 'fetch') return plan.isMove ? null : this.#parts.cursors.described(plan.name)
    return plan.kind === 'executePrepared' ? this.#columnsOfPrepared(plan.name) : null
  }

  /** `values` are the client's, for statements that take any. */
  async run(
    plan: UtilityPlan,
    values: readonly SqlValue[],
    surroundings: Surroundings,
  ): Promise<CommandResult> {
    switch (plan.kind) {
      case 'begin':
        return this.#begin(plan)
      case 'commit':
        return this.#commit(plan)
      case 'rollback':
        return this.#rollback(plan)
      case 'prepareTransaction':
        return this.#prepareTransaction()
      case 'savepoint':
      case 'release':
      case 'rollbackTo':
        return this.#savepoint(plan.kind, plan.name)
      case 'setTransaction':
      case 'set':
      case 'resetAll':
      case 'show':
      case 'showAll':
        return this.#runSetting(plan)
      case 'discard':
        return this.#discard(plan)
      case 'deallocate':
        return this.#deallocate(plan)
      case 'prepare':
        return this.#prepare(plan)
      case 'executePrepared':
        return this.#executePrepared(plan, values)
      case 'declareCursor':
        return this.#declareCursor(plan, values)
      case 'fetch':
        return this.#fetch(plan)
      case 'closeCursor':
        this.#parts.cursors.close(plan.name)
        return done(plan.name === null ? 'CLOSE CURSOR ALL' : 'CLOSE CURSOR')
      case 'listen':
        this.#parts.listening.listen(plan.channel)
        return done('LISTEN')
      case 'unlisten':
        this.#parts.listening.unlisten(plan.channel)
        return done('UNLISTEN')
      case 'notify':
        await this.#parts.notify(plan.channel, plan.payload, surroundings)
        return done('NOTIFY')
      case 'call':
        return this.#call(plan, values, surroundings)
      case 'createDatabase':
      case 'dropDatabase':
        return this.#database(plan)
      case 'nothing':
        if (plan.notice !== null) this.#parts.warn(plan.notice, '00000')
        return done(plan.command)
      case 'empty':
        return done('')
      case 'copyIn':
      case 'copyOut':
        throw new PgError('0A000', 'COPY is not supported here')
      default:
        return unreachable(plan)
    }
  }

  async #begin(plan: Utility<'begin'>): Promise<CommandResult> {
    const isReadOnly = plan.isReadOnly ?? this.#parts.settings.find('default_transaction_read_only') === 'on'
    const isNew = await this.#parts.transaction.begin(isReadOnly, plan.isImmediate)
    if (!isNew) this.#parts.warn('there is already a transaction in progress', '25001')
    return done(plan.command)
  }

  async #commit(plan: Utility<'commit'>): Promise<CommandResult> {
    const { transaction } = this.#parts
    if (!transaction.isExplicit) this.#parts.warn('there is no transaction in progress', '25P01')
    const { isReadOnly, isExplicit } = transaction
    const tag = await transaction.commit()
    if (plan.isChained && isExplicit) await transaction.begin(isReadOnly)
    return done(tag)
  }

  async #rollback(plan: Utility<'rollback'>): Promise<CommandResult> {
    const { transaction } = this.#parts
    if (!transaction.isExplicit) this.#parts.warn('there is no transaction in progress', '25P01')
    const { isReadOnly, isExplicit } = transaction
    await transaction.rollback()
    if (plan.isChained && isExplicit) await transaction.begin(isReadOnly)
    return done('ROLLBACK')
  }

  async #savepoint(kind: 'savepoint' | 'release' | 'rollbackTo', name: string): Promise<CommandResult> {
    const { transaction, settings, listening, cursors, store } = this.#parts
    const at = await transaction[kind](name)
    for (const each of [settings, listening, cursors, store]) each[kind](at)
    return done(SAVEPOINT_TAGS[kind])
  }

  /** If it fails for any reason it is a ROLLBACK (PostgreSQL documentation, "PREPARE TRANSACTION"), which clients rely on. */
  async #prepareTransaction(): Promise<CommandResult> {
    const { isFailed, isExplicit } = this.#parts.transaction
    const result = await this.#rollback({ kind: 'rollback', isChained: false })
    if (isExplicit && !isFailed) throw notSupported('a two-phase commit')
    return result
  }

  async #runSetting(
    plan: Utility<'setTransaction' | 'set' | 'resetAll' | 'show' | 'showAll'>,
  ): Promise<CommandResult> {
    const { settings, transaction } = this.#parts
    switch (plan.kind) {
      case 'setTransaction':
        return this.#setTransaction(plan)
      case 'set':
        if (plan.isLocal && !transaction.isOpen) {
          this.#parts.warn('SET LOCAL can only be used in transaction blocks', '25P01')
          return done('SET')
        }
        if (plan.name.toLowerCase() === 'transaction_read_only' && plan.value !== null) {
          await transaction.setReadOnly(parseBoolean(plan.value) ?? false)
        } else if (plan.value === null) settings.reset(plan.name, plan.isLocal)
        else settings.set(plan.name, plan.value, plan.isLocal)
        return done(plan.value === null && !plan.isLocal ? 'RESET' : 'SET')
      case 'resetAll':
        settings.resetAll()
        return done('RESET')
      case 'show':
        return { columns: this.columnsOf(plan), rows: [[this.#shown(plan.name)]], tag: 'SHOW' }
      case 'showAll':
        return {
          columns: this.columnsOf(plan),
          rows: settings.all().map(({ name, value }) => [name, value, '']),
          tag: 'SHOW',
        }
    }
  }

  #shown(name: string): string {
    if (name.toLowerCase() === 'transaction_read_only')
      return this.#parts.transaction.isReadOnly ? 'on' : 'off'
    return this.#parts.settings.get(name)
  }

  async #setTransaction(plan: Utility<'setTransaction'>): Promise<CommandResult> {
    const { settings, transaction } = this.#parts
    if (plan.isReadOnly === null) return done('SET')
    if (plan.isSession) {
      settings.set('default_transaction_read_only', plan.isReadOnly ? 'on' : 'off', false)
    } else if (transaction.isExplicit) {
      await transaction.setReadOnly(plan.isReadOnly)
    } else {
      this.#parts.warn('SET TRANSACTION can only be used in transaction blocks', '25P01')
    }
    return done('SET')
  }

  async #discard(plan: Utility<'discard'>): Promise<CommandResult> {
    const { settings, statements, cursors, listening, transaction } = this.#parts
    if (plan.target === 'all') {
      if (transaction.isOpen) throw new PgError('25001', 'DISCARD ALL cannot run inside a transaction block')
      settings.resetAll()
      cursors.close(null)
      listening.unlisten(null)
    }
    if (plan.target === 'all' || plan.target === 'plans') statements.clear()
    if (plan.target === 'all' || plan.target === 'temp') await this.#parts.tables.discard()
    return done(`DISCARD ${plan.target.toUpperCase()}`)
  }

  #deallocate(plan: Utility<'deallocate'>): CommandResult {
    const { statements } = this.#parts
    if (plan.name === null) {
      statements.clear()
      return done('DEALLOCATE ALL')
    }
    if (!statements.delete(plan.name)) {
      throw new PgError('26000', `prepared statement "${plan.name}" does not exist`)
    }
    return done('DEALLOCATE')
  }

  async #prepare(plan: Utility<'prepare'>): Promise<CommandResult> {
    if (this.#parts.statements.has(plan.name)) {
      throw new PgError('42P05', `prepared statement "${plan.name}" already exists`)
    }
    await this.#parts.prepare(plan.name, plan.sql, plan.parameterTypes)
    return done('PREPARE')
  }

  #prepared(name: string): PreparedStatement {
    const statement = this.#parts.statements.get(name)
    if (statement === undefined) throw new PgError('26000', `prepared statement "${name}" does not exist`)
    return statement
  }

  #columnsOfPrepared(name: string): readonly ResolvedColumn[] | null {
    const { plan } = this.#prepared(name).compiled
    return plan.kind === 'query' && plan.returnsRows ? columnsOfPlan(plan.columns) : null
  }

  async #executePrepared(
    plan: Utility<'executePrepared'>,
    values: readonly SqlValue[],
  ): Promise<CommandResult> {
    const statement = this.#prepared(plan.name)
    await this.#parts.revalidate(plan.name)
    const { parameterTypes } = statement.compiled
    if (plan.arguments.length !== parameterTypes.length) {
      throw new PgError('42601', `wrong number of parameters for prepared statement "${plan.name}"`, {
        detail: `Expected ${parameterTypes.length} parameters but got ${plan.arguments.length}.`,
      })
    }
    const decoded = plan.arguments.map((argument, index) => {
      const value = argumentValue(argument, values)
      const type = parameterTypes[index]
      if (typeof value !== 'string' || type === undefined) return value
      return type.type.codec.decodeText(value, type.modifier, this.#parts.style)
    })
    if (this.#depth >= EXECUTE_DEPTH_MAX) throw new PgError('54001', 'stack depth limit exceeded')
    this.#depth++
    try {
      return await this.#parts.runPrepared(statement, decoded)
    } finally {
      this.#depth--
    }
  }

  async #declareCursor(plan: Utility<'declareCursor'>, values: readonly SqlValue[]): Promise<CommandResult> {
    const { transaction, executor, cursors } = this.#parts
    if (!transaction.isOpen && !plan.isHold) {
      throw new PgError('25P01', 'DECLARE CURSOR can only be used in transaction blocks')
    }
    const result = await executor.run(plan.query, values, 'group')
    const columns = resolveColumns(plan.query.columns, result.columns)
    cursors.declare(plan.name, { columns, rows: result.rows, tag: tagOf(plan.query, result) }, plan.isHold)
    return done('DECLARE CURSOR')
  }

  #fetch(plan: Utility<'fetch'>): CommandResult {
    const { cursors } = this.#parts
    const { name, count, from } = plan
    const result = from === null ? cursors.fetch(name, count) : cursors.fetchRow(name, count ?? 0, from)
    if (plan.isMove) return done(`MOVE ${result.rows.length}`)
    return { ...result, tag: `FETCH ${result.rows.length}` }
  }

  async #database(plan: Utility<'createDatabase' | 'dropDatabase'>): Promise<CommandResult> {
    const { transaction, server } = this.#parts
    const command = plan.kind === 'createDatabase' ? 'CREATE DATABASE' : 'DROP DATABASE'
    if (transaction.isOpen) throw new PgError('25001', `${command} cannot run inside a transaction block`)
    if (plan.kind === 'createDatabase') await server.createDatabase(plan.name)
    else await this.#dropDatabase(plan)
    return done(command)
  }

  async #dropDatabase(plan: Utility<'createDatabase' | 'dropDatabase'>): Promise<void> {
    try {
      await this.#parts.server.dropDatabase(plan.name)
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'DATABASE_NOT_FOUND'
      if (!isMissing || !plan.isIfExists) throw error
      this.#parts.warn(`database "${plan.name}" does not exist, skipping`, '00000')
    }
  }

  /** A result whose columns have effects, after those. */
  async withEffects(
    plan: QueryPlan,
    result: StatementResult,
    surroundings: Surroundings,
  ): Promise<StatementResult> {
    if (plan.effects.length === 0) return result
    return withEffects(plan, result, (name, args) => this.#callValue(name, args, surroundings))
  }

  async #call(
    plan: Utility<'call'>,
    values: readonly SqlValue[],
    surroundings: Surroundings,
  ): Promise<CommandResult> {
    const given = plan.arguments.map((argument) => argumentValue(argument, values))
    const value = await this.#callValue(plan.function, given, surroundings)
    return { columns: [callColumn(plan)], rows: [[value]], tag: 'SELECT 1' }
  }

  async #callValue(
    name: CallName,
    given: readonly SqlValue[],
    surroundings: Surroundings,
  ): Promise<SqlValue> {
    const { notify, executor, settings, server } = this.#parts
    const [first = null, second = null, third = null] = given
    switch (name) {
      case 'pg_notify':
        await notify(textOf(first), textOf(second), surroundings)
        return ''
      case 'pg_sleep':
        await executor.sleep(Number(first ?? 0))
        return ''
      case 'set_config':
        settings.set(textOf(first), textOf(second), isTrue(third))
        return settings.get(textOf(first))
      case 'pg_cancel_backend':
        return (await server.cancelBackend(Number(first))) ? 1n : 0n
      case 'pg_terminate_backend':
        return (await server.terminateBackend(Number(first))) ? 1n : 0n
    }
  }
}

const EXECUTE_DEPTH_MAX = 100

function argumentValue(argument: CallArgument, values: readonly SqlValue[]): SqlValue {
  return argument.kind === 'constant' ? argument.value : (values[argument.number - 1] ?? null)
}

function textOf(value: SqlValue): string {
  return value === null ? '' : String(value)
}

function isTrue(value: SqlValue): boolean {
  return typeof value === 'string' ? parseBoolean(value) === true : value === 1n
}

function callColumn(plan: Utility<'call'>): ResolvedColumn {
  switch (plan.function) {
    case 'pg_notify':
    case 'pg_sleep':
      return column(plan.columnName, VOID)
    case 'set_config':
      return column(plan.columnName, TEXT)
    case 'pg_cancel_backend':
    case 'pg_terminate_backend':
      return column(plan.columnName, BOOL)
  }
}

function column(name: string, type: PgType): ResolvedColumn {
  return { name, type: { type, modifier: -1 }, tableOid: 0, columnNumber: 0 }
}

function done(tag: string): CommandResult {
  return { columns: null, rows: [], tag }
}

const SAVEPOINT_TAGS = { savepoint: 'SAVEPOINT', release: 'RELEASE', rollbackTo: 'ROLLBACK' } as const

const EXITS: ReadonlySet<Plan['kind']> = new Set(['commit', 'prepareTransaction', 'rollback', 'rollbackTo'])

/** What a failed transaction still takes. */
export function isTransactionExit(plan: Plan): boolean {
  return EXITS.has(plan.kind)
}
