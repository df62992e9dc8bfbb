/**
 * Which committed entries may be replayed on the near connection (`split-engine.ts`): those that a leader could have executed on its own. Most
 * are: a follower that takes each of them to another process and back pays more for the way than for the statements.
 */

import type { SqlStatement, SqlValue } from '../base/value.ts'
import type { LogEntry } from './engine.ts'
import type { Entry, LoggedStatement } from './entry-codec.ts'
import { decodeEntry } from './entry-codec.ts'

/** Of one transaction, near: the number of its statements, and the bytes of one statement's arguments. */
export const STATEMENTS_MAX = 16
export const ARGUMENTS_BYTES_MAX: number = 64 * 1024

/** Of the entries of one call. They hold the thread together; who has more to catch up with does it far. */
const PAYLOAD_BYTES_MAX = 256 * 1024

/** The entries, decoded; null where they are better off far, whatever is in them. */
export function decodeSmall(entries: readonly LogEntry[]): readonly Entry[] | null {
  let sizeBytes = 0
  for (const { payload } of entries) {
    // What moves the index alone is rare.
    if (payload.length === 0) return null
    sizeBytes += payload.length
  }
  return sizeBytes > PAYLOAD_BYTES_MAX ? null : entries.map(({ payload }) => decodeEntry(payload))
}

/** Whether nothing in the entry needs more than running statements that `isQuick` knows. */
export function isQuickEntry(entry: Entry, isQuick: (sql: string) => boolean): boolean {
  if (entry.mayFailAtCommit) return false
  // Most often all have the same text.
  let last: string | null = null
  for (const { context, statements } of entry.transactions) {
    if (!context.foreignKeys || statements.length > STATEMENTS_MAX) return false
    for (const statement of statements) {
      const { sql, values } = statement
      if (!isPlain(statement) || sizeOf(values) > ARGUMENTS_BYTES_MAX) return false
      if (sql !== last && !isQuick(sql)) return false
      last = sql
    }
  }
  return true
}

/** The leader has run it once, it succeeded, and what it changed was recorded with the rest. */
function isPlain({ failure, isNewChunk, isUncaptured, isTried, isGuarded }: LoggedStatement): boolean {
  return failure === null && !isNewChunk && !isUncaptured && !isTried && !isGuarded
}

/** Each of their texts once, or nearly so. */
export function* textsOf(entries: readonly Entry[]): Generator<SqlStatement['sql']> {
  let last: string | null = null
  for (const { transactions } of entries) {
    for (const { statements } of transactions) {
      for (const { sql } of statements) {
        if (sql !== last) yield sql
        last = sql
      }
    }
  }
}

export function sizeOf(values: readonly SqlValue[]): number {
  let sizeBytes = 0
  for (const value of values) {
    if (typeof value === 'string' || value instanceof Uint8Array) sizeBytes += value.length
  }
  return sizeBytes
}
