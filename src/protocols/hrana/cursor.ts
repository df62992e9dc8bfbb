/**
 * A batch's events as cursor entries, a page at a time: the batch runs on only when the client asks for more, so that
 * a slow reader holds back the query and not memory.
 */

import type { SqlValue } from '../../base/value.ts'
import { rowBytes } from '../../gateway/rows-budget.ts'
import type { BatchEvent, BatchStep, ExecuteResult } from '../../gateway/session.ts'
import { toHranaError } from './error.ts'
import type { BatchResult, CursorEntry, HranaError } from './types.ts'

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

  constructor(stepCount: number) {
    this.#results = Array.from<null>({ length: stepCount }).fill(null)
    this.#errors = Array.from<null>({ length: stepCount }).fill(null)
  }

  take(event: BatchEvent): void {
    switch (event.type) {
      case 'step_begin':
        this.#columns = event.columns
        this.#rows = []
        break
      case 'rows':
        for (const row of event.rows) this.#rows.push(row)
        break
      case 'step_end':
        this.#results[event.step] = { ...event, columns: this.#columns, rows: this.#rows }
        break
      case 'step_error':
        this.#errors[event.step] = toHranaError(event.error)
        this.#rows = []
        break
    }
  }

  finish(): BatchResult {
    return { results: this.#results, errors: this.#errors }
  }
}

/** Runs a whole batch. */
export async function collectBatch(
  events: AsyncGenerator<BatchEvent, void, void>,
  steps: readonly BatchStep[],
): Promise<BatchResult> {
  const collector = new BatchCollector(steps.length)
  for await (const event of events) collector.take(event)
  return collector.finish()
}
