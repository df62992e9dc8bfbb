/**
 * Log lines on stderr: one event a line, for people (`text`) or for collectors (`json`). Events are short fixed texts;
 * what differs is in fields. Nothing that a client sends as a credential or as SQL is ever a field.
 */

export type LogLevel = 'info' | 'warn' | 'error'
export type LogFormat = 'text' | 'json'
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

export class Log {
  readonly #format: LogFormat
  readonly #write: (line: string) => void
  readonly #now: () => Date

  constructor(format: LogFormat, write: (line: string) => void, now: () => Date = () => new Date()) {
    this.#format = format
    this.#write = write
    this.#now = now
  }

  info(event: string, fields: LogFields = {}): void {
    this.#line('info', event, fields)
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#line('warn', event, fields)
  }

  error(event: string, fields: LogFields = {}): void {
    this.#line('error', event, fields)
  }

  #line(level: LogLevel, event: string, fields: LogFields): void {
    const time = this.#now().toISOString()
    if (this.#format === 'json') this.#write(`${JSON.stringify({ time, level, event, ...fields })}\n`)
    else this.#write(`${time} ${level.padEnd(5)} ${event}${textFields(fields)}\n`)
  }
}

function textFields(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${textValue(value)}`)
    .join('')
}

/** Quoted where a space, a quote or a control character would make the line ambiguous. */
function textValue(value: string | number | boolean | null): string {
  const text = String(value)
  return /^[\w./:@%+,~-]+$/.test(text) ? text : JSON.stringify(text)
}
