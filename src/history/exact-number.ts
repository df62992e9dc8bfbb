/** Numbers that JSON gives as they were written. */

import { HistoryFormatError } from './history-format-error.ts'

/** Beyond 2^53 two whole numbers of a text can be one here, and two writes one. */
export function isExact(value: number): boolean {
  return Number.isSafeInteger(value) || !Number.isInteger(value)
}

/** Throws HistoryFormatError. */
export function assertExact(value: number, line: number): void {
  if (!isExact(value))
    throw new HistoryFormatError(
      line,
      `${value} is beyond 2^53, where JSON's numbers are not exact; a text is`,
    )
}
