/** The shell at a terminal: prompt, line editing, history, Ctrl-C. */

import { createInterface, type Interface } from 'node:readline'
import { complete } from './completion.ts'
import { asOneLine, type History } from './history.ts'
import { runDotLine } from './script.ts'
import type { Shell } from './shell.ts'
import { StatementBuffer } from './statement-buffer.ts'

/** Streams expire after ten seconds without a request. */
const KEEP_ALIVE_MS = 4000

/** Undocumented in the types, and documented as the `history` event's argument: newest first. */
interface WithHistory {
  history: string[]
}

type Completed = (error: null, result: [candidates: string[], replaced: string]) => void

/** The process's own, or those of a test. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

export class InteractiveShell {
  readonly #shell: Shell
  readonly #history: History
  readonly #output: NodeJS.WritableStream
  readonly #buffer = new StatementBuffer()
  readonly #readline: Interface & WithHistory
  /** Typed or pasted while a statement ran. */
  readonly #lines: string[] = []
  /** Lines of the statement that is being typed. */
  #typed: string[] = []
  #isRunning = false
  #isClosed = false
  readonly #left = Promise.withResolvers<void>()

  constructor(shell: Shell, history: History, terminal: Terminal) {
    this.#shell = shell
    this.#history = history
    this.#output = terminal.output
    this.#readline = createInterface({
      input: terminal.input,
      output: terminal.output,
      terminal: true,
      history: history.load(),
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: (line: string, done: Completed) => void this.#complete(line, done),
    }) as Interface & WithHistory
  }

  /** Resolves when the person leaves. */
  async run(): Promise<void> {
    this.#readline.on('line', (line) => this.#take(line))
    this.#readline.on('SIGINT', () => this.#interrupt())
    this.#readline.on('close', () => this.#close())
    const keepAlive = setInterval(() => void this.#keepAlive(), KEEP_ALIVE_MS)
    this.#prompt()
    await this.#left.promise
    clearInterval(keepAlive)
  }

  async #complete(line: string, done: Completed): Promise<void> {
    done(null, await complete(this.#shell, line))
  }

  #take(line: string): void {
    this.#lines.push(line)
    if (!this.#isRunning) void this.#runLines()
  }

  async #runLines(): Promise<void> {
    this.#isRunning = true
    for (let line = this.#lines.shift(); line !== undefined && !this.#isClosed; line = this.#lines.shift()) {
      await this.#runLine(line)
    }
    this.#isRunning = false
    this.#prompt()
  }

  async #runLine(line: string): Promise<void> {
    if (!this.#buffer.isPending && line.trimStart().startsWith('.')) {
      this.#history.add(line)
      if ((await runDotLine(this.#shell, line)) === 'quit') this.#readline.close()
      return
    }
    if (line.trim() !== '') this.#typed.push(line)
    const statements = this.#buffer.add(line)
    if (this.#buffer.isPending) return
    this.#remember()
    for (const { sql } of statements) {
      if (!(await this.#shell.execute(sql))) break
    }
  }

  /** A statement of several lines comes back as one: arrow up through its single lines would help nobody. */
  #remember(): void {
    const entry = asOneLine(this.#typed)
    const lines = this.#typed
    this.#typed = []
    for (const one of entry === null ? lines : [entry]) this.#history.add(one)
    if (entry === null || lines.length < 2) return
    this.#readline.history.splice(0, lines.length, entry)
  }

  #interrupt(): void {
    if (this.#isRunning) return this.#shell.cancel()
    const isEmpty = this.#readline.line === '' && !this.#buffer.isPending
    this.#output.write('\n')
    if (isEmpty) this.#shell.output.note('(Ctrl-D or .quit leaves)\n')
    this.#buffer.clear()
    this.#typed = []
    // readline has no call that empties the line; this key does.
    this.#readline.write(null, { ctrl: true, name: 'e' })
    this.#readline.write(null, { ctrl: true, name: 'u' })
    this.#prompt()
  }

  #prompt(): void {
    if (this.#isClosed) return
    const name = this.#shell.target.database
    const mark = this.#shell.isInTransaction ? '*' : ''
    const prompt = `${name}${mark}> `
    this.#readline.setPrompt(this.#buffer.isPending ? `${'...'.padStart(prompt.length - 2)}> ` : prompt)
    this.#readline.prompt(true)
  }

  async #keepAlive(): Promise<void> {
    if (!this.#isRunning && !this.#isClosed) await this.#shell.keepAlive()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#shell.isInTransaction) this.#shell.output.note('\nThe open transaction was rolled back.')
    this.#output.write('\n')
    this.#left.resolve()
  }
}
