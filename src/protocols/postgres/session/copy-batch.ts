/**
 * Rows of COPY FROM STDIN on their way to SQLite, some hundreds or thousands as one INSERT.
 *
 * A transaction is one entry of the log, whose size is bounded, and a COPY is (part of) one transaction. So a large COPY is packed: the rows of a batch become one JSON
 * text, deflated, which the statement takes apart again (`json_each(pg_unpack(?))`). That takes a tenth of the room of single values, on the
 * network between members, in the log and in memory, so that ten times as many rows fit. Small ones stay plain: their
 * statements can be read by whoever looks into the log, and nothing is to be saved.
 *
 * JSON holds integers of 64 bits and text exactly. A batch with any other value (REAL, BLOB) stays plain, because SQLite
 * need not read a number's digits as the number that wrote them.
 *
 * Rejected: one transaction in several entries. A part that is in the log without the rest would have to be known for what it is by replay, snapshots, the change feed and
 * whoever takes over as the leader. Several transactions, one after the other: others would see half a COPY, and an error in its last line would undo nothing.
 */

import { deflateRawSync } from 'node:zlib'
import type { SqlValue } from '../../../base/value.ts'
import { quoteName } from '../dialect/ast.ts'
import type { PlanStep, QueryPlan, UtilityPlan } from '../dialect/plan.ts'

type CopyInPlan = Extract<UtilityPlan, { kind: 'copyIn' }>

export interface CopyBatch {
  readonly plan: QueryPlan
  readonly values: readonly SqlValue[]
}

/** SQLite's default bound is 32,766 parameters; fewer rows make the same few statements come again. */
const PLAIN_PARAMETERS_MAX = 4096
const PLAIN_ROWS_MAX = 512
/** So many rows are plain before packing begins. */
const PLAIN_ROWS_FIRST = 4096
/** What one packed statement holds back others for, in the engine: some 10 ms. */
const PACKED_ROWS_MAX = 4096
/** Of values: bounds what wide rows put together. */
const PACKED_TEXT_LENGTH_MAX = 1024 * 1024
/** Speed counts more than the last tenth. */
const DEFLATE = { level: 1 }

/** Collects rows until there are enough for a batch. */
export class CopyBatches {
  readonly #plan: CopyInPlan
  readonly #width: number
  #values: SqlValue[] = []
  #textLength = 0
  #isPackable = true
  #rowsBefore = 0

  constructor(plan: CopyInPlan) {
    this.#plan = plan
    this.#width = plan.columns.length
  }

  /** The next value of the row. */
  add(value: SqlValue): void {
    this.#values.push(value)
    if (typeof value === 'string') this.#textLength += value.length
    else if (value !== null && typeof value !== 'bigint') this.#isPackable = false
  }

  /** Asked between rows. */
  get isFull(): boolean {
    return this.#rowCount >= this.#rowsMax || this.#textLength > PACKED_TEXT_LENGTH_MAX
  }

  /** What there is, in order. More than one where rows that were meant to be packed turned out not to be packable. */
  take(): readonly CopyBatch[] {
    if (this.#rowCount === 0) return []
    const batches = this.#isPacking ? [packed(this.#plan, this.#values)] : this.#plain()
    this.#rowsBefore += this.#rowCount
    this.#values = []
    this.#textLength = 0
    this.#isPackable = true
    return batches
  }

  #plain(): CopyBatch[] {
    const step = this.#plainRowsMax * this.#width
    const batches: CopyBatch[] = []
    for (let at = 0; at < this.#values.length; at += step) {
      const values = this.#values.slice(at, at + step)
      batches.push({ plan: plainPlan(this.#plan, values.length / this.#width), values })
    }
    return batches
  }

  get #rowCount(): number {
    return this.#width === 0 ? 0 : this.#values.length / this.#width
  }

  get #isPacking(): boolean {
    return this.#isPackable && this.#rowsBefore >= PLAIN_ROWS_FIRST
  }

  get #rowsMax(): number {
    return this.#isPacking ? PACKED_ROWS_MAX : this.#plainRowsMax
  }

  get #plainRowsMax(): number {
    return Math.max(1, Math.min(PLAIN_ROWS_MAX, Math.floor(PLAIN_PARAMETERS_MAX / Math.max(1, this.#width))))
  }
}

function insertInto({ table, columns }: CopyInPlan): string {
  return `INSERT INTO ${quoteName(table)} (${columns.map(({ name }) => quoteName(name)).join(', ')})`
}

function plainPlan(plan: CopyInPlan, rowCount: number): QueryPlan {
  const row = `(${plan.columns.map(() => '?').join(', ')})`
  const rows = Array.from({ length: rowCount }, () => row).join(', ')
  return insertPlan(`${insertInto(plan)} VALUES ${rows}`, rowCount * plan.columns.length)
}

function packed(plan: CopyInPlan, values: readonly SqlValue[]): CopyBatch {
  const items = plan.columns.map((_, index) => `value ->> ${index}`).join(', ')
  return {
    plan: insertPlan(`${insertInto(plan)} SELECT ${items} FROM json_each(pg_unpack(?))`, 1),
    values: [deflateRawSync(jsonRows(values, plan.columns.length), DEFLATE)],
  }
}

function jsonRows(values: readonly SqlValue[], width: number): string {
  let text = '['
  for (let index = 0; index < values.length; index++) {
    const column = index % width
    text += column > 0 ? ',' : index === 0 ? '[' : '],['
    const value = values[index]
    text += typeof value === 'string' ? JSON.stringify(value) : String(value)
  }
  return `${text}]]`
}

function insertPlan(sql: string, parameterCount: number): QueryPlan {
  const step: PlanStep = { sql, parameterCount, parameterOrder: null }
  return {
    kind: 'query',
    steps: [step],
    resultStep: 0,
    command: 'INSERT',
    returnsRows: false,
    columns: null,
    sessionValues: [],
    clientParameterCount: parameterCount,
    utcOnly: null,
    isRead: false,
    changesSchema: false,
    effects: [],
    notices: [],
    target: null,
    syntaxError: null,
  }
}
