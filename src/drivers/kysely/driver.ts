/** Kysely's connections. There is nothing to pool: a connection is at most one transaction. */

import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'
import { SelectQueryNode } from 'kysely'
import { must } from '../../base/assert.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { Database } from '../../embed/database.ts'
import type { Result } from '../../embed/result.ts'
import type { Parameter } from '../../embed/values.ts'
import { HeldTransaction } from '../held-transaction.ts'
import { LocalReads, type ReadMode } from '../local-reads.ts'

export interface DriverOptions {
  readonly database: Database
  readonly reads: ReadMode
  readonly transactions: 'immediate' | 'deferred'
  readonly foreignKeys: boolean
}

export class HarmonyDriver implements Driver {
  readonly #options: DriverOptions
  readonly #localReads: LocalReads

  constructor(options: DriverOptions) {
    this.#options = options
    this.#localReads = new LocalReads(options.database)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new HarmonyConnection(this.#options, this.#localReads)
  }

  /** Every transaction is serializable, whatever isolation level is asked for. */
  async beginTransaction(connection: DatabaseConnection, { accessMode }: TransactionSettings): Promise<void> {
    const mode = accessMode === 'read only' ? 'readonly' : this.#options.transactions
    const { database, foreignKeys } = this.#options
    ownOf(connection).held = await HeldTransaction.begin(database, { mode, foreignKeys })
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await must(takeHeld(connection)).commit()
  }

  /** Also called after a COMMIT that failed: then there is nothing left. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await takeHeld(connection)?.rollback()
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await controlSavepoint(connection, 'SAVEPOINT', name)
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await controlSavepoint(connection, 'ROLLBACK TO', name)
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await controlSavepoint(connection, 'RELEASE', name)
  }

  /** A connection that is given back with a transaction (the program forgot to end it) must not keep the writer. */
  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await takeHeld(connection)?.rollback()
  }

  /** The database stays open: the application opened it. */
  async destroy(): Promise<void> {}
}

class HarmonyConnection implements DatabaseConnection {
  held: HeldTransaction | null = null
  readonly #options: DriverOptions
  readonly #localReads: LocalReads

  constructor(options: DriverOptions, localReads: LocalReads) {
    this.#options = options
    this.#localReads = localReads
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const values = parameters as readonly Parameter[]
    if (this.held !== null) return toQueryResult(await this.held.transaction.execute<R>(sql, values))
    const local =
      this.#options.reads === 'local' && SelectQueryNode.is(query) ? this.#localReads.find(sql) : null
    if (local !== null) return { rows: local.all(...values) as R[] }
    return toQueryResult(await this.#options.database.execute<R>(sql, values))
  }

  /** Rows of one state, as the loop takes them. Inside a transaction SQLite's rows are collected first: it must not stand still for a slow loop. */
  async *streamQuery<R>(query: CompiledQuery, chunkSize = 100): AsyncIterableIterator<QueryResult<R>> {
    if (!SelectQueryNode.is(query.query))
      throw new HarmonyError(
        'STATEMENT_REFUSED',
        'Only the rows of a SELECT can be streamed: execute it instead.',
      )
    if (this.held !== null) {
      yield await this.executeQuery<R>(query)
      return
    }
    // What a linearizable read has seen, a local one that follows sees, too.
    if (this.#options.reads === 'linearizable') await this.#options.database.execute('SELECT 1')
    const statement = must(this.#localReads.find(query.sql))
    let rows: R[] = []
    for (const row of statement.iterate(...(query.parameters as readonly Parameter[]))) {
      rows.push(row as R)
      if (rows.length < chunkSize) continue
      yield { rows }
      rows = []
    }
    if (rows.length > 0) yield { rows }
  }
}

function ownOf(connection: DatabaseConnection): HarmonyConnection {
  return connection as HarmonyConnection
}

function takeHeld(connection: DatabaseConnection): HeldTransaction | null {
  const own = ownOf(connection)
  const { held } = own
  own.held = null
  return held
}

async function controlSavepoint(connection: DatabaseConnection, verb: string, name: string): Promise<void> {
  await must(ownOf(connection).held).transaction.execute(`${verb} "${name.replaceAll('"', '""')}"`)
}

function toQueryResult<R>({ rows, changes, lastInsertRowid }: Result<R>): QueryResult<R> {
  return {
    rows,
    numAffectedRows: BigInt(changes),
    ...(lastInsertRowid !== null && { insertId: BigInt(lastInsertRowid) }),
  }
}
