/** Runs query plans on the gateway's session: values, transactions around them, timeouts, cancelling. */

import type { ResultColumn, SqlValue, StatementResult } from '../../../base/value.ts'
import { HarmonyError } from '../../../base/errors.ts'
import { NO_ARGUMENTS } from '../../../base/value.ts'
import { must } from '../../../base/assert.ts'
import type { Consistency, ResultReceiver, Session } from '../../../gateway/session.ts'
import type { PlanStep, QueryPlan, SessionValue } from '../dialect/plan.ts'
import { PgError } from '../error.ts'
import { dateText, storedTimestampTz, timestampText, timeText, MICROS } from '../types/datetime.ts'
import { TIMESTAMPTZ_CODEC } from '../types/datetime-codec.ts'
import { isUtc } from '../types/time-zone.ts'
import { durationMs } from './duration.ts'
import type { Settings } from './settings.ts'
import { statementError } from './statement-error.ts'
import type { TransactionState } from './transaction.ts'

/** Rows of catalog relations as the session sees them now. */
export interface CatalogReader {
  catalogJson(relation: string): Promise<string>
}

export interface SessionFacts {
  readonly user: string
  readonly database: string
  readonly processId: number
}

/** Some rows of a result. */
export interface ResultPage {
  readonly columns: readonly ResultColumn[]
  readonly rows: readonly (readonly SqlValue[])[]
}

/** Whether a statement needs a transaction around it: only when more may follow before the next Sync. */
export type Surroundings = 'alone' | 'group'

export class Executor {
  readonly #session: Session
  readonly #transaction: TransactionState
  readonly #settings: Settings
  readonly #facts: SessionFacts
  readonly #catalog: CatalogReader
  #cancelReason: 'user request' | 'statement timeout' | null = null
  #isRunning = false
  #wake: (() => void) | null = null

  constructor(
    session: Session,
    transaction: TransactionState,
    settings: Settings,
    facts: SessionFacts,
    catalog: CatalogReader,
  ) {
    this.#catalog = catalog
    this.#session = session
    this.#transaction = transaction
    this.#settings = settings
    this.#facts = facts
  }

  /** Stops what runs now, if anything does. */
  cancel(reason: 'user request' | 'statement timeout' = 'user request'): void {
    if (!this.#isRunning) return
    this.#cancelReason = reason
    this.#wake?.()
    this.#session.cancel?.()
  }

  async run(
    plan: QueryPlan,
    clientValues: readonly SqlValue[],
    surroundings: Surroundings,
  ): Promise<StatementResult> {
    if (plan.utcOnly !== null) this.#requireUtc(plan.utcOnly)
    if (!plan.isRead) await this.#prepareWrite(plan.command, surroundings)
    else if (surroundings === 'group') await this.#transaction.ensureImplicit(this.#isReadOnly)
    this.#transaction.hasRun = true
    const values =
      plan.sessionValues.length === 0 ? clientValues : await this.#withSessionValues(plan, clientValues)
    const result = await this.watched(() => this.#runSteps(plan, values)).catch((error: unknown) => {
      throw statementError(plan, error)
    })
    if (plan.changesSchema && this.#transaction.isOpen) this.#transaction.hasChangedSchema = true
    return result
  }

  /** What `run` would resolve to, where the gateway can tell it at once: point reads outside transactions. Null otherwise, with nothing done. */
  runNow(
    plan: QueryPlan,
    values: readonly SqlValue[],
    consistency: Consistency | null,
  ): StatementResult | null {
    const step = plan.steps[0]
    const isPlain =
      plan.effects.length === 0 && plan.isRead && plan.sessionValues.length === 0 && plan.utcOnly === null
    if (!isPlain || plan.steps.length !== 1 || step === undefined) return null
    this.#session.consistency = consistency ?? this.#settings.consistency
    this.#transaction.hasRun = true
    try {
      return this.#session.executeNow?.(bound(step, values)) ?? null
    } catch (error) {
      throw statementError(plan, error)
    }
  }

  /**
   * What `run` would do with a lone write, or a quick read for which others must be asked, outside transactions, without a promise and without a time limit: true if the receiver will hear, false
   * with nothing done. A cancel request does not stop it: nothing stops a write that is on its way.
   */
  runHere(
    plan: QueryPlan,
    values: readonly SqlValue[],
    consistency: Consistency | null,
    receiver: ResultReceiver,
  ): boolean {
    const step = plan.steps[0]
    if (plan.effects.length > 0 || plan.sessionValues.length > 0 || plan.utcOnly !== null) return false
    if (plan.steps.length !== 1 || step === undefined) return false
    if (plan.isRead) this.#session.consistency = consistency ?? this.#settings.consistency
    return this.#session.executeHere?.(receiver, bound(step, values)) ?? false
  }

  /**
   * A read whose rows come page by page and are never in memory as a whole: for results that `run` refuses as too large. Inside an
   * open transaction it reads at its snapshot.
   */
  async *stream(plan: QueryPlan, clientValues: readonly SqlValue[]): AsyncGenerator<ResultPage, void, void> {
    const values =
      plan.sessionValues.length === 0 ? clientValues : await this.#withSessionValues(plan, clientValues)
    this.#transaction.hasRun = true
    const statement = bound(must(plan.steps[plan.resultStep]), values)
    const events = this.#session.batch([{ statement, condition: null }])
    let columns: readonly ResultColumn[] = []
    try {
      for (;;) {
        const next = await this.watched(() => events.next())
        if (next.done === true) return
        const event = next.value
        if (event.type === 'step_begin') columns = event.columns
        else if (event.type === 'rows') yield { columns, rows: event.rows }
        else if (event.type === 'step_error') throw event.error
      }
    } finally {
      // Whoever stops in the middle leaves the session free for the next statement.
      await events.return()
    }
  }

  /** Runs `work` so that cancel requests and the statement timeout reach it. */
  async watched<T>(work: () => Promise<T>): Promise<T> {
    this.#isRunning = true
    this.#cancelReason = null
    const timer = this.#startTimeout()
    try {
      return await work()
    } catch (error) {
      throw this.#cancelled(error)
    } finally {
      clearTimeout(timer)
      this.#isRunning = false
    }
  }

  /** pg_sleep, which cancelling ends early. */
  async sleep(seconds: number): Promise<void> {
    await this.watched(async () => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(seconds * 1000, 2 ** 31 - 1))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = null
      if (this.#cancelReason !== null) throw new HarmonyError('STATEMENT_CANCELLED', 'pg_sleep was cancelled')
    })
  }

  #requireUtc(construct: string): void {
    if (isUtc(this.#settings.timeZone)) return
    throw new PgError('0A000', `${construct} in a time zone other than UTC is not supported by HarmonyDB`, {
      hint: "SET TIME ZONE 'UTC'.",
    })
  }

  /** For what begins to write before it has a statement. Rejects with 25006. */
  async beginWrite(command: string): Promise<void> {
    await this.#prepareWrite(command, 'group')
  }

  /** Of the transaction that is open, or that a statement would begin. */
  get #isReadOnly(): boolean {
    if (this.#transaction.isOpen) return this.#transaction.isReadOnly
    return this.#settings.find('default_transaction_read_only') === 'on'
  }

  async #prepareWrite(command: string, surroundings: Surroundings): Promise<void> {
    if (this.#isReadOnly) throw new PgError('25006', `cannot execute ${command} in a read-only transaction`)
    if (surroundings === 'group') await this.#transaction.ensureImplicit(false)
  }

  async #runSteps(plan: QueryPlan, values: readonly SqlValue[]): Promise<StatementResult> {
    const only = plan.steps.length === 1 ? plan.steps[0] : undefined
    if (only !== undefined) {
      const statement = bound(only, values)
      return (plan.isRead ? this.#session.executeNow?.(statement) : null) ?? this.#session.execute(statement)
    }
    if (plan.sessionValues.some(({ kind }) => kind === 'carried')) return this.#runCarrying(plan, values)
    const statements = plan.steps.map((step) => bound(step, values))
    if (this.#session.isAutocommit) {
      return must((await this.#session.executeAtomic(statements))[plan.resultStep])
    }
    const results: StatementResult[] = []
    for (const statement of statements) results.push(await this.#session.execute(statement))
    return must(results[plan.resultStep])
  }

  /** Steps that hand their rows on. They need a transaction, because what is handed on has to come back here in between. */
  async #runCarrying(plan: QueryPlan, values: readonly SqlValue[]): Promise<StatementResult> {
    const isOwn = this.#session.isAutocommit
    if (isOwn) await this.#session.execute({ sql: 'BEGIN', args: NO_ARGUMENTS })
    try {
      const carried = [...values]
      let result: StatementResult | null = null
      for (const [index, step] of plan.steps.entries()) {
        result = await this.#session.execute(bound(step, carried))
        carry(plan, index, result.rows, carried)
      }
      if (isOwn) await this.#session.execute({ sql: 'COMMIT', args: NO_ARGUMENTS })
      return must(result)
    } catch (error) {
      if (isOwn && !this.#session.isAutocommit)
        await this.#session.execute({ sql: 'ROLLBACK', args: NO_ARGUMENTS })
      throw error
    }
  }

  async #withSessionValues(plan: QueryPlan, clientValues: readonly SqlValue[]): Promise<readonly SqlValue[]> {
    const values = clientValues.slice(0, plan.clientParameterCount)
    for (const value of plan.sessionValues) values.push(await this.#sessionValue(value))
    return values
  }

  #sessionValue(value: SessionValue): SqlValue | Promise<SqlValue> {
    switch (value.kind) {
      case 'user':
        return this.#facts.user
      case 'database':
        return this.#facts.database
      case 'processId':
        return BigInt(this.#facts.processId)
      case 'now':
        return this.#now(value.as)
      case 'timestamptz':
        return TIMESTAMPTZ_CODEC.decodeText(value.text, value.modifier, { timeZone: this.#settings.timeZone })
      case 'sleep':
        return this.sleep(value.seconds).then(() => '')
      case 'carried':
        return null
      case 'catalog':
        return this.#catalog.catalogJson(value.relation)
      case 'setting':
        return value.isMissingOk ? this.#settings.find(value.name) : this.#settings.get(value.name)
    }
  }

  /** In the session's zone, but for timestamptz, which is stored in UTC. */
  #now(as: 'timestamptz' | 'timestamp' | 'date' | 'time'): string {
    const utc = BigInt(this.#transaction.nowMs()) * 1000n
    if (as === 'timestamptz') return storedTimestampTz(utc)
    const local = utc + BigInt(this.#settings.timeZone.offsetSeconds(Number(utc / MICROS))) * MICROS
    if (as === 'timestamp') return timestampText(local)
    const days = Number(local / (86_400n * MICROS))
    return as === 'date' ? dateText(days) : timeText(local % (86_400n * MICROS))
  }

  #startTimeout(): NodeJS.Timeout | undefined {
    const setting = this.#settings.find('statement_timeout')
    if (setting === '0' || setting === null) return undefined
    const timeoutMs = durationMs(setting)
    if (timeoutMs === null || timeoutMs === 0) return undefined
    return setTimeout(() => this.cancel('statement timeout'), timeoutMs)
  }

  #cancelled(error: unknown): unknown {
    if (this.#cancelReason === null) return error
    if (!(error instanceof HarmonyError) || error.code !== 'STATEMENT_CANCELLED') return error
    return new PgError('57014', `canceling statement due to ${this.#cancelReason}`)
  }
}

/** JSON of the rows, where a later step waits for them. */
function carry(
  plan: QueryPlan,
  step: number,
  rows: readonly (readonly SqlValue[])[],
  values: SqlValue[],
): void {
  const at = plan.sessionValues.findIndex((value) => value.kind === 'carried' && value.step === step)
  if (at < 0) return
  const items = rows.map((row) => `[${row.map(jsonOf).join(',')}]`)
  values[plan.clientParameterCount + at] = `[${items.join(',')}]`
}

function jsonOf(value: SqlValue): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' && Number.isFinite(value))
    return Number.isInteger(value) ? `${value}.0` : String(value)
  throw new PgError('0A000', 'this value in RETURNING of a statement in WITH is not supported by HarmonyDB')
}

const NO_NAMES: readonly [] = []

function bound(
  step: PlanStep,
  values: readonly SqlValue[],
): { sql: string; args: { positional: readonly SqlValue[]; named: readonly [] } } {
  if (step.parameterOrder !== null) {
    const positional = step.parameterOrder.map((number) => values[number - 1] ?? null)
    return { sql: step.sql, args: { positional, named: NO_NAMES } }
  }
  const positional = values.length === step.parameterCount ? values : values.slice(0, step.parameterCount)
  return { sql: step.sql, args: { positional, named: NO_NAMES } }
}
