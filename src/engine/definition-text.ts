/**
 * What SQLite's authorizer does not show of schema definitions: the new name of ALTER TABLE … RENAME, and functions in
 * column defaults, indexes and generated columns. Found in the text.
 */

import { HarmonyError } from '../base/errors.ts'
import { DATE_FUNCTION_WORDS, REFUSED_FUNCTIONS } from './function-lists.ts'
import { tokens, unquote } from './sql-text.ts'
import type { Token } from './sql-text.ts'

interface Word {
  readonly kind: Token['kind']
  readonly text: string
  readonly upper: string
}

function wordsOf(sql: string): Word[] {
  const words: Word[] = []
  for (const token of tokens(sql)) {
    if (token.kind === 'space' || token.kind === 'comment') continue
    const text = sql.slice(token.start, token.end)
    words.push({ kind: token.kind, text, upper: text.toUpperCase() })
  }
  return words
}

function isName(word: Word): boolean {
  return word.kind === 'word' || word.kind === 'quoted' || word.kind === 'string'
}

/** The new name of ALTER TABLE … RENAME TO: shadow tables are named after it, so that `_harmony` is reserved, too. */
function newNameOf(words: readonly Word[]): Word | undefined {
  const at = words.findIndex((word, index) => word.upper === 'RENAME' && words[index + 1]?.upper === 'TO')
  return words[0]?.upper === 'ALTER' && at > 0 ? words[at + 2] : undefined
}

/** Words and signs after which SQLite's grammar takes a string for a name. */
const BEFORE_NAMES = new Set(
  '. TABLE INDEX VIEW TRIGGER EXISTS ON REFERENCES INTO UPDATE FROM JOIN IN TO ADD COLUMN CONSTRAINT'.split(
    ' ',
  ),
)

/**
 * False for a string that is a value: a default, a part of an expression. Where a name may stand without one of these words
 * before it (`FROM a, 'b'`), the authorizer sees what is used. Arguments of virtual tables may name tables in any way.
 */
function mayBeName(words: readonly Word[], at: number): boolean {
  const word = words[at] as Word
  if (word.kind !== 'string') return isName(word)
  return words[1]?.upper === 'VIRTUAL' || BEFORE_NAMES.has(words[at - 1]?.upper ?? '')
}

function findReservedName(words: readonly Word[]): HarmonyError | null {
  const newName = newNameOf(words)
  const word = words.find(
    (word, at) =>
      mayBeName(words, at) &&
      (word === newName ? /^_harmony(?:_|$)/i : /^_harmony_/i).test(unquote(word.text)),
  )
  if (word === undefined) return null
  return new HarmonyError(
    'RESERVED_NAME',
    `${unquote(word.text)} is reserved: names that begin with _harmony_ belong to HarmonyDB`,
  )
}

/** Defaults are compiled with each INSERT, out of the authorizer's sight. */
function findRefusedFunction(words: readonly Word[]): HarmonyError | null {
  for (let at = 0; at + 1 < words.length; at++) {
    const word = words[at] as Word
    if (words[at + 1]?.text !== '(' || !isName(word)) continue
    const name = unquote(word.text).toLowerCase()
    const why = REFUSED_FUNCTIONS.get(name)
    // `CREATE VIRTUAL TABLE … USING fts5(…)` names a module.
    if (why === undefined || words[at - 1]?.upper === 'USING') continue
    return new HarmonyError(
      'NONDETERMINISTIC_FUNCTION',
      `${name}() can not be used in a definition that writes depend on: ${why}`,
    )
  }
  return null
}

/** The words of the parenthesis that opens at `open`. */
function parenthesized(words: readonly Word[], open: number): readonly Word[] {
  let depth = 0
  for (let at = open; at < words.length; at++) {
    if (words[at]?.text === '(') depth++
    if (words[at]?.text === ')' && --depth === 0) return words.slice(open, at + 1)
  }
  return words.slice(open)
}

const BEFORE_STORED = new Set(['AS', 'CHECK'])

/** Index definitions as a whole, and the expressions of generated columns and CHECKs. Where a SELECT stands, AS is another one. */
function storedExpressions(words: readonly Word[]): (readonly Word[])[] {
  const head = words.slice(0, 4).map((word) => word.upper)
  if (head.includes('INDEX')) return [words]
  if (!head.includes('TABLE') || words.some((word) => word.upper === 'SELECT')) return []
  return words.flatMap((word, at) =>
    BEFORE_STORED.has(word.upper) && words[at + 1]?.text === '(' ? [parenthesized(words, at + 1)] : [],
  )
}

const MOMENT_WORDS = new Set(['now', 'subsec', 'subsecond', 'localtime', 'utc'])

function asksForNow(words: readonly Word[]): boolean {
  const calls = words.flatMap((word, at) =>
    DATE_FUNCTION_WORDS.has(unquote(word.text).toUpperCase()) && words[at + 1]?.text === '('
      ? [parenthesized(words, at + 1)]
      : [],
  )
  return calls.some(
    (call) =>
      call[1]?.text === ')' ||
      call.some((word) => isLiteral(word) && MOMENT_WORDS.has(unquote(word.text).toLowerCase())),
  )
}

/** `"now"` is a string where no column has that name. */
function isLiteral(word: Word): boolean {
  return word.kind === 'string' || (word.kind === 'quoted' && word.text.startsWith('"'))
}

function findNow(words: readonly Word[]): HarmonyError | null {
  if (!storedExpressions(words).some(asksForNow)) return null
  return new HarmonyError(
    'NONDETERMINISTIC_FUNCTION',
    'non-deterministic use of a date function in an index, a generated column or a CHECK: it would change with time; ' +
      'store the moment in a column of its own',
  )
}

/** Why the definition `sql` is refused; null if it is fine. */
export function findDefinitionRefusal(sql: string): HarmonyError | null {
  const words = wordsOf(sql)
  const isView = words.slice(0, 4).some((word) => word.upper === 'VIEW')
  return findReservedName(words) ?? (isView ? null : findRefusedFunction(words)) ?? findNow(words)
}
