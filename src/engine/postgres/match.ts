/** Functions that take texts apart by regular expressions, and SIMILAR TO. */

import { failure } from './failure.ts'
import { regularExpression } from './text.ts'

/** Groups of the match, or the whole of it where there are none; as a JSON array. */
function groupsOf(match: RegExpMatchArray): (string | null)[] {
  return match.length === 1 ? [match[0]] : match.slice(1).map((group) => group ?? null)
}

function allMatches(text: string, pattern: string, flags: string): RegExpMatchArray[] {
  return [...text.matchAll(regularExpression(pattern, flags.includes('g') ? flags : `${flags}g`))]
}

/** Null without a match. */
export function firstMatch(text: string, pattern: string, flags: string): string | null {
  if (flags.includes('g')) throw failure('regexp_match() does not support the "global" option')
  const match = regularExpression(pattern, flags).exec(text)
  return match === null ? null : JSON.stringify(groupsOf(match))
}

/** JSON array of arrays: of the first match, or of all with the flag g. */
export function matches(text: string, pattern: string, flags: string): string {
  const found = allMatches(text, pattern, flags).map(groupsOf)
  return JSON.stringify(flags.includes('g') ? found : found.slice(0, 1))
}

/** An empty match at the beginning or right behind another one splits nothing. */
export function split(text: string, pattern: string, flags: string): string {
  const parts: string[] = []
  let start = 0
  for (const match of allMatches(text, pattern, flags)) {
    const end = match.index ?? 0
    if (match[0] === '' && (end === start || end === text.length)) {
      if (end === start && end < text.length && end > 0) parts.push(text.slice(start, end))
      continue
    }
    parts.push(text.slice(start, end))
    start = end + match[0].length
  }
  return JSON.stringify([...parts, text.slice(start)])
}

export function count(text: string, pattern: string, flags: string): bigint {
  return BigInt(allMatches(text, pattern, flags).length)
}

/** Null without a match; the first group where the pattern has one (as SUBSTRING … FROM pattern). */
export function extract(text: string, pattern: string): string | null {
  const match = regularExpression(pattern, '').exec(text)
  return match === null ? null : (match[1] ?? match[0])
}

export function substring(text: string, pattern: string, flags: string): string | null {
  return regularExpression(pattern, flags).exec(text)?.[0] ?? null
}

/** From 1, in characters; 0 without a match. */
export function positionOf(text: string, pattern: string, flags: string): bigint {
  const match = regularExpression(pattern, flags).exec(text)
  return match === null ? 0n : BigInt(Array.from(text.slice(0, match.index)).length + 1)
}

/**
 * SIMILAR TO's pattern as a regular expression (PostgreSQL documentation, "SIMILAR TO Regular Expressions"): it must match the whole text, % and _ are LIKE's, and of the
 * signs of regular expressions only | * + ? { } ( ) [ ] mean something.
 */
export function similarPattern(pattern: string, escape: string): string {
  let source = ''
  let isInSet = false
  const characters = Array.from(pattern)
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] as string
    if (character === escape && escape !== '') {
      const next = characters[++index]
      if (next === undefined) throw failure('invalid escape sequence')
      source += escaped(next)
    } else if (isInSet) {
      if (character === ']') isInSet = false
      source += character === '\\' || character === '[' ? `\\${character}` : character
    } else if (character === '[') {
      isInSet = true
      source += character
    } else if (character === '%') source += '[^]*'
    else if (character === '_') source += '[^]'
    else source += /[|*+?{}()]/.test(character) ? character : escaped(character)
  }
  return `^(?:${source})$`
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character === '-' ? 'x2d' : character}` : character
}

export function isSimilar(text: string, pattern: string, escape: string): boolean {
  return regularExpression(similarPattern(pattern, escape), '').test(text)
}
