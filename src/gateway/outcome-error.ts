/** Errors of statements as they cross from the engine: plain data, and what they tell. */

import { HarmonyError, type HarmonyErrorCode } from '../base/errors.ts'
import type { ErrorData } from '../base/transaction.ts'

export function isConstraint(error: unknown): error is HarmonyError {
  return error instanceof HarmonyError && error.code.startsWith('SQLITE_CONSTRAINT')
}

export function fromErrorData({ code, message, offset }: ErrorData): HarmonyError {
  return new HarmonyError(code as HarmonyErrorCode, message, offset === null ? {} : { offset })
}
