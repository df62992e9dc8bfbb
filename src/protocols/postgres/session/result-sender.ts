/** Results on their way to the client: descriptions, rows with back-pressure, tags. */

import type { ResultColumn, SqlValue } from '../../../base/value.ts'
import type { ValueStyle } from '../types/codec.ts'
import { commandComplete, NO_DATA, PORTAL_SUSPENDED, rowDescription, type Encoder } from '../wire/encoder.ts'
import type { Format } from '../wire/messages.ts'
import type { ResultPage } from './executor.ts'
import type { ClientOutput } from './output.ts'
import { sameFormats, writersOf, type Portal } from './prepared.ts'
import { fieldDescriptions, type CommandResult, type ResolvedColumn } from './result.ts'
import { writeRow, type ValueWriter } from './row-writer.ts'

/**
 * RowDescription messages ready made, by the columns, which a prepared statement keeps: clients ask for the description with every Execute,
 * and nearly always in the same formats.
 */
const described = new WeakMap<
  readonly ResolvedColumn[],
  { readonly formats: readonly Format[]; readonly bytes: Buffer }
>()

function describeRows(out: Encoder, columns: readonly ResolvedColumn[], formats: readonly Format[]): void {
  const known = described.get(columns)
  if (known !== undefined && sameFormats(known.formats, formats)) return out.bytes(known.bytes)
  const mark = out.mark()
  rowDescription(out, fieldDescriptions(columns, formats))
  described.set(columns, { formats, bytes: out.copySince(mark) })
}

export class ResultSender {
  readonly #output: ClientOutput
  readonly #out: Encoder
  readonly #style: ValueStyle

  constructor(output: ClientOutput, style: ValueStyle) {
    this.#output = output
    this.#out = output.encoder
    this.#style = style
  }

  describe(columns: readonly ResolvedColumn[] | null, formats: readonly Format[]): void {
    if (columns === null) this.#out.bytes(NO_DATA)
    else describeRows(this.#out, columns, formats)
  }

  /** All of it, in text format, as a simple query is answered. */
  async simple(result: CommandResult): Promise<void> {
    if (result.columns !== null) {
      rowDescription(this.#out, fieldDescriptions(result.columns, []))
      await this.#rows(result, writersOf(result.columns, []), 0, result.rows.length)
    }
    commandComplete(this.#out, result.tag)
  }

  /**
   * Rows page by page, for a result that is too large to be held. `layout` is asked with the columns of the first page; it gives the writers.
   */
  async stream(
    pages: AsyncIterable<ResultPage>,
    layout: (told: readonly ResultColumn[]) => readonly ValueWriter[],
  ): Promise<void> {
    let writers: readonly ValueWriter[] | null = null
    let count = 0
    for await (const { columns, rows } of pages) {
      writers ??= layout(columns)
      for (const row of rows) {
        writeRow(this.#out, writers, row, this.#style)
        const slow = this.#output.flushIfLarge()
        if (slow !== null) await slow
      }
      count += rows.length
    }
    commandComplete(this.#out, `SELECT ${count}`)
  }

  /** All of a small result at once; null unless the client is slow. */
  whole({ rows, tag }: CommandResult, writers: readonly ValueWriter[]): Promise<void> | null {
    for (const row of rows) writeRow(this.#out, writers, row, this.#style)
    commandComplete(this.#out, tag)
    return this.#output.flushIfLarge()
  }

  /** `whole` for one of many who were answered together: what is behind the result is written when all of them have theirs. */
  wholeOfMany(result: CommandResult, writers: readonly ValueWriter[]): Promise<void> | null {
    const slow = this.whole(result, writers)
    this.#out.shareSlab()
    return slow
  }

  /** As PostgreSQL: a portal that gave exactly what was asked for does not know yet that it is at its end. */
  async portal(portal: Portal, result: CommandResult, rowsMax: number): Promise<void> {
    const left = result.rows.length - portal.nextRow
    const count = rowsMax > 0 ? Math.min(left, rowsMax) : left
    if (result.columns !== null && count > 0) await this.#rows(result, portal.writers, portal.nextRow, count)
    portal.nextRow += count
    if (rowsMax > 0 && count === rowsMax && result.columns !== null) this.#out.bytes(PORTAL_SUSPENDED)
    else commandComplete(this.#out, portalTag(result, count))
    this.#out.shareSlab()
  }

  async #rows(
    result: CommandResult,
    writers: readonly ValueWriter[],
    from: number,
    count: number,
  ): Promise<void> {
    const { rows } = result
    for (let index = from; index < from + count; index++) {
      writeRow(this.#out, writers, rows[index] as readonly SqlValue[], this.#style)
      const slow = this.#output.flushIfLarge()
      if (slow !== null) await slow
    }
    // Whoever has waited for the next turn of the event loop goes on together with others, step by step: each would hold a slab meanwhile.
    this.#out.shareSlab()
  }
}

/** A portal that is fetched in parts counts each part. */
function portalTag(result: CommandResult, count: number): string {
  if (result.columns === null || count === result.rows.length) return result.tag
  return result.tag.replace(/\d+$/, `${count}`)
}
