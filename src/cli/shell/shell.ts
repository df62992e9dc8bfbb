/**
 * The shell without its terminal: what a statement or a dot-command does and prints. `interactive.ts` feeds it from a
 * keyboard, `script.ts` from text; both see the same behaviour.
 */

import { leadingKeywords } from '../../engine/sql-text.ts'
import type { SqlValue } from '../../base/value.ts'
import { databaseUrl, type ConnectionTarget } from './connection-url.ts'
import { errorOffset, pointAt } from './error-place.ts'
import { formatResult, type Mode } from './formats.ts'
import { CancelledError, ConnectionError, HranaClient, RemoteError } from './hrana-client.ts'
import type { Style } from './style.ts'

export interface ShellOutput {
  /** Results. */
  readonly out: (text: string) => void
  /** Errors, and notes that are no results. */
  readonly note: (text: string) => void
  readonly style: Style
  /** Columns of the terminal at this moment; Infinity if there is none. */
  readonly width: () => number
}

export interface ShellSettings {
  mode: Mode
  showsTime: boolean
  /** Rows shown of one result; Infinity for all. */
  rowsMax: number
  /** Whether a statement without rows tells what it did. Off in scripts, whose output is data. */
  tellsChanges: boolean
}

/** Statements after which a transaction may have begun or ended. */
const TRANSACTION_WORDS: ReadonlySet<string> = new Set([
  'BEGIN',
  'COMMIT',
  'END',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
])

interface Collected {
  names: readonly string[]
  readonly rows: (readonly SqlValue[])[]
  rowCount: number
  changes: number
  lastInsertRowid: bigint | null
}

export class Shell {
  readonly settings: ShellSettings
  readonly output: ShellOutput
  readonly #token: string | null
  #target: ConnectionTarget
  #client: HranaClient

  constructor(target: ConnectionTarget, token: string | null, settings: ShellSettings, output: ShellOutput) {
    this.#target = target
    this.#token = token
    this.#client = new HranaClient(databaseUrl(target), token)
    this.settings = settings
    this.output = output
  }

  get target(): ConnectionTarget {
    return this.#target
  }

  get isInTransaction(): boolean {
    return !this.#client.isAutocommit
  }

  /** Runs one statement and prints what came of it. Resolves with false if it failed; the error is printed. */
  async execute(sql: string, where = ''): Promise<boolean> {
    const startedMs = performance.now()
    try {
      const result = await this.#collect(sql)
      const tookMs = performance.now() - startedMs
      await this.#noticeTransaction(sql)
      this.#printResult(sql, result, tookMs)
      return true
    } catch (error) {
      await this.#afterError()
      this.#printError(sql, error, where)
      return false
    }
  }

  /** All rows of a query that the shell itself needs. Rejects as the client does. */
  async rows(sql: string): Promise<readonly (readonly SqlValue[])[]> {
    return (await this.#collect(sql, Number.POSITIVE_INFINITY)).rows
  }

  /** Rejects with RemoteError or ConnectionError. */
  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    const client = new HranaClient(this.#target.origin, this.#token)
    try {
      return await client.json(method, path, body)
    } finally {
      await client.close()
    }
  }

  /** Goes on in another database; an open transaction is rolled back. */
  async use(database: string): Promise<void> {
    await this.#client.close()
    this.#target = { ...this.#target, database }
    this.#client = new HranaClient(databaseUrl(this.#target), this.#token)
  }

  /** Keeps the connection's stream alive while nobody types. Never rejects. */
  async keepAlive(): Promise<void> {
    await this.#afterError()
  }

  cancel(): void {
    this.#client.cancel()
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  printError(error: unknown): void {
    this.#printError('', error, '')
  }

  async #collect(sql: string, rowsMax = this.settings.rowsMax): Promise<Collected> {
    const collected: Collected = { names: [], rows: [], rowCount: 0, changes: 0, lastInsertRowid: null }
    for await (const event of this.#client.query(sql)) {
      switch (event.type) {
        case 'columns':
          collected.names = event.names
          break
        case 'row':
          collected.rowCount++
          if (collected.rows.length < rowsMax) collected.rows.push(event.row)
          break
        case 'end':
          collected.changes = event.changes
          collected.lastInsertRowid = event.lastInsertRowid
          break
      }
    }
    return collected
  }

  async #noticeTransaction(sql: string): Promise<void> {
    const [word = ''] = leadingKeywords(sql, 1)
    if (TRANSACTION_WORDS.has(word)) await this.#client.refreshState()
  }

  async #afterError(): Promise<void> {
    try {
      await this.#client.refreshState()
    } catch {
      // Told by the next statement, if it matters then.
    }
  }

  #printResult(sql: string, result: Collected, tookMs: number): void {
    const { style } = this.output
    const time = this.settings.showsTime ? style.dim(`  (${formatDuration(tookMs)})`) : ''
    if (result.names.length === 0) {
      if (this.settings.tellsChanges) this.output.out(`${describeChange(sql, result)}${time}\n`)
      return
    }
    const { text, note } = formatResult(result, { ...this.settings, style, width: this.output.width() })
    if (text !== '') this.output.out(`${text}\n`)
    if (this.settings.mode === 'table' || this.settings.mode === 'line') {
      const notes = [
        result.rowCount > result.rows.length
          ? `the first ${result.rows.length} are shown; .limit 0 shows all`
          : null,
        note,
      ].filter((one) => one !== null)
      const noted = notes.length === 0 ? '' : `; ${notes.join('; ')}`
      if (this.settings.tellsChanges)
        this.output.out(style.dim(`${countRows(result.rowCount)}${noted}`) + `${time}\n`)
    }
  }

  #printError(sql: string, error: unknown, where: string): void {
    const { style, note } = this.output
    const place = where === '' ? '' : `${where}: `
    if (error instanceof CancelledError) {
      return note(`${place}stopped${error.wasInTransaction ? '; the transaction was rolled back' : ''}\n`)
    }
    if (error instanceof RemoteError) {
      note(`${style.red(`${place}error:`)} ${error.message} ${style.dim(`[${error.code}]`)}\n`)
      const offset = errorOffset(sql, error.message)
      if (offset !== null) note(`${pointAt(sql, offset)}\n`)
      return
    }
    if (error instanceof ConnectionError) return note(`${style.red(`${place}error:`)} ${error.message}\n`)
    throw error
  }
}

function countRows(count: number): string {
  return count === 1 ? '1 row' : `${count.toLocaleString('en')} rows`
}

function describeChange(sql: string, result: Collected): string {
  const [word = ''] = leadingKeywords(sql, 1)
  if (!['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'WITH'].includes(word)) return 'done'
  const rowid = word === 'INSERT' || word === 'REPLACE' ? result.lastInsertRowid : null
  const id = rowid === null || result.changes === 0 ? '' : `, last row id ${rowid}`
  return `${countRows(result.changes)} changed${id}`
}

export function formatDuration(durationMs: number): string {
  if (durationMs < 10) return `${durationMs.toFixed(1)} ms`
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  return `${(durationMs / 1000).toFixed(2)} s`
}
