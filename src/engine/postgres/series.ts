/** generate_series of times and decimals, as JSON arrays. That of integers is made in SQL, and has no bound. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'
import { intervalKey } from './order.ts'
import { shift } from './time.ts'

/** All of it is in memory. */
const LENGTH_MAX = 1_000_000

function checkLength(length: number): void {
  if (length > LENGTH_MAX)
    throw failure(
      `generate_series of more than ${LENGTH_MAX} times or decimals is not supported by HarmonyDB`,
    )
}

/** Stored forms of one type sort as the times do. */
export function ofTimes(first: string, last: string, step: string): string {
  const key = intervalKey(step)
  if (key === 0n) throw failure('step size cannot equal zero')
  const values: string[] = []
  const isBefore = (value: string): boolean => (key > 0n ? value <= last : value >= last)
  for (let value = first; isBefore(value); value = shift(value, '+', step)) {
    values.push(value)
    checkLength(values.length)
  }
  return JSON.stringify(values)
}

function decimals(value: SqlValue): number {
  return typeof value === 'bigint' ? 0 : (String(value).split('.')[1]?.length ?? 0)
}

/** Counted in units of the smallest decimal, so that nothing is added up that can't be written. */
export function ofDecimals(first: SqlValue, last: SqlValue, step: SqlValue): string {
  const places = Math.max(decimals(first), decimals(step), decimals(last))
  const units = (value: SqlValue): number => Math.round(Number(value) * 10 ** places)
  const [from, to, by] = [units(first), units(last), units(step)]
  if (by === 0) throw failure('step size cannot equal zero')
  const length = Math.max(0, Math.floor((to - from) / by) + 1)
  checkLength(length)
  return JSON.stringify(Array.from({ length }, (_, index) => (from + index * by) / 10 ** places))
}
