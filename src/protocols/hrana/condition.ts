/**
 * What both encodings check of batch conditions. A condition that names its own or a later step fails the whole
 * request before anything runs (PROTOCOL.md 6.2.1).
 */

import { FieldError } from './field-error.ts'

/** libSQL's clients nest four levels at most; decoding recurses, so that what a client sends must be bounded. */
export const CONDITION_DEPTH_MAX = 32

export function checkDepth(depth: number): void {
  if (depth > CONDITION_DEPTH_MAX)
    throw new FieldError(`is nested deeper than ${CONDITION_DEPTH_MAX} conditions`)
}

/** `step`, which the condition of step `ownStep` names. */
export function checkEarlierStep(step: number, ownStep: number): number {
  if (step < ownStep) return step
  throw new FieldError(
    `must name an earlier step than ${ownStep}, which the condition belongs to, but is ${step}`,
  )
}
