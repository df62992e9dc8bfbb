/**
 * The text of a CREATE TABLE as SQLite keeps it, taken apart into what ALTER TABLE changes: columns with their types and clauses, constraints of the
 * table, options (sqlite.org/lang_createtable.html). Expressions stay texts. What it does not understand, it refuses: a table made
 * anew from half of its definition would be another table.
 */

import { notSupported } from '../error.ts'
import { quoteName } from './ast.ts'

export type ClauseKind =
  | 'primary'
  | 'unique'
  | 'check'
  | 'foreign'
  | 'not null'
  | 'null'
  | 'default'
  | 'collate'
  | 'generated'

/** A constraint of a column or of the table. */
export interface Clause {
  readonly kind: ClauseKind
  /** After CONSTRAINT; null without. */
  readonly name: string | null
  readonly text: string
  /** Of a key of the table: its columns. */
  readonly columns: readonly string[]
  /** Of a foreign key: the table that it refers to. */
  readonly target: string | null
}

export interface TextColumn {
  readonly name: string
  readonly type: string
  readonly clauses: readonly Clause[]
}

export interface TableText {
  /** Comments in front of the first column, which tell what the table is. */
  readonly lead: string
  readonly columns: readonly TextColumn[]
  readonly constraints: readonly Clause[]
  /** Behind the closing parenthesis. */
  readonly options: string
}

interface Token {
  readonly kind: 'word' | 'name' | 'group' | 'comma' | 'other'
  readonly text: string
}

const TOKEN =
  /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[+-]?\d[\w.]*|./gs

function* lexed(sql: string): Iterable<string> {
  for (const [text] of sql.matchAll(TOKEN)) yield text
}

/** Tokens without blanks and comments; what is between parentheses is one token. */
function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  let group = ''
  let depth = 0
  for (const text of lexed(sql)) {
    if (text === '(') depth++
    if (depth > 0) group += text
    if (text === ')') {
      depth--
      if (depth === 0) {
        tokens.push({ kind: 'group', text: group })
        group = ''
      }
    } else if (depth === 0 && !/^(?:\s|--|\/\*)/.test(text)) tokens.push({ kind: kindOf(text), text })
  }
  return tokens
}

function kindOf(text: string): Token['kind'] {
  if (text === ',') return 'comma'
  if (/^[A-Za-z_\u0080-\uffff]/.test(text)) return 'word'
  return /^["`[]/.test(text) ? 'name' : 'other'
}

export function unquoted(text: string): string {
  if (/^["`]/.test(text)) return text.slice(1, -1).replaceAll(text.charAt(0).repeat(2), text.charAt(0))
  return text.startsWith('[') ? text.slice(1, -1) : text
}

/** Throws 0A000 for a text that it does not understand. `shownName` is for that message. */
export function parseTable(sql: string, shownName: string): TableText {
  const tokens = tokensOf(sql)
  const at = tokens.findIndex(({ kind }) => kind === 'group')
  const isTable = tokens[0]?.text.toLowerCase() === 'create' && /^table$/i.test(tokens[1]?.text ?? '')
  const body = tokens[at]?.text.slice(1, -1) ?? ''
  if (!isTable || at < 0) throw notSupported(`this ALTER TABLE of "${shownName}"`)
  const items = itemsOf(tokensOf(body)).map((item) => new ItemReader(item, shownName))
  const columns = items.filter(({ isConstraint }) => !isConstraint).map((item) => item.column())
  const constraints = items.filter(({ isConstraint }) => isConstraint).map((item) => item.constraint())
  return {
    lead: /^(?:\s*\/\*[\s\S]*?\*\/)*/.exec(body)?.[0].trim() ?? '',
    columns,
    constraints,
    options: tokens
      .slice(at + 1)
      .map(({ text }) => text)
      .join(' '),
  }
}

function itemsOf(tokens: readonly Token[]): Token[][] {
  const items: Token[][] = [[]]
  for (const token of tokens) {
    if (token.kind === 'comma') items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}

/** From the opening parenthesis on. */
export function tableBody({ lead, columns, constraints, options }: TableText): string {
  const lines = [...columns.map(columnText), ...constraints.map(({ text }) => text)]
  const tail = options === '' ? '' : ` ${options}`
  return `(${lead === '' ? '' : `${lead} `}${lines.join(', ')})${tail}`
}

function columnText({ name, type, clauses }: TextColumn): string {
  return [quoteName(name), type, ...clauses.map(({ text }) => text)].filter((part) => part !== '').join(' ')
}

/** One column's text, as CREATE TABLE has it. */
export function parseColumn(text: string): TextColumn {
  return new ItemReader(tokensOf(text), text).column()
}

/** One constraint's text, as CREATE TABLE has it. */
export function parseConstraint(text: string): Clause {
  return new ItemReader(tokensOf(text), text).constraint()
}

const TABLE_CONSTRAINT = /^(?:constraint|primary|unique|check|foreign)$/i
const COLUMN_CLAUSE =
  /^(?:constraint|primary|not|null|unique|check|default|collate|references|generated|as)$/i

/** Reads the tokens of one column or constraint. */
class ItemReader {
  readonly #tokens: readonly Token[]
  readonly #of: string
  #at = 0

  constructor(tokens: readonly Token[], of: string) {
    this.#tokens = tokens
    this.#of = of
  }

  get isConstraint(): boolean {
    const [first] = this.#tokens
    return first?.kind === 'word' && TABLE_CONSTRAINT.test(first.text)
  }

  column(): TextColumn {
    const name = unquoted(this.#take().text)
    const type: string[] = []
    while (this.#hasMore && !this.#isWord(COLUMN_CLAUSE)) type.push(this.#take().text)
    const clauses: Clause[] = []
    while (this.#hasMore) clauses.push(this.#clause())
    return { name, type: typeText(type), clauses }
  }

  constraint(): Clause {
    const clause = this.#clause()
    if (this.#hasMore) throw this.#unknown()
    return clause
  }

  /** [CONSTRAINT name] and what follows it. */
  #clause(): Clause {
    const start = this.#at
    const name = this.#skip(/^constraint$/i) ? unquoted(this.#take().text) : null
    const word = this.#take().text.toLowerCase()
    const { kind, columns = [], target = null } = this.#rest(word)
    const text = this.#tokens
      .slice(start, this.#at)
      .map((token) => token.text)
      .join(' ')
    return { kind, name, text, columns, target }
  }

  #rest(word: string): Partial<Clause> & { kind: ClauseKind } {
    switch (word) {
      case 'primary': {
        this.#need(/^key$/i)
        const columns = this.#columns()
        this.#skip(/^(?:asc|desc)$/i)
        this.#onConflict()
        this.#skip(/^autoincrement$/i)
        return { kind: 'primary', columns }
      }
      case 'unique': {
        const columns = this.#columns()
        this.#onConflict()
        return { kind: 'unique', columns }
      }
      case 'not':
        this.#need(/^null$/i)
        this.#onConflict()
        return { kind: 'not null' }
      case 'null':
        return { kind: 'null' }
      case 'check':
        this.#take()
        return { kind: 'check' }
      case 'default':
        if (/^[+-]$/.test(this.#take().text)) this.#take()
        return { kind: 'default' }
      case 'collate':
        this.#take()
        return { kind: 'collate' }
      case 'foreign': {
        this.#need(/^key$/i)
        const columns = this.#columns()
        this.#need(/^references$/i)
        return { kind: 'foreign', columns, target: this.#references() }
      }
      case 'references':
        return { kind: 'foreign', target: this.#references() }
      case 'generated':
        this.#need(/^always$/i)
        this.#need(/^as$/i)
        return this.#generated()
      case 'as':
        return this.#generated()
      default:
        throw this.#unknown()
    }
  }

  #generated(): { kind: ClauseKind } {
    this.#take()
    this.#skip(/^(?:stored|virtual)$/i)
    return { kind: 'generated' }
  }

  #references(): string {
    const target = unquoted(this.#take().text)
    this.#columns()
    for (;;) {
      if (this.#skip(/^on$/i)) this.#action()
      else if (this.#skip(/^match$/i)) this.#take()
      else if (this.#isWord(/^not$/i) && /^deferrable$/i.test(this.#tokens[this.#at + 1]?.text ?? ''))
        this.#at += 2
      else if (this.#skip(/^initially$/i)) this.#take()
      else if (!this.#skip(/^deferrable$/i)) return target
    }
  }

  /** DELETE CASCADE, UPDATE SET NULL and so on. */
  #action(): void {
    this.#take()
    if (/^(?:set|no)$/i.test(this.#take().text)) this.#take()
  }

  #onConflict(): void {
    if (!this.#isWord(/^on$/i) || !/^conflict$/i.test(this.#tokens[this.#at + 1]?.text ?? '')) return
    this.#at += 3
  }

  #columns(): readonly string[] {
    const next = this.#tokens[this.#at]
    if (next?.kind !== 'group') return []
    this.#at++
    return itemsOf(tokensOf(next.text.slice(1, -1))).map(([first]) => unquoted(first?.text ?? ''))
  }

  get #hasMore(): boolean {
    return this.#at < this.#tokens.length
  }

  #isWord(pattern: RegExp): boolean {
    const next = this.#tokens[this.#at]
    return next?.kind === 'word' && pattern.test(next.text)
  }

  #skip(pattern: RegExp): boolean {
    const isThere = this.#isWord(pattern)
    if (isThere) this.#at++
    return isThere
  }

  #need(pattern: RegExp): void {
    if (!this.#skip(pattern)) throw this.#unknown()
  }

  #take(): Token {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#unknown()
    return token
  }

  #unknown(): Error {
    return notSupported(`this ALTER TABLE of "${this.#of}"`)
  }
}

/** VARCHAR(20), TEXT[], DOUBLE PRECISION: as it was written. */
function typeText(parts: readonly string[]): string {
  return parts.reduce(
    (text, part) => (text === '' || /^[([]/.test(part) ? text + part : `${text} ${part}`),
    '',
  )
}

/** The same clause with another table that it refers to. */
export function referringTo(clause: Clause, target: string): Clause {
  if (clause.target === null) return clause
  const pattern = /\breferences\s+("(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$\u0080-\uffff]+)/i
  return { ...clause, target, text: clause.text.replace(pattern, () => `REFERENCES ${quoteName(target)}`) }
}
