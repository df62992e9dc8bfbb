/**
 * Scripts of sqllogictest as records (sqlite.org/sqllogictest, "About sqllogictest"). The format, in short:
 *
 *     statement ok|error          query TYPES [nosort|rowsort|valuesort] [LABEL]
 *     SQL …                       SQL …
 *                                 ----
 *                                 one value a line, or `30 values hashing to MD5`
 *
 * Records end at an empty line. `skipif DB` and `onlyif DB` before a record choose who runs it, `hash-threshold` is for those who make scripts, `halt` ends
 * the script, `#` begins a comment. TYPES has one letter a column: I, R or T.
 */

export type SortMode = 'nosort' | 'rowsort' | 'valuesort'

export interface StatementRecord {
  readonly kind: 'statement'
  readonly line: number
  readonly sql: string
  readonly isError: boolean
}

export interface QueryRecord {
  readonly kind: 'query'
  readonly line: number
  readonly sql: string
  readonly types: string
  readonly sortMode: SortMode
  /** The values, or the line that says what they hash to. */
  readonly expected: readonly string[]
}

export type TestRecord = StatementRecord | QueryRecord

const DATABASE = 'sqlite'

/** Records that SQLite is to run, in order. Throws where the script is none. */
export function parseScript(text: string): TestRecord[] {
  const records: TestRecord[] = []
  const lines = text.split(/\r?\n/)
  let at = 0
  while (at < lines.length) {
    const end = endOfBlock(lines, at)
    const first = firstOfRecord(lines, at, end)
    if (first !== null) {
      const [command = ''] = wordsOf(lines[first])
      if (command === 'halt') break
      const record = recordOf(lines.slice(first, end), first + 1)
      if (record !== null) records.push(record)
    }
    at = end + 1
  }
  return records
}

function endOfBlock(lines: readonly string[], from: number): number {
  let end = from
  while (end < lines.length && lines[end]?.trim() !== '') end++
  return end
}

function wordsOf(line: string | undefined): string[] {
  return (line ?? '').replace(/#.*$/, '').trim().split(/\s+/)
}

/** Behind comments and conditions; null where nothing is for SQLite. */
function firstOfRecord(lines: readonly string[], from: number, end: number): number | null {
  for (let at = from; at < end; at++) {
    const [word = '', argument = ''] = wordsOf(lines[at])
    if (word === 'skipif' && argument === DATABASE) return null
    if (word === 'onlyif' && argument !== DATABASE) return null
    if (word !== '' && word !== 'skipif' && word !== 'onlyif') return at
  }
  return null
}

function recordOf(lines: readonly string[], line: number): TestRecord | null {
  const [command, first = '', second = 'nosort'] = wordsOf(lines[0])
  if (command === 'statement') {
    return { kind: 'statement', line, sql: lines.slice(1).join('\n'), isError: first === 'error' }
  }
  if (command === 'hash-threshold') return null
  if (command !== 'query') throw new Error(`line ${line}: "${lines[0]}" is no record of sqllogictest`)
  const separator = lines.indexOf('----')
  const sql = lines.slice(1, separator < 0 ? undefined : separator).join('\n')
  const expected = separator < 0 ? [] : lines.slice(separator + 1)
  return { kind: 'query', line, sql, types: first, sortMode: sortModeOf(second), expected }
}

function sortModeOf(word: string): SortMode {
  if (word === 'rowsort' || word === 'valuesort') return word
  return 'nosort'
}
