/**
 * LIKE, ILIKE, SIMILAR TO and regular expressions.
 *
 * PostgreSQL's LIKE tells upper from lower case, SQLite's does not; SQLite's GLOB does. A constant pattern is translated to GLOB when the plan
 * is made, so that SQLite can use an index for its prefix; others go through `pg_like`. ILIKE is SQLite's LIKE, with PostgreSQL's escape character.
 */

import { PgError } from '../error.ts'
import { BOOL } from '../types/registry.ts'
import { quoteText } from './ast.ts'
import { resolvedText } from './literals.ts'
import { atom, compound, operand, type Typed } from './typed.ts'

export type PatternOperator = '~~' | '!~~' | '~~*' | '!~~*'

/** `escape` null: the backslash. */
export function like(operator: PatternOperator, left: Typed, right: Typed, escape: string | null): Typed {
  const isNegated = operator.startsWith('!')
  const isCaseless = operator.endsWith('*')
  const subject = resolvedText(left)
  const pattern = resolvedText(right)
  const not = isNegated ? 'NOT ' : ''
  const escapeCharacter = escape ?? '\\'
  if (isCaseless) {
    const suffix = escapeCharacter === '' ? '' : ` ESCAPE ${quoteText(escapeCharacter)}`
    checkPattern(pattern, escapeCharacter)
    return compound(`${operand(subject)} ${not}LIKE ${operand(pattern)}${suffix}`, BOOL)
  }
  if (typeof pattern.constant === 'string') {
    const glob = globOf(pattern.constant, escapeCharacter)
    return compound(`${operand(subject)} ${not}GLOB ${quoteText(glob)}`, BOOL)
  }
  const call = `pg_like(${subject.sql}, ${pattern.sql}, ${quoteText(escapeCharacter)})`
  return isNegated ? compound(`NOT ${call}`, BOOL) : atom(call, BOOL)
}

function checkPattern(pattern: Typed, escape: string): void {
  if (typeof pattern.constant === 'string') globOf(pattern.constant, escape)
}

/** `a%_\%*` → `a*?%[*]`. Throws 22025 for an escape at the end. */
export function globOf(pattern: string, escape: string): string {
  let glob = ''
  const characters = Array.from(pattern)
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] as string
    if (character === escape) {
      const next = characters[++index]
      if (next === undefined) throw new PgError('22025', 'LIKE pattern must not end with escape character')
      glob += literalOf(next)
    } else if (character === '%') glob += '*'
    else if (character === '_') glob += '?'
    else glob += literalOf(character)
  }
  return glob
}

function literalOf(character: string): string {
  return character === '*' || character === '?' || character === '[' ? `[${character}]` : character
}

/** `~`, `~*`, `!~`, `!~*`. psql's own patterns, `^(name)$`, become comparisons, which need no function. */
export function regex(operator: string, left: Typed, right: Typed): Typed {
  const isNegated = operator.startsWith('!')
  const isCaseless = operator.endsWith('*')
  const subject = resolvedText(left)
  const pattern = resolvedText(right)
  const plainText = typeof pattern.constant === 'string' && !isCaseless ? exactText(pattern.constant) : null
  if (plainText !== null) {
    return compound(`${operand(subject)} ${isNegated ? '<>' : '='} ${quoteText(plainText)}`, BOOL)
  }
  if (typeof pattern.constant === 'string') checkRegex(pattern.constant)
  const call = `pg_regex(${subject.sql}, ${pattern.sql}, ${isCaseless ? "'i'" : "''"})`
  return isNegated ? compound(`NOT ${call}`, BOOL) : atom(call, BOOL)
}

function exactText(pattern: string): string | null {
  const match = /^\^\(([\w $"-]*)\)\$$|^\^([\w -]*)\$$/.exec(pattern)
  const text = match?.[1] ?? match?.[2] ?? null
  return text === null || text.includes('$') ? null : text
}

/** What JavaScript's engine reads differently from PostgreSQL's is refused. */
function checkRegex(pattern: string): void {
  if (/\[\[:|\[\[[.=]|\\[mMyYAZ]|^\*\*\*|^\(\?[a-z]+\)/.test(pattern)) {
    throw new PgError('0A000', `the regular expression ${quoteText(pattern)} is not supported by HarmonyDB`, {
      hint: 'It uses a form that only PostgreSQL’s regular expressions have.',
    })
  }
}
