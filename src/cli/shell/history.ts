/** What was typed before: a file with one statement a line, readable by its owner only, because statements hold data. */

import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ENTRIES_MAX = 1000
const OWNER_ONLY = 0o600

export class History {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** Newest first, as readline wants it. Empty if there is no file or it can't be read. */
  load(): string[] {
    if (!existsSync(this.#file)) return []
    try {
      const lines = readFileSync(this.#file, 'utf8').split('\n').filter(Boolean)
      const kept = lines.slice(-ENTRIES_MAX)
      if (lines.length > 2 * ENTRIES_MAX)
        writeFileSync(this.#file, `${kept.join('\n')}\n`, { mode: OWNER_ONLY })
      return kept.toReversed()
    } catch {
      return []
    }
  }

  /** A line that begins with a space is not kept, as in many shells. Failing to write stops nobody from working. */
  add(entry: string): void {
    if (entry === '' || entry.startsWith(' ')) return
    try {
      const isNew = !existsSync(this.#file)
      appendFileSync(this.#file, `${entry}\n`, { mode: OWNER_ONLY })
      if (isNew) chmodSync(this.#file, OWNER_ONLY)
    } catch {
      // A read-only home directory, for example.
    }
  }
}

export function historyFile(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['HARMONYDB_HISTORY'] ?? join(homedir(), '.harmonydb_history')
}

/** Several typed lines as one entry. Not possible with a line comment, which would swallow what follows it. */
export function asOneLine(lines: readonly string[]): string | null {
  if (lines.some((line) => line.includes('--'))) return null
  return lines
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ')
}
