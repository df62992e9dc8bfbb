/** The text is no history. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError'
  readonly line: number

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.line = line
  }
}
