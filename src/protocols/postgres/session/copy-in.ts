/**
 * COPY FROM STDIN: decodes what the client sends and inserts it in batches inside one transaction, so that all of it is there or nothing.
 */

import type { SqlValue } from '../../../base/value.ts'
import type { CopyColumn, PlanStep, QueryPlan, UtilityPlan } from '../dialect/plan.ts'
import { PgError, protocolViolation } from '../error.ts'
import type { ValueStyle } from '../types/codec.ts'
import { copyResponse, type Encoder } from '../wire/encoder.ts'
import type { FrontendMessage } from '../wire/messages.ts'
import {
  BinaryCopyParser,
  CsvCopyParser,
  TextCopyParser,
  type CopyParser,
  type CopyRow,
} from './copy-parsers.ts'
import type { Executor, Surroundings } from './executor.ts'
import type { TransactionState } from './transaction.ts'

/** SQLite's default bound is 32,766 parameters; fewer rows make the same few statements come again. */
const BATCH_PARAMETERS_MAX = 4096
const BATCH_ROWS_MAX = 512

type CopyInPlan = Extract<UtilityPlan, { kind: 'copyIn' }>

export class CopyIn {
  readonly #plan: CopyInPlan
  readonly #executor: Executor
  readonly #transaction: TransactionState
  readonly #style: ValueStyle
  readonly #surroundings: Surroundings
  readonly #parser: CopyParser
  readonly #batchRows: number
  #values: SqlValue[] = []
  #rowCount = 0
  #line = 0

  constructor(
    plan: CopyInPlan,
    executor: Executor,
    transaction: TransactionState,
    style: ValueStyle,
    surroundings: Surroundings,
  ) {
    this.#plan = plan
    this.#executor = executor
    this.#transaction = transaction
    this.#style = style
    this.#surroundings = surroundings
    this.#parser = parserFor(plan)
    this.#batchRows = Math.max(
      1,
      Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_PARAMETERS_MAX / Math.max(1, plan.columns.length))),
    )
  }

  async start(out: Encoder): Promise<void> {
    await this.#transaction.ensureImplicit(false)
    const format = this.#plan.options.format === 'binary' ? 1 : 0
    copyResponse(out, 'G', format, this.#plan.columns.length)
  }

  /** The tag when it is done, null while it goes on. Throws when it has failed. */
  async handle(message: FrontendMessage): Promise<string | null> {
    switch (message.kind) {
      case 'copyData':
        await this.#take(this.#parser.push(message.data))
        return null
      case 'copyDone':
        await this.#take(this.#parser.end())
        await this.#insertBatch()
        // A lone COPY is its own transaction; in a group the Sync or the end of the query ends it.
        if (this.#surroundings === 'alone') await this.#transaction.endImplicit()
        return `COPY ${this.#rowCount}`
      case 'copyFail':
        throw new PgError('57014', `COPY from stdin failed: ${message.reason}`)
      case 'flush':
      case 'sync':
        return null
      case 'query':
      case 'parse':
      case 'bind':
      case 'describe':
      case 'execute':
      case 'close':
      case 'terminate':
      case 'authentication':
      case 'functionCall':
        throw protocolViolation(`unexpected message "${message.kind}" during COPY from stdin`)
    }
  }

  async #take(rows: Iterable<CopyRow>): Promise<void> {
    for (const row of rows) {
      this.#line++
      this.#add(row)
      if (this.#values.length >= this.#batchRows * this.#plan.columns.length) await this.#insertBatch()
    }
  }

  #add(row: CopyRow): void {
    const { columns } = this.#plan
    if (row.length !== columns.length) throw this.#wrongCount(row.length)
    for (let index = 0; index < columns.length; index++) {
      const field = row[index] ?? null
      this.#values.push(field === null ? null : this.#decode(columns[index] as CopyColumn, field))
    }
    this.#rowCount++
  }

  #decode(column: CopyColumn, field: string | Buffer): SqlValue {
    const { type, modifier } = column.type
    if (typeof field === 'string') return type.codec.decodeText(field, modifier, this.#style)
    return type.codec.decodeBinary(field, modifier)
  }

  #wrongCount(count: number): PgError {
    const missing = this.#plan.columns[count]?.name
    const message =
      missing === undefined ? 'extra data after last expected column' : `missing data for column "${missing}"`
    return new PgError('22P04', message, { detail: `COPY ${this.#plan.table}, line ${this.#line}` })
  }

  async #insertBatch(): Promise<void> {
    if (this.#values.length === 0) return
    const values = this.#values
    this.#values = []
    const rowCount = values.length / this.#plan.columns.length
    await this.#executor.run(insertPlan(this.#plan, rowCount), values, 'group')
  }
}

function parserFor(plan: CopyInPlan): CopyParser {
  switch (plan.options.format) {
    case 'text':
      return new TextCopyParser(plan.options)
    case 'csv':
      return new CsvCopyParser(
        plan.options,
        plan.columns.map(({ name }) => name),
      )
    case 'binary':
      return new BinaryCopyParser()
  }
}

function insertPlan(plan: CopyInPlan, rowCount: number): QueryPlan {
  const names = plan.columns.map(({ name }) => quoted(name)).join(', ')
  const row = `(${plan.columns.map(() => '?').join(', ')})`
  const step: PlanStep = {
    sql: `INSERT INTO ${quoted(plan.table)} (${names}) VALUES ${Array.from({ length: rowCount }, () => row).join(', ')}`,
    parameterCount: rowCount * plan.columns.length,
    parameterOrder: null,
  }
  return {
    kind: 'query',
    steps: [step],
    resultStep: 0,
    command: 'INSERT',
    returnsRows: false,
    columns: null,
    sessionValues: [],
    clientParameterCount: step.parameterCount,
    utcOnly: null,
    isRead: false,
    changesSchema: false,
    notices: [],
    syntaxError: null,
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
