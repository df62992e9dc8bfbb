/** Statements that only read, prepared once: for those who let their query builder read in the application's own thread. */

import { HarmonyError } from '../base/errors.ts'
import type { Database } from '../embed/database.ts'
import type { Statement } from '../embed/statement.ts'

/** How fresh a read outside of a transaction is, and where it runs: see DESIGN.md. */
export type ReadMode = 'linearizable' | 'local'

/** Texts beyond these are prepared again: query builders make few, unless values are written into them. */
const STATEMENTS_MAX = 200

export class LocalReads {
  readonly #db: Database
  /** Null: it does more than read. The one used last is the last. */
  readonly #statements = new Map<string, Statement | null>()

  constructor(db: Database) {
    this.#db = db
  }

  /** Null for a statement that does more than read. Throws as `Database.prepare` does. */
  find(sql: string): Statement | null {
    const statement = this.#statements.get(sql) ?? this.#prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    const [oldest] = this.#statements.keys()
    if (this.#statements.size > STATEMENTS_MAX && oldest !== undefined) this.#statements.delete(oldest)
    return statement
  }

  #prepare(sql: string): Statement | null {
    if (this.#statements.has(sql)) return null
    try {
      return this.#db.prepare(sql)
    } catch (error) {
      if (error instanceof HarmonyError && error.code === 'READ_ONLY') return null
      throw error
    }
  }
}
