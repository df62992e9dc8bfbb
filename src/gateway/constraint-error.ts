/** Errors that tell of a constraint, which end a statement and not its transaction. */

import { HarmonyError } from '../base/errors.ts'

export function isConstraint(error: unknown): error is HarmonyError {
  return error instanceof HarmonyError && error.code.startsWith('SQLITE_CONSTRAINT')
}
