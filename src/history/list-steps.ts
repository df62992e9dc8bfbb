/** The steps of a transaction on lists, out of a line of a history. Shapes are checked here, and nowhere else. */

import { HistoryFormatError } from './history-format-error.ts'
import type { Name, NamedStep } from './list-history.ts'

/** Where nothing was answered, nobody knows what was read. Throws HistoryFormatError. */
export function stepsOf(value: unknown, line: number, isAnswered: boolean): NamedStep[] {
  if (!Array.isArray(value)) throw new HistoryFormatError(line, 'the value of a txn is no array')
  return value.map((step: unknown) => stepOf(step, line, isAnswered))
}

function stepOf(step: unknown, line: number, isAnswered: boolean): NamedStep {
  if (!Array.isArray(step) || step.length < 2)
    throw new HistoryFormatError(line, 'a step of a txn is no ["append", key, element] or ["r", key, list]')
  const [kind, name, content] = step as unknown[]
  const key = nameOf(name)
  if (kind === 'append') return { kind: 'append', key, element: nameOf(content) }
  if (kind === 'r') return { kind: 'read', key, list: isAnswered ? listOf(content, line) : null }
  throw new HistoryFormatError(line, `${JSON.stringify(kind)} is no step of a txn: "append" or "r"`)
}

/** A list that nobody has appended to is null, in some systems. */
function listOf(content: unknown, line: number): readonly Name[] {
  if (content === null || content === undefined) return []
  if (!Array.isArray(content)) throw new HistoryFormatError(line, 'what a txn has read is no list')
  const list: readonly unknown[] = content
  return areNumbers(list) ? list : list.map(nameOf)
}

function areNumbers(list: readonly unknown[]): list is readonly number[] {
  return list.every((element) => typeof element === 'number')
}

/** Numbers are their own names; the JSON text of anything else can't be one by mistake. */
function nameOf(value: unknown): Name {
  return typeof value === 'number' ? value : (JSON.stringify(value) ?? 'null')
}
