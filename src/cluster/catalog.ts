/** The catalog: which databases there are. Itself a database, with group 0. DESIGN.md tells in which steps it changes. */

import { HarmonyError } from '../base/errors.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { SqlStatement, SqlValue, StatementResult } from '../base/value.ts'
import type { DatabaseGroup } from '../group/database-group.ts'

export const CATALOG_GROUP = 0
export const CATALOG_NAME = '_catalog'

const SCHEMA = `CREATE TABLE IF NOT EXISTS databases (
  "group" INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'dropping')),
  created_at TEXT NOT NULL
) STRICT`
const NAMES_ARE_UNIQUE = `CREATE UNIQUE INDEX IF NOT EXISTS names ON databases (name) WHERE state = 'open'`

const RESULT_SIZE_BYTES_MAX = 256 * 1024 * 1024

export interface CatalogRow {
  readonly group: number
  readonly name: string
  readonly state: 'open' | 'dropping'
}

export class Catalog {
  readonly #group: DatabaseGroup

  constructor(group: DatabaseGroup) {
    this.#group = group
  }

  /** Makes the table and the databases that a new member begins with, in one transaction, unless that was done. */
  async prepare(firstDatabases: readonly string[]): Promise<void> {
    if (this.#group.appliedIndex > 0n) return
    const inserts = firstDatabases.map((name) => insertion(name))
    await this.#run([statement(SCHEMA), statement(NAMES_ARE_UNIQUE), ...inserts])
  }

  async rows(): Promise<CatalogRow[]> {
    const [result] = await this.#run([
      statement('SELECT "group", name, state FROM databases ORDER BY "group"'),
    ])
    return (result?.rows ?? []).map(([group, name, state]) => ({
      group: Number(group),
      name: name as string,
      state: state as CatalogRow['state'],
    }))
  }

  /** Rejects with DATABASE_EXISTS. */
  async insert(name: string): Promise<CatalogRow> {
    try {
      const [result] = await this.#run([insertion(name)])
      return { group: Number(result?.rows[0]?.[0]), name, state: 'open' }
    } catch (error) {
      throw isNameTaken(error) ? databaseExists(name) : error
    }
  }

  async markDropping(group: number): Promise<void> {
    await this.#run([statement(`UPDATE databases SET state = 'dropping' WHERE "group" = ?`, BigInt(group))])
  }

  async delete(group: number): Promise<void> {
    await this.#run([statement(`DELETE FROM databases WHERE "group" = ?`, BigInt(group))])
  }

  async #run(statements: readonly SqlStatement[]): Promise<readonly StatementResult[]> {
    const outcome = await this.#group.submit({
      statements,
      context: INITIAL_CONTEXT,
      idempotencyKey: null,
      resultSizeBytesMax: RESULT_SIZE_BYTES_MAX,
    })
    if (outcome.kind === 'committed') return outcome.results
    throw new HarmonyError(outcome.error.code as HarmonyError['code'], `Catalog: ${outcome.error.message}`)
  }
}

export function databaseExists(name: string): HarmonyError {
  return new HarmonyError('DATABASE_EXISTS', `There is a database ${name} already.`)
}

function insertion(name: string): SqlStatement {
  const sql = `INSERT INTO databases (name, state, created_at) VALUES (?, 'open', datetime('now')) RETURNING "group"`
  return statement(sql, name)
}

function statement(sql: string, ...positional: SqlValue[]): SqlStatement {
  return { sql, args: { positional, named: [] } }
}

function isNameTaken(error: unknown): boolean {
  return error instanceof HarmonyError && error.code === 'SQLITE_CONSTRAINT_UNIQUE'
}
