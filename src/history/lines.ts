/** Pieces of text as lines. Not through `node:readline`: handing out millions of lines takes longer there than reading them. */

import { HistoryFormatError } from './history-format-error.ts'

/** An operation that reads a very long list has some MiB. */
export const LINE_LENGTH_MAX: number = 64 * 1024 * 1024

export class Lines {
  readonly #take: (line: string) => void
  readonly #lengthMax: number
  /** Of a line whose end has not come yet; joined once, or a long one would be copied with each piece. */
  #begun: string[] = []
  #begunLength = 0
  #taken = 0

  constructor(take: (line: string) => void, lengthMax: number = LINE_LENGTH_MAX) {
    this.#take = take
    this.#lengthMax = lengthMax
  }

  /** Throws HistoryFormatError, or what `take` throws. */
  write(piece: string): void {
    const [first = '', ...others] = piece.split('\n')
    this.#begin(first)
    for (const other of others) {
      this.end()
      this.#begin(other)
    }
  }

  /** What stands behind the last newline is a line, too. */
  end(): void {
    const line = this.#begun.length === 1 ? (this.#begun[0] as string) : this.#begun.join('')
    this.#begun = []
    this.#begunLength = 0
    this.#taken++
    this.#take(line)
  }

  #begin(text: string): void {
    this.#begunLength += text.length
    if (this.#begunLength > this.#lengthMax)
      throw new HistoryFormatError(
        this.#taken + 1,
        `longer than ${this.#lengthMax} characters; a history has one operation a line`,
      )
    if (text !== '') this.#begun.push(text)
  }
}
