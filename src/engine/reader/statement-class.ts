/** What the gateway must know of a statement before SQLite sees it, from its tokens alone. */

import { HarmonyError } from '../../base/errors.ts'
import { classify, leadingKeywords, splitStatements } from '../sql-text.ts'

export type ReadStatementClass =
  | { readonly kind: 'control'; readonly control: ReadStatementControl }
  | { readonly kind: 'write' }
  | { readonly kind: 'unknown' }

export type ReadStatementControl =
  | { readonly type: 'begin'; readonly mode: 'deferred' | 'immediate' | 'readonly' }
  | { readonly type: 'commit' }
  | { readonly type: 'rollback' }
  | { readonly type: 'savepoint'; readonly name: string }
  | { readonly type: 'release'; readonly name: string }
  | { readonly type: 'rollback_to'; readonly name: string }
  | { readonly type: 'foreign_keys'; readonly value: boolean | null }
  | { readonly type: 'defer_foreign_keys'; readonly value: boolean | null }
  | { readonly type: 'harmonydb_consistency'; readonly value: string | null }
  | { readonly type: 'harmonydb_last_index' }

/** No schema makes a statement with one of these in front a read. */
const WRITING_KEYWORDS: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'REPLACE',
  'CREATE',
  'DROP',
  'ALTER',
  'REINDEX',
  'ANALYZE',
  'VACUUM',
])

const UNKNOWN: ReadStatementClass = { kind: 'unknown' }
const WRITE: ReadStatementClass = { kind: 'write' }

/** Throws SQL_NO_STATEMENT, SQL_MANY_STATEMENTS, and SQL_PARSE_ERROR for what SQLite would drop in silence. */
export function classifyStatement(sql: string): ReadStatementClass {
  // To SQLite the text ends there: `DELETE FROM t \0 WHERE id = 1` would delete all rows.
  if (sql.includes('\0')) throw new HarmonyError('SQL_PARSE_ERROR', 'The statement holds a NUL character.')
  const count = splitStatements(sql).length
  if (count === 0) throw new HarmonyError('SQL_NO_STATEMENT', 'The text holds no SQL statement.')
  if (count > 1)
    throw new HarmonyError(
      'SQL_MANY_STATEMENTS',
      `The text holds ${count} statements where one is expected. Send them one by one, as a batch, or as a sequence.`,
    )
  const found = classify(sql)
  switch (found.kind) {
    case 'begin': {
      const mode = found.mode === 'exclusive' ? 'immediate' : found.mode
      return { kind: 'control', control: { type: 'begin', mode } }
    }
    case 'commit':
    case 'rollback':
      return { kind: 'control', control: { type: found.kind } }
    case 'savepoint':
    case 'release':
      return { kind: 'control', control: { type: found.kind, name: found.name } }
    case 'rollback-to':
      return { kind: 'control', control: { type: 'rollback_to', name: found.name } }
    case 'pragma':
      return pragmaClass(found.name, found.argument)
    case 'explain':
    case 'empty':
    case 'other':
      break
  }
  return WRITING_KEYWORDS.has(leadingKeywords(sql, 1)[0] ?? '') ? WRITE : UNKNOWN
}

function pragmaClass(name: string, argument: string | null): ReadStatementClass {
  if (name === 'harmonydb_consistency') return { kind: 'control', control: { type: name, value: argument } }
  if (name === 'harmonydb_last_index' && argument === null)
    return { kind: 'control', control: { type: name } }
  if (name !== 'foreign_keys' && name !== 'defer_foreign_keys') return UNKNOWN
  return { kind: 'control', control: { type: name, value: argument === null ? null : booleanOf(argument) } }
}

/** As SQLite's sqlite3GetBoolean: numbers and the words for them; anything else is false. */
function booleanOf(argument: string): boolean {
  if (/^[0-9]/.test(argument)) return (Number.parseInt(argument, 10) & 0xff) !== 0
  return /^(on|yes|true)$/i.test(argument)
}
