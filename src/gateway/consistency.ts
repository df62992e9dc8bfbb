/**
 * Consistency levels as clients write them: in a header, a setting, a PRAGMA, or a comment in front of a statement or behind it.
 *
 *     linearizable
 *     session [INDEX]          INDEX: the token, a log index that the read must see
 *     stale [DURATION]         500ms, 2s, 1min; a plain number is milliseconds
 */

import { HarmonyError } from '../base/errors.ts'
import type { Consistency, ExecuteOptions } from './session.ts'

export const LINEARIZABLE: Consistency = { level: 'linearizable' }

const FORM =
  /^\s*(?:(linearizable)|(session)(?:\s+(\d{1,20}))?|(stale)(?:\s+(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|min)?)?)\s*$/i
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 }
const INDEX_MAX = 2n ** 64n - 1n

/** Throws REQUEST_INVALID. `where` is how the message names what was set. */
export function parseConsistency(text: string, where: string): Consistency {
  const found = FORM.exec(text)
  if (found === null) throw invalid(text, where)
  const [, linearizable, session, index, , duration, unit] = found
  if (linearizable !== undefined) return LINEARIZABLE
  if (session !== undefined) return sessionLevel(index, text, where)
  if (duration === undefined) return { level: 'stale' }
  return { level: 'stale', maxStalenessMs: Number(duration) * (UNITS_MS[unit?.toLowerCase() ?? 'ms'] ?? 1) }
}

function sessionLevel(digits: string | undefined, text: string, where: string): Consistency {
  if (digits === undefined) return { level: 'session' }
  const index = BigInt(digits)
  if (index > INDEX_MAX) throw invalid(text, where)
  return { level: 'session', index }
}

function invalid(text: string, where: string): HarmonyError {
  return new HarmonyError(
    'REQUEST_INVALID',
    `${where} is ${JSON.stringify(text.slice(0, 100))}; it must be linearizable, session, session INDEX, stale, or stale DURATION ` +
      'such as stale 500ms.',
  )
}

/** As `parseConsistency` reads it. */
export function formatConsistency(consistency: Consistency): string {
  if (consistency.level === 'session' && consistency.index !== undefined)
    return `session ${consistency.index}`
  if (consistency.level === 'stale' && consistency.maxStalenessMs !== undefined)
    return `stale ${consistency.maxStalenessMs}ms`
  return consistency.level
}

const SLASH = 47
const STAR = 42
const HINT = /^\/\*\s*harmonydb\s*:([^*]*)\*\//i
const LAST_HINT = /\/\*\s*harmonydb\s*:([^*]*)\*\/[\s;]*$/i
/** A comment with a level in it is short: nothing more of a long text is looked at. */
const HINT_LENGTH_MAX = 100

/**
 * The level that a comment such as `harmonydb: stale 500ms` in front of the statement or behind it asks for; null if there is none.
 * Throws REQUEST_INVALID for one that can't be read: a level that is passed over in silence would be a weaker one or a slower one.
 */
export function consistencyHint(sql: string): Consistency | null {
  const first = sql.charCodeAt(0)
  const found = first === SLASH || first <= 32 ? HINT.exec(sql.trimStart().slice(0, HINT_LENGTH_MAX)) : null
  if (found !== null) return parseConsistency(found[1] as string, 'The comment harmonydb')
  if (!endsWithComment(sql)) return null
  const last = LAST_HINT.exec(sql.slice(-HINT_LENGTH_MAX))
  return last === null ? null : parseConsistency(last[1] as string, 'The comment harmonydb')
}

/** What a comment in the statement asks for comes before what its request asks for. */
export function withHint(sql: string, options: ExecuteOptions): ExecuteOptions {
  const consistency = consistencyHint(sql)
  return consistency === null ? options : { ...options, consistency }
}

/** Cheap, because it is asked of every statement. */
function endsWithComment(sql: string): boolean {
  let end = sql.length - 1
  while (end > 0 && (sql.charCodeAt(end) <= 32 || sql[end] === ';')) end--
  return sql.charCodeAt(end) === SLASH && sql.charCodeAt(end - 1) === STAR
}
