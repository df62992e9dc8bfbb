/**
 * COPY FROM STDIN: decodes what the client sends and inserts it in batches inside one transaction, so that all of it is there or nothing.
 */

import type { SqlValue } from '../../../base/value.ts'
import type { CopyColumn, UtilityPlan } from '../dialect/plan.ts'
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
import { CopyBatches } from './copy-batch.ts'
import type { Executor, Surroundings } from './executor.ts'
import type { TransactionState } from './transaction.ts'

/** A larger message is inserted in the middle, so that not all of it is in memory in two forms. */
const ABSORBED_BYTES_MAX = 64 * 1024

type CopyInPlan = Extract<UtilityPlan, { kind: 'copyIn' }>

export class CopyIn {
  readonly #plan: CopyInPlan
  readonly #executor: Executor
  readonly #transaction: TransactionState
  readonly #style: ValueStyle
  readonly #surroundings: Surroundings
  readonly #parser: CopyParser
  readonly #batches: CopyBatches
  /** The insert of one batch, while the next one is read. */
  #inFlight: Promise<void> | null = null
  #failure: { readonly error: unknown } | null = null
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
    this.#batches = new CopyBatches(plan)
  }

  async start(out: Encoder): Promise<void> {
    await this.#executor.beginWrite('COPY FROM')
    const format = this.#plan.options.format === 'binary' ? 1 : 0
    copyResponse(out, 'G', format, this.#plan.columns.length)
  }

  /** Takes data as long as nothing has to be waited for; false with nothing done otherwise. Throws what the data breaks. */
  absorb(data: Buffer): boolean {
    this.#refuseAfterFailure()
    if (this.#batches.isFull || data.length > ABSORBED_BYTES_MAX) return false
    for (const row of this.#parser.push(data)) {
      this.#line++
      this.#add(row)
    }
    if (this.#batches.isFull && this.#inFlight === null) this.#beginInsert()
    return true
  }

  /** Resolves when nothing is under way: the session is free for the next call. Never rejects. */
  async settled(): Promise<void> {
    await this.#inFlight
  }

  /** The tag when it is done, null while it goes on. Throws when it has failed. */
  async handle(message: FrontendMessage): Promise<string | null> {
    switch (message.kind) {
      case 'copyData':
        await this.#caughtUp()
        if (this.#batches.isFull) await this.#insertBatch()
        await this.#take(this.#parser.push(message.data))
        return null
      case 'copyDone':
        await this.#caughtUp()
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

  #beginInsert(): void {
    this.#inFlight = this.#insertBatch().then(
      () => {
        this.#inFlight = null
      },
      (error: unknown) => {
        this.#inFlight = null
        this.#failure = { error }
      },
    )
  }

  async #caughtUp(): Promise<void> {
    await this.#inFlight
    this.#refuseAfterFailure()
  }

  #refuseAfterFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  async #take(rows: Iterable<CopyRow>): Promise<void> {
    for (const row of rows) {
      this.#line++
      this.#add(row)
      if (this.#batches.isFull) await this.#insertBatch()
    }
  }

  #add(row: CopyRow): void {
    const { columns } = this.#plan
    if (row.length !== columns.length) throw this.#wrongCount(row.length)
    for (let index = 0; index < columns.length; index++) {
      const field = row[index] ?? null
      this.#batches.add(field === null ? null : this.#decode(columns[index] as CopyColumn, field))
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
    for (const { plan, values } of this.#batches.take()) await this.#executor.run(plan, values, 'group')
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
