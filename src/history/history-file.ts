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
 *   line is `info` as well. A process does one thing at a time; after `info` it may go on with another.
 * - `f`: for registers `read`, `write`, `cas` with `value` [expected, new]; what was never written is null. For lists `txn`, whose `value`
 *   is an array of `["append", key, element]` and `["r", key, list]`; an element is appended to a list at most once.
 * - `key`: of a register; one for all where it is missing. Other fields (`time`, `node`, …) are kept out.
 */

import { HistoryFormatError } from './history-format-error.ts'
import { ListHistory } from './list-history.ts'
import { stepsOf } from './list-steps.ts'

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
  readonly key: string
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
    this.#open.set(process, { f, key, invokedAt: this.#at, asked: value, transaction })
  }

  #complete({ process, type, f, value }: Event): void {
    const open = this.#open.get(process)
    if (open === undefined)
      throw new HistoryFormatError(this.#at, `process ${process} hears of something that it did not ask`)
    if (open.f !== f)
      throw new HistoryFormatError(this.#at, `process ${process} asked ${open.f} and hears of ${f}`)
    this.#open.delete(process)
    if (type === 'info') this.#push(process, open, 'info', null, undefined)
    else this.#push(process, open, type === 'ok' ? 'ok' : 'fail', this.#at, type === 'ok' ? value : undefined)
  }

  #push(process: string, open: Open, outcome: Outcome, completedAt: number | null, answered: unknown): void {
    const { f, key, invokedAt, asked, transaction } = open
    if (transaction === null) {
      this.#operations.push({ process, f, key, invokedAt, asked, outcome, completedAt, answered })
      return
    }
    const steps = stepsOf(answered ?? asked, completedAt ?? invokedAt, outcome === 'ok')
    this.#lists?.complete(transaction, outcome, completedAt, steps)
  }
}

const TYPES: ReadonlySet<unknown> = new Set(['invoke', 'ok', 'fail', 'info'])

function parseEvent(text: string, line: number): Event {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new HistoryFormatError(line, 'no JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new HistoryFormatError(line, 'no JSON object')
  const { process, type, f, key, value } = json as Record<string, unknown>
  if (!TYPES.has(type)) throw new HistoryFormatError(line, '"type" is none of invoke, ok, fail, info')
  if (typeof f !== 'string') throw new HistoryFormatError(line, '"f" is no string')
  if (typeof process !== 'number' && typeof process !== 'string')
    throw new HistoryFormatError(line, '"process" is no number and no string')
  return { process: String(process), type: String(type), f, key: JSON.stringify(key ?? null), value }
}
