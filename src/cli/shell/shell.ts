/**
 * The shell without its terminal: what a statement or a dot-command does and prints. `interactive.ts` feeds it from a
 * keyboard, `script.ts` from text; both see the same behaviour.
 */

import { leadingKeywords } from '../../engine/sql-text.ts'
import type { SqlValue } from '../../base/value.ts'
import { databaseUrl, type ConnectionTarget } from './connection-url.ts'
import { errorOffset, pointAt } from './error-place.ts'
import { openPrinter, type Mode, type RowPrinter } from './formats.ts'
import { CancelledError, ConnectionError, HranaClient, RemoteError } from './hrana-client.ts'
import { stoppedText } from './stopped.ts'
import type { Style } from './style.ts'
import { showControlsInLines } from './value-text.ts'

export interface ShellOutput {
  /** Results. Resolves when there is room for more. */
  readonly out: (text: string) => Promise<void>
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

interface Result {
  /** Null if the statement has no columns. */
  printer: RowPrinter | null
  rowCount: number
  shownCount: number
  changes: number
  lastInsertRowid: bigint | null
}

/** Rows that are formatted and written at once. */
const PAGE_ROWS = 500

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
      const result = await this.#printRows(sql)
      const tookMs = performance.now() - startedMs
      await this.#noticeTransaction(sql)
      await this.#printEnd(sql, result, tookMs)
      return true
    } catch (error) {
      await this.#afterError()
      this.#printError(sql, error, where)
      return false
    }
  }

  /** All rows of a query that the shell itself needs. Rejects as the client does. */
  async rows(sql: string): Promise<readonly (readonly SqlValue[])[]> {
    const rows: (readonly SqlValue[])[] = []
    for await (const event of this.#client.query(sql)) {
      if (event.type === 'row') rows.push(event.row)
    }
    return rows
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

  async #printRows(sql: string): Promise<Result> {
    const result: Result = { printer: null, rowCount: 0, shownCount: 0, changes: 0, lastInsertRowid: null }
    const { rowsMax } = this.settings
    let page: (readonly SqlValue[])[] = []
    const printPage = async (): Promise<void> => {
      await this.output.out(result.printer?.add(page) ?? '')
      result.shownCount += page.length
      page = []
    }
    for await (const event of this.#client.query(sql)) {
      if (event.type === 'columns' && event.names.length > 0) result.printer = this.#openPrinter(event.names)
      if (event.type === 'row') {
        result.rowCount++
        if (result.shownCount + page.length < rowsMax) page.push(event.row)
        if (page.length >= PAGE_ROWS) await printPage()
      }
      if (event.type === 'end') {
        result.changes = event.changes
        result.lastInsertRowid = event.lastInsertRowid
      }
    }
    await printPage()
    return result
  }

  #openPrinter(names: readonly string[]): RowPrinter {
    return openPrinter(names, {
      mode: this.settings.mode,
      style: this.output.style,
      width: this.output.width(),
    })
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

  async #printEnd(sql: string, result: Result, tookMs: number): Promise<void> {
    const { style } = this.output
    const time = this.settings.showsTime ? style.dim(`  (${formatDuration(tookMs)})`) : ''
    if (result.printer === null) {
      if (this.settings.tellsChanges) await this.output.out(`${describeChange(sql, result)}${time}\n`)
      return
    }
    const { text, note } = result.printer.end()
    await this.output.out(text)
    if (!this.settings.tellsChanges) return
    const cut =
      result.rowCount > result.shownCount
        ? `the first ${result.shownCount.toLocaleString('en')} are shown; .limit 0 shows all`
        : null
    const told = [countRows(result.rowCount), cut, note].filter((one) => one !== null).join('; ')
    await this.output.out(`${style.dim(told)}${time}\n`)
  }

  #printError(sql: string, error: unknown, where: string): void {
    const { style, note } = this.output
    const place = where === '' ? '' : `${where}: `
    if (error instanceof CancelledError) {
      return note(`${place}${stoppedText(sql, error)}\n`)
    }
    if (error instanceof RemoteError) {
      note(
        `${style.red(`${place}error:`)} ${showControlsInLines(error.message)} ${style.dim(`[${error.code}]`)}\n`,
      )
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

function describeChange(sql: string, result: Result): string {
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
