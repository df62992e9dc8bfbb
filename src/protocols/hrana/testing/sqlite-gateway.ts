/**
 * A gateway for the tests of this folder: each session is a connection of `node:sqlite` to one file. It runs real SQL
 * and real transactions, and knows nothing of replication. test/clients/ runs the same protocols over a real member.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { unreachable } from '../../../base/assert.ts'
import { HarmonyError, type HarmonyErrorCode } from '../../../base/errors.ts'
import type { SqlStatement, SqlValue } from '../../../base/value.ts'
import { formatConsistency } from '../../../gateway/consistency.ts'
import { RowsBudget } from '../../../gateway/rows-budget.ts'
import type {
  BatchCondition,
  BatchEvent,
  BatchOptions,
  BatchStep,
  Consistency,
  Credential,
  ExecuteOptions,
  ExecuteResult,
  Gateway,
  Session,
  StatementDescription,
} from '../../../gateway/session.ts'

const ROWS_PER_PAGE = 10

function toError(error: unknown): HarmonyError {
  if (error instanceof HarmonyError) return error
  const { message, errcode } = error as Error & { errcode?: number }
  const code: HarmonyErrorCode =
    errcode === 2067 ? 'SQLITE_CONSTRAINT_UNIQUE' : errcode === 1 ? 'SQL_INPUT_ERROR' : 'SQLITE_ERROR'
  return new HarmonyError(code, message)
}

export class SqliteSession implements Session {
  readonly database: string
  readonly #connection: DatabaseSync
  readonly #gateway: SqliteGateway
  lastIndex = 0n
  consistency: Consistency = { level: 'linearizable' }

  constructor(gateway: SqliteGateway, database: string) {
    this.#gateway = gateway
    this.database = database
    this.#connection = new DatabaseSync(gateway.file, { timeout: 0 })
  }

  get isAutocommit(): boolean {
    return !this.#connection.isTransaction
  }

  async execute(statement: SqlStatement, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    await this.#gateway.beforeStatement(statement.sql)
    this.#gateway.levels.push(formatConsistency(options.consistency ?? this.consistency))
    const startedMs = performance.now()
    try {
      const prepared = this.#prepare(statement.sql)
      const columns = prepared.columns().map(({ name, type }) => ({ name, declaredType: type }))
      const before = this.#scalar('SELECT total_changes()')
      const named = Object.fromEntries(statement.args.named) as Record<string, SQLInputValue>
      const rows = prepared.all(named, ...statement.args.positional) as unknown as SqlValue[][]
      return {
        columns,
        rows: options.wantRows === false ? [] : rows,
        changes: this.#scalar('SELECT total_changes()') - before,
        lastInsertRowid: this.#scalar('SELECT last_insert_rowid()'),
        durationMs: performance.now() - startedMs,
        index: ++this.lastIndex,
      }
    } catch (error) {
      throw toError(error)
    }
  }

  #prepare(sql: string): StatementSync {
    const prepared = this.#connection.prepare(sql)
    prepared.setReadBigInts(true)
    prepared.setReturnArrays(true)
    return prepared
  }

  #scalar(sql: string): bigint {
    return (this.#prepare(sql).get() as unknown as bigint[])[0] as bigint
  }

  executeAtomic(): Promise<readonly ExecuteResult[]> {
    throw new Error('Hrana does not call this')
  }

  async *batch(
    steps: readonly BatchStep[],
    options: BatchOptions = {},
  ): AsyncGenerator<BatchEvent, void, void> {
    const succeeded: boolean[] = []
    const budget = new RowsBudget(options.rowsBytesMax ?? Infinity)
    for (const [step, { statement, condition, wantRows }] of steps.entries()) {
      succeeded[step] = false
      if (condition !== null && !this.#holds(condition, succeeded)) continue
      let result: ExecuteResult
      try {
        if (budget.refusal !== null) throw budget.refusal
        result = await this.execute(statement, { ...options, wantRows: wantRows ?? true })
        budget.holdOrStop(result.rows)
        succeeded[step] = true
      } catch (error) {
        yield { type: 'step_error', step, error: error as Error }
        continue
      }
      const { columns, rows, changes, lastInsertRowid, durationMs, index } = result
      yield { type: 'step_begin', step, columns }
      for (let at = 0; at < rows.length; at += ROWS_PER_PAGE) {
        this.#gateway.pagesTaken++
        yield { type: 'rows', rows: rows.slice(at, at + ROWS_PER_PAGE) }
      }
      yield { type: 'step_end', step, changes, lastInsertRowid, durationMs, index }
    }
  }

  #holds(condition: BatchCondition, succeeded: readonly boolean[]): boolean {
    switch (condition.type) {
      case 'ok':
        return succeeded[condition.step] === true
      case 'error':
        return succeeded[condition.step] === false
      case 'not':
        return !this.#holds(condition.condition, succeeded)
      case 'and':
        return condition.conditions.every((inner) => this.#holds(inner, succeeded))
      case 'or':
        return condition.conditions.some((inner) => this.#holds(inner, succeeded))
      case 'is_autocommit':
        return this.isAutocommit
      default:
        return unreachable(condition)
    }
  }

  sequence(sql: string): Promise<void> {
    try {
      this.#connection.exec(sql)
      return Promise.resolve()
    } catch (error) {
      return Promise.reject(toError(error))
    }
  }

  describe(sql: string): Promise<StatementDescription> {
    const prepared = this.#prepare(sql)
    const columns = prepared.columns().map(({ name, type }) => ({ name, declaredType: type }))
    const parameters = [...sql.matchAll(/[:@$]\w+|\?/g)].map(([name]) => (name === '?' ? null : name))
    const isReadOnly = /^\s*(select|begin|commit)/i.test(sql)
    return Promise.resolve({ parameters, columns, isExplain: /^\s*explain/i.test(sql), isReadOnly })
  }

  close(): Promise<void> {
    if (this.#connection.isOpen) this.#connection.close()
    this.#gateway.open.delete(this)
    return Promise.resolve()
  }
}

export class SqliteGateway implements Gateway {
  readonly file: string
  /** Sessions that are not closed yet. */
  readonly open: Set<SqliteSession> = new Set()
  /** Pages of rows that batches have been asked for. */
  pagesTaken = 0
  /** Level of each statement that was executed. */
  readonly levels: string[] = []
  /** Called before each statement: what a test wants to happen meanwhile. */
  beforeStatement: (sql: string) => Promise<void> | void = () => undefined

  constructor(file: string) {
    this.file = file
  }

  openSession(database: string, credential: Credential): Promise<Session> {
    if (database === 'missing')
      return Promise.reject(new HarmonyError('DATABASE_NOT_FOUND', 'There is no database "missing".'))
    if (credential.databases?.includes(database) === false)
      return Promise.reject(new HarmonyError('AUTH_INVALID', `The token does not open "${database}".`))
    const session = new SqliteSession(this, database)
    this.open.add(session)
    return Promise.resolve(session)
  }
}
