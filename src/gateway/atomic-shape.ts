/**
 * Recognises the batch that all libSQL clients send for a transaction:
 *
 *   BEGIN | step if ok(before) [and not is_autocommit] | … | COMMIT if ok(before) | ROLLBACK if not ok(COMMIT)
 *
 * anywhere in a batch (migrations put a PRAGMA before and after it). Only the shape is judged here; whether it may run
 * as one transaction is the session's decision.
 */

import type { StatementClass } from './reader.ts'
import type { BatchCondition, BatchStep } from './session.ts'

/** Positions in the batch: BEGIN at `begin`, statements from `begin + 1`, COMMIT at `commit`, ROLLBACK after it. */
export interface AtomicShape {
  readonly begin: number
  readonly commit: number
}

function isNotAutocommit(condition: BatchCondition): boolean {
  return condition.type === 'not' && condition.condition.type === 'is_autocommit'
}

function isOk(condition: BatchCondition, step: number): boolean {
  return condition.type === 'ok' && condition.step === step
}

/** `ok(step)`, alone or together with `not is_autocommit`, which a step that was ok implies while BEGIN holds. */
function followsOn(condition: BatchCondition | null, step: number): boolean {
  if (condition === null) return false
  if (condition.type !== 'and') return isOk(condition, step)
  return (
    condition.conditions.some((each) => isOk(each, step)) &&
    condition.conditions.every((each) => isOk(each, step) || isNotAutocommit(each))
  )
}

function isUnlessOk(condition: BatchCondition | null, step: number): boolean {
  if (condition === null) return false
  if (condition.type !== 'and') return condition.type === 'not' && isOk(condition.condition, step)
  return (
    condition.conditions.some((each) => isUnlessOk(each, step)) &&
    condition.conditions.every((each) => isUnlessOk(each, step) || isNotAutocommit(each))
  )
}

function controlOf(found: StatementClass | undefined): string | null {
  return found?.kind === 'control' ? found.control.type : null
}

/** The shape that begins at `begin`; null if there is none. `classes` has one for each step, null where it has none. */
export function atomicShapeAt(
  steps: readonly BatchStep[],
  classes: readonly (StatementClass | null)[],
  begin: number,
): AtomicShape | null {
  const first = classes[begin]
  if (first?.kind !== 'control' || first.control.type !== 'begin' || first.control.mode === 'readonly')
    return null
  let at = begin + 1
  while (classes[at] !== null && controlOf(classes[at] ?? undefined) === null && at < steps.length) {
    if (!followsOn(steps[at]?.condition ?? null, at - 1)) return null
    at++
  }
  const isWhole =
    at > begin + 1 &&
    controlOf(classes[at] ?? undefined) === 'commit' &&
    followsOn(steps[at]?.condition ?? null, at - 1) &&
    controlOf(classes[at + 1] ?? undefined) === 'rollback' &&
    isUnlessOk(steps[at + 1]?.condition ?? null, at)
  return isWhole ? { begin, commit: at } : null
}
