/** The steps of a transaction on lists, out of a line of a history. Shapes are checked here, and nowhere else. */

import { HistoryFormatError } from './history-format-error.ts'
import type { Name, NamedStep } from './list-history.ts'
import { assertExact, isExact } from './exact-number.ts'

/** Where nothing was answered, nobody knows what was read. Throws HistoryFormatError. */
export function stepsOf(value: unknown, line: number, isAnswered: boolean): NamedStep[] {
  if (!Array.isArray(value)) throw new HistoryFormatError(line, 'the value of a txn is no array')
  return value.map((step: unknown) => stepOf(step, line, isAnswered))
}

/** `done`, the steps of `answered`, are those that were asked for. Throws HistoryFormatError. */
export function assertSameSteps(
  { asked, answered }: { readonly asked: unknown; readonly answered: unknown },
  done: readonly NamedStep[],
  line: number,
): void {
  const before = stepsOf(asked, line, false)
  const isSame = (step: NamedStep, at: number): boolean => {
    const other = done[at]
    if (step.kind !== other?.kind || step.key !== other.key) return false
    return step.kind === 'read' || other.kind === 'read' || step.element === other.element
  }
  if (before.length !== done.length || !before.every(isSame))
    throw new HistoryFormatError(
      line,
      `${JSON.stringify(asked)} was asked, and ${JSON.stringify(answered)} is answered`,
    )
}

function stepOf(step: unknown, line: number, isAnswered: boolean): NamedStep {
  const [kind, name, content] = Array.isArray(step) ? (step as unknown[]) : []
  const isWhole = Array.isArray(step) && step.length >= (kind === 'r' && !isAnswered ? 2 : 3)
  if (!isWhole)
    throw new HistoryFormatError(line, 'a step of a txn is no ["append", key, element] or ["r", key, list]')
  const key = nameOf(name, line)
  if (kind === 'append') return { kind: 'append', key, element: nameOf(content, line) }
  if (kind === 'r') return { kind: 'read', key, list: isAnswered ? listOf(content, line) : null }
  throw new HistoryFormatError(line, `${JSON.stringify(kind)} is no step of a txn: "append" or "r"`)
}

/** A list that nobody has appended to is null, in some systems. */
function listOf(content: unknown, line: number): readonly Name[] {
  if (content === null) return []
  if (!Array.isArray(content)) throw new HistoryFormatError(line, 'what a txn has read is no list')
  const list: readonly unknown[] = content
  return areExact(list) ? list : list.map((element) => nameOf(element, line))
}

function areExact(list: readonly unknown[]): list is readonly number[] {
  return list.every((element) => typeof element === 'number' && isExact(element))
}

/** Numbers are their own names; the JSON text of anything else can't be one by mistake. */
function nameOf(value: unknown, line: number): Name {
  if (typeof value !== 'number') return JSON.stringify(value) ?? 'null'
  assertExact(value, line)
  return value
}
