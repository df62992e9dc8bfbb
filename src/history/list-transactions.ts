/** Transactions on lists, as far as a history tells: appends and reads, in their order. Shapes are checked here, and nowhere else. */

import type { HistoryOperation, Outcome } from './history-file.ts'
import { HistoryFormatError } from './history-file.ts'

export type Step =
  | { readonly kind: 'append'; readonly key: string; readonly element: string }
  /** What the list was; null where nobody was told. */
  | { readonly kind: 'read'; readonly key: string; readonly list: readonly string[] | null }

export interface Transaction {
  /** T1, T2, … in order of their calls. */
  readonly number: number
  readonly process: string
  readonly outcome: Outcome
  readonly invokedAt: number
  readonly completedAt: number | null
  readonly steps: readonly Step[]
}

/** Throws HistoryFormatError. */
export function toTransactions(operations: readonly HistoryOperation[]): Transaction[] {
  const texts = new Texts()
  return operations.map(({ process, outcome, invokedAt, completedAt, asked, answered }, at) => ({
    number: at + 1,
    process,
    outcome,
    invokedAt,
    completedAt,
    steps: stepsOf(texts, answered ?? asked, completedAt ?? invokedAt, outcome === 'ok'),
  }))
}

/** `append x 3 · read y [1 2]` */
export function describeSteps(steps: readonly Step[]): string {
  return steps
    .map((step) =>
      step.kind === 'append'
        ? `append ${step.key} ${step.element}`
        : `read ${step.key} ${step.list === null ? '?' : describeList(step.list)}`,
    )
    .join(' · ')
}

const SHOWN_ELEMENTS_MAX = 8

export function describeList(list: readonly string[]): string {
  const hidden = list.length - SHOWN_ELEMENTS_MAX
  return hidden <= 0 ? `[${list.join(' ')}]` : `[… ${hidden} more, ${list.slice(hidden).join(' ')}]`
}

function stepsOf(texts: Texts, value: unknown, line: number, isAnswered: boolean): Step[] {
  if (!Array.isArray(value)) throw new HistoryFormatError(line, 'the value of a txn is no array')
  return value.map((step: unknown) => {
    if (!Array.isArray(step) || step.length < 2)
      throw new HistoryFormatError(line, 'a step of a txn is no ["append", key, element] or ["r", key, list]')
    const [kind, name, content] = step as unknown[]
    const key = texts.of(name)
    if (kind === 'append') return { kind: 'append', key, element: texts.of(content) }
    if (kind === 'r')
      return { kind: 'read', key, list: isAnswered ? listOf(texts, key, content, line) : null }
    throw new HistoryFormatError(line, `${JSON.stringify(kind)} is no step of a txn: "append" or "r"`)
  })
}

/** A list that nobody has appended to is null, in some systems. */
function listOf(texts: Texts, key: string, content: unknown, line: number): readonly string[] {
  if (content === null || content === undefined) return []
  if (!Array.isArray(content)) throw new HistoryFormatError(line, 'what a txn has read is no list')
  return texts.list(key, content)
}

/**
 * JSON texts, each kept once: a long history reads the same elements over and over, and a list that has not changed as a whole. Half a million
 * transactions would take gigabytes else.
 */
class Texts {
  readonly #texts = new Map<unknown, string>()
  /** The list that was read last under each key. */
  readonly #lists = new Map<string, readonly string[]>()

  of(value: unknown): string {
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const text = JSON.stringify(value) ?? 'null'
    if (typeof value !== 'object' || value === null) this.#texts.set(value, text)
    return text
  }

  list(key: string, content: readonly unknown[]): readonly string[] {
    const known = this.#lists.get(key)
    if (known?.length === content.length && known.every((text, at) => text === this.of(content[at])))
      return known
    const list = content.map((element) => this.of(element))
    this.#lists.set(key, list)
    return list
  }
}
