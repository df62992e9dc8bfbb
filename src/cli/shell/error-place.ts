/**
 * Where in a statement a syntax error is. SQLite names the token (`near "FORM": syntax error`), which may occur several
 * times. A local SQLite finds the right one: it is the first at which the text up to there fails with that message.
 */

import { DatabaseSync } from 'node:sqlite'
import { tokens, type Token } from '../../engine/sql-text.ts'
import { displayWidth } from './display-width.ts'

const NEAR = /near "(.*)": syntax error/s
const NO_SUCH_NAME = /no such (?:column|table|function|index): (?:\w+\.)*"?([^\s"]+)"?/

/** Offset of the error in UTF-16 code units; null if it can't be told. */
export function errorOffset(sql: string, message: string): number | null {
  const near = NEAR.exec(message)?.[1]
  if (near !== undefined) return syntaxErrorOffset(sql, near)
  const name = NO_SUCH_NAME.exec(message)?.[1]
  return name === undefined ? null : onlyOccurrence(sql, name)
}

function syntaxErrorOffset(sql: string, near: string): number | null {
  const database = new DatabaseSync(':memory:')
  try {
    for (const token of tokens(sql)) {
      if (textOf(sql, token) !== near) continue
      if (failsNear(database, sql.slice(0, token.end), near)) return token.start
    }
    return null
  } finally {
    database.close()
  }
}

function failsNear(database: DatabaseSync, sql: string, near: string): boolean {
  try {
    database.prepare(sql)
    return false
  } catch (error) {
    return NEAR.exec((error as Error).message)?.[1] === near
  }
}

/** A name that occurs once is the one that is missing; of several any could be. */
function onlyOccurrence(sql: string, name: string): number | null {
  const found = [...tokens(sql)].filter(
    (token) =>
      (token.kind === 'word' || token.kind === 'quoted') &&
      textOf(sql, token).replaceAll(/["`[\]]/g, '') === name,
  )
  return found.length === 1 ? (found[0]?.start ?? null) : null
}

function textOf(sql: string, token: Token): string {
  return sql.slice(token.start, token.end)
}

const CONTEXT_COLUMNS = 60

/** The line of `sql` with the error, and a caret below it. Long lines are cut around the place. */
export function pointAt(sql: string, offset: number): string {
  const lineStart = sql.lastIndexOf('\n', offset - 1) + 1
  const lineEnd = sql.indexOf('\n', offset)
  const line = sql.slice(lineStart, lineEnd < 0 ? sql.length : lineEnd).replaceAll('\t', ' ')
  const column = offset - lineStart
  const from = Math.max(0, column - CONTEXT_COLUMNS)
  const shown = (from > 0 ? '…' : '') + line.slice(from, column + CONTEXT_COLUMNS)
  const before = (from > 0 ? '…' : '') + line.slice(from, column)
  return `  ${shown}\n  ${' '.repeat(displayWidth(before))}^`
}
