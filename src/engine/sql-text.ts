/**
 * SQL text as SQLite's own tokenizer reads it (tokenize.c), without parsing it: splitting a script into
 * statements, and telling transaction control, PRAGMA and EXPLAIN from the rest.
 *
 * Nothing here decides what is allowed: that is the authorizer's business (`policy.ts`), which sees what a
 * statement does and not what it looks like. Text is looked at only where SQLite gives no other way:
 * `DatabaseSync.prepare` compiles the first statement of a text and drops the rest silently, and BEGIN,
 * COMMIT and ROLLBACK are carried out by the session and never reach SQLite as the client wrote them.
 */

export type TokenKind =
  | 'space'
  | 'comment'
  /** Keyword or bare identifier. */
  | 'word'
  /** `"x"`, `[x]` or `` `x` ``. */
  | 'quoted'
  /** `'x'` */
  | 'string'
  | 'blob'
  | 'number'
  /** `?`, `?1`, `:a`, `@a`, `$a`, `#a` */
  | 'parameter'
  | 'semicolon'
  | 'operator'
  /** What SQLite calls an unrecognized token, an unterminated string among them. */
  | 'illegal'

export interface Token {
  readonly kind: TokenKind
  /** Offsets in UTF-16 code units; `end` is exclusive. */
  readonly start: number
  readonly end: number
}

/** SQLite's IdChar: letters, digits, `_`, `$` and everything beyond ASCII. */
function isIdentifierCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 36 ||
    code >= 128
  )
}

function isDigitCode(code: number): boolean {
  return code >= 48 && code <= 57
}

function isSpaceCode(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xfeff
}

function endOfIdentifier(sql: string, from: number): number {
  let end = from
  while (end < sql.length && isIdentifierCode(sql.charCodeAt(end))) end++
  return end
}

function spaceToken(sql: string, start: number): Token {
  let end = start + 1
  while (end < sql.length && isSpaceCode(sql.charCodeAt(end))) end++
  return { kind: 'space', start, end }
}

function lineComment(sql: string, start: number): Token {
  const newline = sql.indexOf('\n', start)
  return { kind: 'comment', start, end: newline < 0 ? sql.length : newline }
}

/** An unterminated block comment reaches to the end of the text and is no error, as in SQLite. */
function blockComment(sql: string, start: number): Token {
  const close = sql.indexOf('*/', start + 2)
  return { kind: 'comment', start, end: close < 0 ? sql.length : close + 2 }
}

/** `'…'`, `"…"` and `` `…` ``: the delimiter is doubled inside. */
function delimited(sql: string, start: number): Token {
  const delimiter = sql[start] as string
  let end = start + 1
  for (;;) {
    const close = sql.indexOf(delimiter, end)
    if (close < 0) return { kind: 'illegal', start, end: sql.length }
    end = close + 1
    if (sql[end] !== delimiter) break
    end++
  }
  return { kind: delimiter === "'" ? 'string' : 'quoted', start, end }
}

function bracketed(sql: string, start: number): Token {
  const close = sql.indexOf(']', start)
  if (close < 0) return { kind: 'illegal', start, end: sql.length }
  return { kind: 'quoted', start, end: close + 1 }
}

function blobLiteral(sql: string, start: number): Token {
  const close = sql.indexOf("'", start + 2)
  const end = close < 0 ? sql.length : close + 1
  const isWhole = close >= 0 && /^(?:[0-9a-fA-F]{2})*$/.test(sql.slice(start + 2, close))
  return { kind: isWhole ? 'blob' : 'illegal', start, end }
}

const NUMBER =
  /0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*|(?:[0-9](?:[0-9_])*)?(?:\.[0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?/y

function numberToken(sql: string, start: number): Token {
  NUMBER.lastIndex = start
  const length = NUMBER.exec(sql)?.[0].length ?? 1
  const end = endOfIdentifier(sql, start + Math.max(length, 1))
  return { kind: end > start + length ? 'illegal' : 'number', start, end }
}

/** `?`, `?12`. */
function questionMark(sql: string, start: number): Token {
  let end = start + 1
  while (end < sql.length && isDigitCode(sql.charCodeAt(end))) end++
  return { kind: 'parameter', start, end }
}

/** `:a`, `@a`, `$a`, `#a`, with the `::` and the `(…)` suffix of Tcl variables that SQLite takes too. */
function namedParameter(sql: string, start: number): Token {
  let end = start + 1
  let letters = 0
  for (; end < sql.length; end++) {
    if (isIdentifierCode(sql.charCodeAt(end))) letters++
    else if (sql[end] === ':' && sql[end + 1] === ':') end++
    else break
  }
  if (letters === 0) return { kind: 'illegal', start, end }
  if (sql[end] !== '(') return { kind: 'parameter', start, end }
  while (end < sql.length && sql[end] !== ')' && !/\s/.test(sql[end] as string)) end++
  return sql[end] === ')' ? { kind: 'parameter', start, end: end + 1 } : { kind: 'illegal', start, end }
}

const OPERATORS_OF_TWO = new Set(['||', '<=', '>=', '<>', '<<', '>>', '==', '!=', '->'])
const OPERATORS_OF_ONE = new Set('()+*/%=<>,&|~.-;')

function operatorToken(sql: string, start: number): Token {
  if (sql.startsWith('->>', start)) return { kind: 'operator', start, end: start + 3 }
  if (OPERATORS_OF_TWO.has(sql.slice(start, start + 2))) return { kind: 'operator', start, end: start + 2 }
  const kind = OPERATORS_OF_ONE.has(sql[start] as string) ? 'operator' : 'illegal'
  return { kind, start, end: start + 1 }
}

function nextToken(sql: string, start: number): Token {
  const character = sql[start] as string
  const code = sql.charCodeAt(start)
  if (isSpaceCode(code)) return spaceToken(sql, start)
  if (character === '-' && sql[start + 1] === '-') return lineComment(sql, start)
  if (character === '/' && sql[start + 1] === '*' && start + 2 < sql.length) return blockComment(sql, start)
  if (character === "'" || character === '"' || character === '`') return delimited(sql, start)
  if (character === '[') return bracketed(sql, start)
  if (character === ';') return { kind: 'semicolon', start, end: start + 1 }
  if (character === '?') return questionMark(sql, start)
  if (':@$#'.includes(character)) return namedParameter(sql, start)
  if ((character === 'x' || character === 'X') && sql[start + 1] === "'") return blobLiteral(sql, start)
  if (isDigitCode(code) || (character === '.' && isDigitCode(sql.charCodeAt(start + 1)))) {
    return numberToken(sql, start)
  }
  if (isIdentifierCode(code)) return { kind: 'word', start, end: endOfIdentifier(sql, start) }
  return operatorToken(sql, start)
}

/** All tokens of `sql`, white space and comments included, in order and without gaps. */
export function* tokens(sql: string): Generator<Token, void, void> {
  for (let start = 0; start < sql.length;) {
    const token = nextToken(sql, start)
    yield token
    start = token.end
  }
}

function isMeaningful(token: Token): boolean {
  return token.kind !== 'space' && token.kind !== 'comment'
}

/** One statement of a script: its text without the closing semicolon, and where it begins in the script. */
export interface SplitStatement {
  readonly sql: string
  readonly start: number
}

/**
 * Follows one statement to the semicolon that ends it. Only CREATE TRIGGER holds semicolons inside: its body
 * ends at `; END`. CASE … END can't be confused with it, because no semicolon stands before its END.
 */
class StatementEnd {
  #words: string[] = []
  #isTrigger = false
  #isInBody = false
  #afterSemicolon = false

  /** True when `token` is the semicolon after which the next statement begins. */
  isAt(token: Token, sql: string): boolean {
    if (token.kind === 'semicolon') {
      this.#afterSemicolon = true
      return !this.#isInBody
    }
    if (token.kind === 'word') this.#word(sql.slice(token.start, token.end).toUpperCase())
    else if (this.#words.length < 6) this.#words.push('')
    this.#afterSemicolon = false
    return false
  }

  #word(word: string): void {
    if (this.#isTrigger && word === 'BEGIN') this.#isInBody = true
    if (this.#isInBody && this.#afterSemicolon && word === 'END') {
      this.#isInBody = false
      this.#isTrigger = false
    }
    if (this.#words.length >= 6) return
    this.#words.push(word)
    if (word === 'TRIGGER') {
      this.#isTrigger = /^(EXPLAIN (QUERY PLAN )?)?CREATE (TEMP |TEMPORARY )?TRIGGER$/.test(
        this.#words.join(' '),
      )
    }
  }
}

/**
 * The statements of a script, in order and one at a time. Empty ones (only space and comments) are left out. One that is
 * longer than `lengthMax` comes cut, still longer than that, and is the last: nobody reads on for what is refused.
 */
export function* statementsOf(
  script: string,
  lengthMax: number = Number.POSITIVE_INFINITY,
): Generator<SplitStatement, void, void> {
  let end = new StatementEnd()
  let first = -1
  let last = 0
  for (const token of tokens(script)) {
    if (!isMeaningful(token)) continue
    if (end.isAt(token, script)) {
      if (first >= 0) yield { sql: script.slice(first, last), start: first }
      first = -1
      end = new StatementEnd()
      continue
    }
    if (first < 0) first = token.start
    last = token.end
    if (last - first > lengthMax) break
  }
  if (first >= 0) yield { sql: script.slice(first, last), start: first }
}

/** All statements of a script. */
export function splitStatements(script: string): SplitStatement[] {
  return [...statementsOf(script)]
}

/**
 * The first words of `sql` in upper case, up to `count` or to the first token that is not a word. SQLite steps over
 * semicolons in front of a statement, and so does this: `;VACUUM` is VACUUM.
 */
export function leadingKeywords(sql: string, count: number): string[] {
  const words: string[] = []
  for (const token of tokens(sql)) {
    if (words.length === count) break
    if (!isMeaningful(token) || (token.kind === 'semicolon' && words.length === 0)) continue
    if (token.kind !== 'word') break
    words.push(sql.slice(token.start, token.end).toUpperCase())
  }
  return words
}

/** Where the first statement of `sql` begins, behind space, comments and semicolons; its length if there is none. */
export function startOfStatement(sql: string): number {
  for (const token of tokens(sql)) if (isMeaningful(token) && token.kind !== 'semicolon') return token.start
  return sql.length
}

/** True if a bare word of `sql` is one of `words` (in upper case). Strings, quoted names and comments don't count. */
export function hasWord(sql: string, words: ReadonlySet<string>): boolean {
  for (const token of tokens(sql)) {
    if (token.kind === 'word' && words.has(sql.slice(token.start, token.end).toUpperCase())) return true
  }
  return false
}

/** A name as SQLite compares it: ASCII letters in lower case, all others as they are. */
export function foldName(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** A name as SQLite reads it: without its quotes, doubled quotes undoubled. */
export function unquote(text: string): string {
  const open = text[0]
  if (open === '[') return text.slice(1, -1)
  if (open !== '"' && open !== '`' && open !== "'") return text
  return text.slice(1, -1).replaceAll(open + open, open)
}

export type BeginMode = 'deferred' | 'immediate' | 'exclusive' | 'readonly'

export type StatementClass =
  | { readonly kind: 'begin'; readonly mode: BeginMode }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'savepoint'; readonly name: string }
  | { readonly kind: 'release'; readonly name: string }
  | { readonly kind: 'rollback-to'; readonly name: string }
  /** `name` is in lower case; `argument` is the text after `=` or inside the parentheses, unquoted. */
  | {
      readonly kind: 'pragma'
      readonly schema: string | null
      readonly name: string
      readonly argument: string | null
    }
  | { readonly kind: 'explain' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'other' }

const OTHER: StatementClass = { kind: 'other' }

const CONTROL_WORDS = new Set([
  'BEGIN',
  'COMMIT',
  'END',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
  'PRAGMA',
  'EXPLAIN',
])

/** Transaction control is short; a longer text is none. */
const CONTROL_TOKENS_MAX = 12

interface Words {
  /** Upper case for bare words, the unquoted name for quoted ones. */
  readonly upper: readonly string[]
  readonly names: readonly string[]
}

function wordsOf(sql: string): Words | null {
  const upper: string[] = []
  const names: string[] = []
  let isEnded = false
  for (const token of tokens(sql)) {
    if (!isMeaningful(token)) continue
    if (token.kind === 'semicolon') {
      isEnded = upper.length > 0
      continue
    }
    if (isEnded || upper.length === CONTROL_TOKENS_MAX) return null
    const text = sql.slice(token.start, token.end)
    names.push(unquote(text))
    upper.push(token.kind === 'word' || token.kind === 'operator' ? text.toUpperCase() : '\0')
  }
  return { upper, names }
}

const BEGIN_MODES: Readonly<Record<string, BeginMode>> = {
  DEFERRED: 'deferred',
  IMMEDIATE: 'immediate',
  EXCLUSIVE: 'exclusive',
  READONLY: 'readonly',
}

/**
 * `BEGIN [DEFERRED|IMMEDIATE|EXCLUSIVE|READONLY] [TRANSACTION [READONLY]]`. Plain SQLite takes READONLY after
 * TRANSACTION for a transaction's name and does not enforce it; libSQL clients send it and mean it.
 */
function classifyBegin(words: Words): StatementClass {
  const rest = words.upper.slice(1)
  let mode: BeginMode = 'deferred'
  const first = rest[0] === undefined ? undefined : BEGIN_MODES[rest[0]]
  if (first !== undefined) {
    mode = first
    rest.shift()
  }
  if (rest[0] === 'TRANSACTION') rest.shift()
  if (rest[0] === 'READONLY') {
    mode = 'readonly'
    rest.shift()
  } else if (rest[0] === 'READ' && rest[1] === 'ONLY') {
    mode = 'readonly'
    rest.splice(0, 2)
  }
  return rest.length === 0 ? { kind: 'begin', mode } : OTHER
}

function classifyCommit(words: Words): StatementClass {
  const rest = words.upper.slice(1)
  return rest.length === 0 || (rest[0] === 'TRANSACTION' && rest.length <= 2) ? { kind: 'commit' } : OTHER
}

function classifyRollback(words: Words): StatementClass {
  let at = 1
  if (words.upper[at] === 'TRANSACTION') at++
  if (words.upper.length === at) return { kind: 'rollback' }
  if (words.upper[at] !== 'TO')
    return words.upper.length === at + 1 && at === 2 ? { kind: 'rollback' } : OTHER
  at++
  if (words.upper[at] === 'SAVEPOINT' && words.upper.length > at + 1) at++
  const name = words.names[at]
  return name !== undefined && words.upper.length === at + 1 ? { kind: 'rollback-to', name } : OTHER
}

function classifySavepoint(words: Words): StatementClass {
  const name = words.names[1]
  return name !== undefined && words.upper.length === 2 ? { kind: 'savepoint', name } : OTHER
}

function classifyRelease(words: Words): StatementClass {
  const at = words.upper[1] === 'SAVEPOINT' && words.upper.length > 2 ? 2 : 1
  const name = words.names[at]
  return name !== undefined && words.upper.length === at + 1 ? { kind: 'release', name } : OTHER
}

function classifyPragma(words: Words): StatementClass {
  const hasSchema = words.upper[2] === '.'
  const at = hasSchema ? 3 : 1
  const name = words.names[at]?.toLowerCase()
  if (name === undefined) return OTHER
  const schema = hasSchema ? (words.names[1] ?? null) : null
  const sign = words.upper[at + 1]
  if (sign === undefined) return { kind: 'pragma', schema, name, argument: null }
  if (sign !== '=' && sign !== '(') return OTHER
  const last = sign === '(' ? words.names.length - 1 : words.names.length
  const argument = words.names.slice(at + 2, last).join('')
  return { kind: 'pragma', schema, name, argument: argument === '' ? null : argument }
}

/**
 * What `sql` is, as far as sessions must know before SQLite sees it. `sql` is one statement, with or without
 * its semicolon; a text of several statements, or a malformed one, is 'other', and SQLite says what is wrong.
 */
export function classify(sql: string): StatementClass {
  const keyword = leadingKeywords(sql, 1)[0]
  if (keyword === undefined) return isEmptyText(sql) ? { kind: 'empty' } : OTHER
  if (!CONTROL_WORDS.has(keyword)) return OTHER
  if (keyword === 'EXPLAIN') return { kind: 'explain' }
  const words = wordsOf(sql)
  if (words === null) return OTHER
  if (keyword === 'BEGIN') return classifyBegin(words)
  if (keyword === 'COMMIT' || keyword === 'END') return classifyCommit(words)
  if (keyword === 'ROLLBACK') return classifyRollback(words)
  if (keyword === 'SAVEPOINT') return classifySavepoint(words)
  if (keyword === 'RELEASE') return classifyRelease(words)
  return classifyPragma(words)
}

function isEmptyText(sql: string): boolean {
  for (const token of tokens(sql)) if (isMeaningful(token) && token.kind !== 'semicolon') return false
  return true
}
