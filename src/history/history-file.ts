/**
 * Histories as text: what clients of a system asked and were told, one JSON object a line, in the order in which it happened. The form is
 * Jepsen's, so that its histories, and those of Maelstrom and elle-cli, need no conversion beyond one to lines of JSON.
 *
 * ```
 * {"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 3}
 * {"process": 0, "type": "ok",     "f": "write", "key": "x", "value": 3}
 * ```
 *
 * - `type`: `invoke`, then one of `ok` (it happened), `fail` (it did not, for certain), `info` (nobody knows). What has no second
 *   line is `info` as well. A process does one thing at a time; after `info` it may go on with another. What is `ok` repeats what
 *   was asked, with what was read; without `key`, and of a write without `value`, it is taken as it was asked.
 * - `f`: for registers `read`, `write`, `cas` with `value` [expected, new]; what was never written is null. For lists `txn`, whose `value`
 *   is an array of `["append", key, element]` and `["r", key, list]`; an element is appended to a list at most once.
 * - `key`: of a register; one for all where it is missing. Other fields (`time`, `node`, …) are kept out, and so are lines of the
 *   process `nemesis`, which tell what went wrong on purpose.
 * - Whole numbers beyond 2^53 are refused: JavaScript's JSON makes two of them one. They may be texts.
 */

import { isDeepStrictEqual } from 'node:util'
import { HistoryFormatError } from './history-format-error.ts'
import { ListHistory } from './list-history.ts'
import { assertSameSteps, stepsOf } from './list-steps.ts'

export type Outcome = 'ok' | 'fail' | 'info'

/** What the first line asks decides: it is one kind or the other. */
export type History =
  | { readonly model: 'registers'; readonly operations: readonly HistoryOperation[] }
  | { readonly model: 'lists'; readonly transactions: ListHistory }

/** A call and its return. Positions are line numbers from 1; they are the only clock. */
export interface HistoryOperation {
  readonly process: string
  readonly f: string
  readonly key: string
  readonly outcome: Outcome
  readonly invokedAt: number
  /** Null where nobody heard of it again. */
  readonly completedAt: number | null
  /** As it was asked. */
  readonly asked: unknown
  /** As it was answered; for `ok` only, else undefined. */
  readonly answered: unknown
}

interface Event {
  readonly process: string
  readonly type: string
  readonly f: string
  /** Null where the line has none. */
  readonly key: string | null
  readonly value: unknown
}

interface Open {
  readonly f: string
  readonly key: string
  readonly invokedAt: number
  readonly asked: unknown
  /** Its number in the history of lists; of registers, none. */
  readonly transaction: number | null
}

/** Throws HistoryFormatError. */
export function parseHistory(lines: Iterable<string>): History {
  const reader = new HistoryReader()
  for (const line of lines) reader.line(line)
  return reader.end()
}

/** For histories that are too long for one string: line by line. What a line of lists says is packed at once. */
export class HistoryReader {
  readonly #open = new Map<string, Open>()
  readonly #operations: HistoryOperation[] = []
  /** Null for registers; undefined before the first line. */
  #lists: ListHistory | null | undefined
  #at = 0

  /** Throws HistoryFormatError. Empty lines count and mean nothing. */
  line(text: string): void {
    this.#at++
    if (text.trim() === '') return
    const event = parseEvent(text, this.#at)
    if (event === null) return
    if (event.type === 'invoke') this.#invoke(event)
    else this.#complete(event)
  }

  /** Throws HistoryFormatError. */
  end(): History {
    for (const [process, open] of this.#open) this.#push(process, open, 'info', null, undefined)
    this.#open.clear()
    if (this.#lists === undefined) throw new HistoryFormatError(1, 'an empty history')
    if (this.#lists !== null) return { model: 'lists', transactions: this.#lists }
    const operations = this.#operations.toSorted((left, right) => left.invokedAt - right.invokedAt)
    return { model: 'registers', operations }
  }

  #invoke({ process, f, key, value }: Event): void {
    if (this.#open.has(process))
      throw new HistoryFormatError(this.#at, `process ${process} asks again before it has heard of the last`)
    this.#lists ??= this.#lists === null || f !== 'txn' ? null : new ListHistory()
    if (this.#lists !== null && f !== 'txn')
      throw new HistoryFormatError(this.#at, `"f" is ${JSON.stringify(f)} among txns`)
    const transaction = this.#lists?.begin(process, this.#at) ?? null
    this.#open.set(process, { f, key: key ?? 'null', invokedAt: this.#at, asked: value, transaction })
  }

  #complete({ process, type, f, key, value }: Event): void {
    const open = this.#open.get(process)
    if (open === undefined)
      throw new HistoryFormatError(this.#at, `process ${process} hears of something that it did not ask`)
    if (open.f !== f)
      throw new HistoryFormatError(this.#at, `process ${process} asked ${open.f} and hears of ${f}`)
    if (key !== null && key !== open.key)
      throw new HistoryFormatError(this.#at, `process ${process} asked for ${open.key} and hears of ${key}`)
    this.#open.delete(process)
    if (type === 'info') this.#push(process, open, 'info', null, undefined)
    else if (type === 'fail') this.#push(process, open, 'fail', this.#at, undefined)
    else {
      if (open.transaction === null) assertSameRequest(open, value, this.#at)
      this.#push(process, open, 'ok', this.#at, value)
    }
  }

  #push(process: string, open: Open, outcome: Outcome, completedAt: number | null, answered: unknown): void {
    const { f, key, invokedAt, asked, transaction } = open
    if (transaction === null) {
      this.#operations.push({ process, f, key, invokedAt, asked, outcome, completedAt, answered })
      return
    }
    const line = completedAt ?? invokedAt
    const steps = stepsOf(outcome === 'ok' ? answered : asked, line, outcome === 'ok')
    if (outcome === 'ok') assertSameSteps({ asked, answered }, steps, line)
    this.#lists?.complete(transaction, outcome, completedAt, steps)
  }
}

/** What was done is what was asked: else the history tells of two operations, and nobody knows which one happened. */
function assertSameRequest({ f, asked }: Open, answered: unknown, line: number): void {
  if (f === 'read' || answered === undefined || isDeepStrictEqual(asked, answered)) return
  throw new HistoryFormatError(
    line,
    `a ${f} of ${JSON.stringify(asked)} was asked, and one of ${JSON.stringify(answered)} is answered`,
  )
}

const TYPES: ReadonlySet<unknown> = new Set(['invoke', 'ok', 'fail', 'info'])

/** Null for what is no operation. */
function parseEvent(text: string, line: number): Event | null {
  const json = parseJson(text, line)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new HistoryFormatError(line, 'no JSON object')
  const { process, type, f, key, value } = json as Record<string, unknown>
  if (process === 'nemesis') return null
  if (!TYPES.has(type)) throw new HistoryFormatError(line, '"type" is none of invoke, ok, fail, info')
  if (typeof f !== 'string') throw new HistoryFormatError(line, '"f" is no string')
  if (typeof process !== 'number' && typeof process !== 'string')
    throw new HistoryFormatError(line, '"process" is no number and no string')
  return {
    process: String(process),
    type: String(type),
    f,
    key: key === undefined ? null : JSON.stringify(key),
    value,
  }
}

/** Some editors begin a file with a byte order mark. */
function parseJson(text: string, line: number): unknown {
  try {
    return JSON.parse(line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch (error) {
    const reason = (error as Error).message.replace(/ \(line \d+ column \d+\)$/, '')
    throw new HistoryFormatError(line, `no JSON: ${reason}`)
  }
}
