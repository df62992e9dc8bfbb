/** Lines that people type or scripts bring, collected until a statement is complete. */

import { splitStatements } from '../../engine/sql-text.ts'

export interface PendingStatement {
  readonly sql: string
  /** Line on which it begins, counted from 1 over all lines added. */
  readonly line: number
}

export class StatementBuffer {
  #text = ''
  #firstLine = 1
  #linesAdded = 0

  /** Whether the last statement still waits for its `;`. */
  get isPending(): boolean {
    return this.#text.trim() !== ''
  }

  /** The statements that `line` completes. The rest waits for more lines. */
  add(line: string): PendingStatement[] {
    this.#linesAdded++
    const isFirst = this.#text === ''
    if (isFirst) this.#firstLine = this.#linesAdded
    this.#text += `${line}\n`
    // Looking at the whole text for every line would take quadratic time for long statements.
    const mayEnd = line.includes(';') || (isFirst && isComplete(this.#text))
    return mayEnd && isComplete(this.#text) ? this.#take() : []
  }

  /** What is left when the input ends: a last statement needs no `;`. */
  finish(): PendingStatement[] {
    return this.#take()
  }

  clear(): void {
    this.#text = ''
  }

  #take(): PendingStatement[] {
    const text = this.#text
    this.#text = ''
    return splitStatements(text).map(({ sql, start }) => ({
      sql,
      line: this.#firstLine + (text.slice(0, start).match(/\n/g)?.length ?? 0),
    }))
  }
}

/**
 * Whether `text` ends behind a statement's `;`: a word put behind it is then a statement of its own. Inside a
 * string, a comment or the body of a trigger it is not.
 */
function isComplete(text: string): boolean {
  return splitStatements(`${text}SELECT`).length > splitStatements(text).length
}
