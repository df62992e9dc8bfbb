/** The names of a transaction's open savepoints, as SQLite keeps them (https://sqlite.org/lang_savepoint.html). */

import { HarmonyError } from '../base/errors.ts'

export class Savepoints {
  #names: string[] = []

  get names(): readonly string[] {
    return this.#names
  }

  push(name: string): void {
    this.#names.push(name)
  }

  /** Position of the most recent savepoint with this name, without regard to case. Throws SQLite's error. */
  find(name: string): number {
    const at = this.#names.findLastIndex((each) => each.toLowerCase() === name.toLowerCase())
    if (at < 0) throw new HarmonyError('SQLITE_ERROR', `no such savepoint: ${name}`)
    return at
  }

  /** RELEASE: forgets it and those inside. */
  release(at: number): void {
    this.#names.length = at
  }

  /** ROLLBACK TO: forgets those inside, and keeps it. */
  rollbackTo(at: number): void {
    this.#names.length = at + 1
  }
}
