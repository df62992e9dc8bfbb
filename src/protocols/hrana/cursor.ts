/**
 * A batch's events as cursor entries, a page at a time: the batch runs on only when the client asks for more, so that
 * a slow reader holds back the query and not memory.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { SqlValue } from '../../base/value.ts'
import type { BatchEvent, BatchStep, ExecuteResult } from '../../gateway/session.ts'
import { toHranaError } from './error.ts'
import type { BatchResult, CursorEntry, HranaError } from './types.ts'

/** Enough to keep a page's size in hand; the encodings differ. */
function valueBytes(value: SqlValue): number {
  if (typeof value === 'string') return value.length + 24
  if (value instanceof Uint8Array) return value.byteLength + 24
  return 24
}

export function rowBytes(row: readonly SqlValue[]): number {
  let bytes = 16
  for (const value of row) bytes += valueBytes(value)
  return bytes
}

function toEntries(event: BatchEvent): CursorEntry[] {
  if (event.type === 'rows') return event.rows.map((row) => ({ type: 'row', row }))
  if (event.type !== 'step_error') return [event]
  return [{ type: 'step_error', step: event.step, error: toHranaError(event.error) }]
}

export class Cursor {
  readonly #events: AsyncGenerator<BatchEvent, void, void>
  /** Of the last event taken, from `#at` on. */
  #entries: readonly CursorEntry[] = []
  #at = 0
  #isDone = false
  #hasFailed = false

  constructor(events: AsyncGenerator<BatchEvent, void, void>) {
    this.#events = events
  }

  /** True when `read` has given the last entry. */
  get isDone(): boolean {
    return this.#isDone && this.#at === this.#entries.length
  }

  /** True if the batch as a whole failed: the last entry is an error. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** The next entries: at most `countMax`, and about `bytesMax` of rows. Empty only at the end, or if nothing is wanted. */
  async read(countMax: number, bytesMax: number): Promise<CursorEntry[]> {
    const page: CursorEntry[] = []
    let bytes = 0
    while (page.length < countMax && bytes < bytesMax) {
      const entry = this.#entries[this.#at]
      if (entry === undefined) {
        if (!(await this.#advance())) break
        continue
      }
      this.#at++
      page.push(entry)
      bytes += entry.type === 'row' ? rowBytes(entry.row) : 24
    }
    return page
  }

  /** Takes the next event; false at the end. A failure of the whole batch becomes the last entry. */
  async #advance(): Promise<boolean> {
    if (this.#isDone) return false
    this.#at = 0
    this.#entries = []
    try {
      const event = await this.#events.next()
      if (event.done === true) this.#isDone = true
      else this.#entries = toEntries(event.value)
      return event.done !== true
    } catch (error) {
      this.#isDone = true
      this.#hasFailed = true
      this.#entries = [{ type: 'error', error: toHranaError(error) }]
      return true
    }
  }

  /** Stops the batch where it stands. Never rejects. */
  async close(): Promise<void> {
    this.#isDone = true
    this.#entries = []
    this.#at = 0
    await this.#events.return().catch(() => undefined)
  }
}

/** Puts the events of a batch together again. */
class BatchCollector {
  readonly #results: (ExecuteResult | null)[]
  readonly #errors: (HranaError | null)[]
  #columns: ExecuteResult['columns'] = []
  #rows: (readonly SqlValue[])[] = []
  #bytes = 0
  readonly #bytesMax: number

  constructor(stepCount: number, bytesMax: number) {
    this.#results = Array.from<null>({ length: stepCount }).fill(null)
    this.#errors = Array.from<null>({ length: stepCount }).fill(null)
    this.#bytesMax = bytesMax
  }

  take(event: BatchEvent): void {
    switch (event.type) {
      case 'step_begin':
        this.#columns = event.columns
        this.#rows = []
        break
      case 'rows':
        this.#takeRows(event.rows)
        break
      case 'step_end':
        this.#results[event.step] = { ...event, columns: this.#columns, rows: this.#rows }
        break
      case 'step_error':
        this.#errors[event.step] = toHranaError(event.error)
        break
    }
  }

  #takeRows(rows: readonly (readonly SqlValue[])[]): void {
    for (const row of rows) this.#bytes += rowBytes(row)
    if (this.#bytes > this.#bytesMax)
      throw new HarmonyError(
        'RESPONSE_TOO_LARGE',
        `The rows of this batch pass the limit of ${this.#bytesMax} bytes, and the batch was stopped. ` +
          'Read less at once (LIMIT), or use a cursor, which has no limit.',
      )
    for (const row of rows) this.#rows.push(row)
  }

  finish(): BatchResult {
    return { results: this.#results, errors: this.#errors }
  }
}

/** Runs a whole batch. Rejects with RESPONSE_TOO_LARGE beyond `bytesMax`; the batch is stopped then. */
export async function collectBatch(
  events: AsyncGenerator<BatchEvent, void, void>,
  steps: readonly BatchStep[],
  bytesMax: number,
): Promise<BatchResult> {
  const collector = new BatchCollector(steps.length, bytesMax)
  for await (const event of events) collector.take(event)
  return collector.finish()
}
