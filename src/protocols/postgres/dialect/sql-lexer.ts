/**
 * As much lexing as SQLite's own text needs: where statements end in a script, and which parameters `$1`, `?` and `?1` are. Knows quotes,
 * comments, and that a trigger's body holds semicolons.
 */

interface Token {
  readonly kind: 'word' | 'semicolon' | 'parameter' | 'other'
  readonly text: string
  readonly start: number
  readonly end: number
}

const TOKEN =
  /'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+|\?\d*|;|\d[\w.]*|\s+|./gs

function* tokens(sql: string): Iterable<Token> {
  for (const match of sql.matchAll(TOKEN)) {
    const text = match[0]
    const start = match.index
    yield { kind: kindOf(text), text, start, end: start + text.length }
  }
}

function kindOf(text: string): Token['kind'] {
  if (text === ';') return 'semicolon'
  if (/^(?:\$\d|\?)/.test(text)) return 'parameter'
  return /^[A-Za-z_\u0080-\uffff]/.test(text) ? 'word' : 'other'
}

export function withoutLeadingComments(text: string): string {
  return text.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '')
}

/** A space where a comment was. */
export function withoutComments(sql: string): string {
  return Array.from(tokens(sql), ({ text }) => (/^(?:--|\/\*)/.test(text) ? ' ' : text)).join('')
}

export interface ScriptPart {
  readonly text: string
  /** Index in the script. */
  readonly start: number
}

/** Statements of a script in SQLite's dialect; empty ones are left out. */
export function splitScript(sql: string): ScriptPart[] {
  const parts: ScriptPart[] = []
  let start = 0
  let words: string[] = []
  let depth = 0
  const finish = (end: number): void => {
    if (words.length > 0) parts.push({ text: sql.slice(start, end), start })
    words = []
    depth = 0
  }
  for (const token of tokens(sql)) {
    if (token.kind === 'semicolon' && depth === 0) {
      finish(token.start)
      start = token.end
    } else if (token.kind === 'word') {
      words.push(token.text.toLowerCase())
      depth += bodyDepth(words)
    } else if (!/^(?:\s|--|\/\*)/.test(token.text) && words.length === 0) words.push('')
  }
  finish(sql.length)
  return parts
}

/** Inside CREATE TRIGGER, BEGIN and CASE open what END closes. */
function bodyDepth(words: readonly string[]): number {
  const isTrigger = words[0] === 'create' && words.slice(1, 4).includes('trigger')
  if (!isTrigger) return 0
  const last = words.at(-1)
  if (last === 'begin' || last === 'case') return 1
  return last === 'end' ? -1 : 0
}

/**
 * For each of SQLite's parameters, in its own order, the number of the client's: `$2` is 2, a bare `?` is the next one. Null when
 * there are none.
 */
export function parameterOrder(sql: string): number[] | null {
  const seen = new Set<string>()
  const order: number[] = []
  let next = 1
  for (const { kind, text } of tokens(sql)) {
    if (kind !== 'parameter') continue
    if (text === '?') {
      order.push(next++)
      continue
    }
    if (seen.has(text)) continue
    seen.add(text)
    const number = Number(text.slice(1))
    // `?5` is SQLite's fifth parameter wherever it stands.
    if (text.startsWith('?')) while (order.length < number) order.push(order.length + 1)
    else order.push(number)
    next = Math.max(next, number + 1)
  }
  return order.length === 0 ? null : order
}
