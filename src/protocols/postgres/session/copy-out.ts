/** COPY TO STDOUT in its three formats. */

import type { ResultColumn, SqlValue } from '../../../base/value.ts'
import type { CopyOptions, UtilityPlan } from '../dialect/plan.ts'
import type { ValueStyle } from '../types/codec.ts'
import { COPY_DATA, COPY_DONE, commandComplete, copyResponse, type Encoder } from '../wire/encoder.ts'
import type { Executor } from './executor.ts'
import type { ClientOutput } from './output.ts'
import { resolveColumns, type ResolvedColumn } from './result.ts'

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')

type CopyOutPlan = Extract<UtilityPlan, { kind: 'copyOut' }>

export async function runCopyOut(
  plan: CopyOutPlan,
  executor: Executor,
  output: ClientOutput,
  style: ValueStyle,
): Promise<void> {
  const out = output.encoder
  let writer: CopyWriter | null = null
  let count = 0
  const start = (told: readonly ResultColumn[]): CopyWriter => {
    const columns = resolveColumns(plan.query.columns, told)
    copyResponse(out, 'H', plan.options.format === 'binary' ? 1 : 0, columns.length)
    const started = new CopyWriter(out, plan.options, columns, style)
    started.start()
    return started
  }
  for await (const page of executor.stream(plan.query, [])) {
    writer ??= start(page.columns)
    for (const row of page.rows) {
      writer.row(row)
      const slow = output.flushIfLarge()
      if (slow !== null) await slow
    }
    count += page.rows.length
  }
  writer ??= start(toldBy(plan.query))
  writer.end()
  out.bytes(COPY_DONE)
  commandComplete(out, `COPY ${count}`)
}

/** Without a row, the plan's own columns are all there is to tell. */
function toldBy(plan: CopyOutPlan['query']): ResultColumn[] {
  return (plan.columns ?? []).map(({ name }) => ({ name, declaredType: null }))
}

class CopyWriter {
  readonly #out: Encoder
  readonly #options: CopyOptions
  readonly #columns: readonly ResolvedColumn[]
  readonly #style: ValueStyle

  constructor(out: Encoder, options: CopyOptions, columns: readonly ResolvedColumn[], style: ValueStyle) {
    this.#out = out
    this.#options = options
    this.#columns = columns
    this.#style = style
  }

  start(): void {
    if (this.#options.format === 'binary') {
      this.#out.beginMessage(COPY_DATA)
      this.#out.bytes(SIGNATURE)
      this.#out.i32(0)
      this.#out.i32(0)
      this.#out.endMessage()
    } else if (this.#options.header) {
      this.#line(this.#columns.map(({ name }) => this.#field(name, name)))
    }
  }

  /** A value that can't be written leaves nothing of its row behind. */
  row(row: readonly SqlValue[]): void {
    const mark = this.#out.mark()
    try {
      this.#row(row)
    } catch (error) {
      this.#out.rewind(mark)
      throw error
    }
  }

  #row(row: readonly SqlValue[]): void {
    if (this.#options.format === 'binary') this.#binaryRow(row)
    else this.#line(this.#columns.map((column, index) => this.#textOf(column, row[index] ?? null)))
  }

  end(): void {
    if (this.#options.format !== 'binary') return
    this.#out.beginMessage(COPY_DATA)
    this.#out.i16(-1)
    this.#out.endMessage()
  }

  #binaryRow(row: readonly SqlValue[]): void {
    this.#out.beginMessage(COPY_DATA)
    this.#out.i16(this.#columns.length)
    for (const [index, { type }] of this.#columns.entries()) {
      const value = row[index] ?? null
      if (value === null) this.#out.nullValue()
      else type.type.codec.encodeBinary(this.#out, value, type.modifier)
    }
    this.#out.endMessage()
  }

  #textOf(column: ResolvedColumn, value: SqlValue): string {
    if (value === null) return this.#options.nullText
    const { type, modifier } = column.type
    return this.#field(type.codec.encodeText(value, modifier, this.#style), column.name)
  }

  #field(text: string, name: string): string {
    return this.#options.format === 'csv'
      ? this.#csvField(text, name)
      : escaped(text, this.#options.delimiter)
  }

  #csvField(text: string, name: string): string {
    const { quote, escape, delimiter, nullText, forceQuote } = this.#options
    const isForced = forceQuote === '*' || forceQuote?.includes(name) === true
    const isSpecial =
      text.includes(delimiter) ||
      text.includes(quote) ||
      /[\r\n]/.test(text) ||
      text === nullText ||
      text === '\\.'
    if (!isForced && !isSpecial) return text
    const inner = text.replaceAll(escape, escape + escape)
    return quote + (escape === quote ? inner : inner.replaceAll(quote, escape + quote)) + quote
  }

  #line(fields: readonly string[]): void {
    this.#out.beginMessage(COPY_DATA)
    this.#out.text(`${fields.join(this.#options.delimiter)}\n`)
    this.#out.endMessage()
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}

function escaped(text: string, delimiter: string): string {
  // oxlint-disable-next-line no-control-regex -- these are the characters that the format escapes
  const plain = text.replaceAll(/[\b\f\n\r\t\v\\]/g, (character) => ESCAPES[character] ?? character)
  return delimiter === '\t' ? plain : plain.replaceAll(delimiter, `\\${delimiter}`)
}
