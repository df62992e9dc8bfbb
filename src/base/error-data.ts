/** A HarmonyError as plain data, to cross a thread, a process or a member, and back: the one place where the two become each other. */

import type { HarmonyErrorCode } from './errors.ts'
import { HarmonyError, toHarmonyError } from './errors.ts'
import type { ErrorData } from './transaction.ts'

/** Anything unforeseen becomes INTERNAL. The cause stays behind. */
export function toErrorData(thrown: unknown): ErrorData {
  const { code, message, offset = null } = toHarmonyError(thrown)
  return { code, message, offset }
}

export function fromErrorData({ code, message, offset }: ErrorData): HarmonyError {
  return new HarmonyError(code as HarmonyErrorCode, message, offset === null ? {} : { offset })
}
