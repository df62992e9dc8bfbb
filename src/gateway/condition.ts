/** Conditions of batch steps: Hrana's language (HRANA_3_SPEC, "Batch conditions"). */

import { unreachable } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { BatchCondition, BatchStep } from './session.ts'

/** What became of a step so far. */
export type StepFate = 'ok' | 'error' | 'skipped'

const DEPTH_MAX = 100

/**
 * `error` is true for every step that was not ok, skipped ones included: the specification of Hrana 3 says otherwise,
 * but the server that clients were written against does it.
 */
export function isMet(
  condition: BatchCondition,
  fates: readonly StepFate[],
  isAutocommit: () => boolean,
): boolean {
  switch (condition.type) {
    case 'ok':
      return fates[condition.step] === 'ok'
    case 'error':
      return fates[condition.step] !== 'ok'
    case 'not':
      return !isMet(condition.condition, fates, isAutocommit)
    case 'and':
      return condition.conditions.every((each) => isMet(each, fates, isAutocommit))
    case 'or':
      return condition.conditions.some((each) => isMet(each, fates, isAutocommit))
    case 'is_autocommit':
      return isAutocommit()
    default:
      return unreachable(condition)
  }
}

function check(condition: BatchCondition, step: number, depth: number): void {
  if (depth > DEPTH_MAX)
    throw new HarmonyError('REQUEST_INVALID', `The condition of step ${step} is nested too deeply.`)
  switch (condition.type) {
    case 'ok':
    case 'error':
      if (!Number.isInteger(condition.step) || condition.step < 0 || condition.step >= step)
        throw new HarmonyError(
          'REQUEST_INVALID',
          `The condition of step ${step} names step ${condition.step}: it can name only earlier steps.`,
        )
      return
    case 'not':
      return check(condition.condition, step, depth + 1)
    case 'and':
    case 'or':
      for (const each of condition.conditions) check(each, step, depth + 1)
      return
    case 'is_autocommit':
      return
    default:
      unreachable(condition)
  }
}

/** Throws REQUEST_INVALID where a condition names its own or a later step, or the batch is too long. */
export function checkBatch(steps: readonly BatchStep[], stepsMax: number): void {
  if (steps.length > stepsMax)
    throw new HarmonyError(
      'REQUEST_INVALID',
      `A batch may have ${stepsMax} steps; this one has ${steps.length}.`,
    )
  for (const [at, { condition }] of steps.entries()) if (condition !== null) check(condition, at, 0)
}
