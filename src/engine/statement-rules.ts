/** What a statement's facts mean for the entry that it becomes part of. */

import type { SessionContext } from '../base/transaction.ts'
import type { SqlValue } from '../base/value.ts'
import type { StatementFacts } from './policy.ts'
import type { SchemaFacts } from './schema-facts.ts'

/** Changes of the schema and of its statistics run in an entry of their own: nothing else is planned half before, half after. */
export function needsOwnEntry(facts: StatementFacts): boolean {
  return facts.isSchemaChange || facts.isAnalyze || facts.defersForeignKeys
}

/**
 * Whether the statement must be in the log. Of statements that only read, two kinds leave a mark on a transaction that
 * has written: a query of a full-text index makes it write what it has held back in memory, so that its tables come
 * out otherwise where the query is missing; and EXPLAIN resets `changes()`.
 */
export function mustBeLogged(facts: StatementFacts, hasWritten: boolean, schema: SchemaFacts): boolean {
  if (facts.isWrite) return true
  return hasWritten && (facts.isExplain || [...facts.readTables].some((table) => schema.isVirtual(table)))
}

/** SQLite checks deferred foreign keys at COMMIT alone. */
export function mayViolateAtCommit(
  facts: StatementFacts,
  context: SessionContext,
  schema: SchemaFacts,
): boolean {
  if (facts.defersForeignKeys) return true
  if (!context.foreignKeys || !facts.isRowWrite || schema.deferredTables.size === 0) return false
  return [...facts.tables].some((table) => schema.deferredTables.has(table))
}

const STATEMENT_OVERHEAD_BYTES = 8
const VALUE_OVERHEAD_BYTES = 10

/** An upper bound of what the statement takes in the log. */
export function loggedSize(sql: string, values: readonly SqlValue[]): number {
  let size = STATEMENT_OVERHEAD_BYTES + textSize(sql)
  for (const value of values) {
    size += VALUE_OVERHEAD_BYTES
    if (typeof value === 'string') size += textSize(value)
    else if (value instanceof Uint8Array) size += value.length
  }
  return size
}

const SHORT_TEXT_CHARS = 1_000

function textSize(text: string): number {
  return text.length < SHORT_TEXT_CHARS ? text.length * 3 : Buffer.byteLength(text)
}
