/** What one session sees of the database's tables: its own temporary ones among them, and what its open transaction has changed. */

import type { Session } from '../../../gateway/session.ts'
import { catalogJson } from '../catalog/relations.ts'
import type { Asking, DatabaseDialect } from '../dialect/database-dialect.ts'
import type { Schema } from '../dialect/schema.ts'
import { withoutPrefix, type TemporarySpace } from '../dialect/temporary-space.ts'
import { PgError } from '../error.ts'
import type { CatalogReader, SessionFacts } from './executor.ts'
import { toPgError } from './harmony-error.ts'
import type { PreparedStatements } from './prepared-statements.ts'
import type { Settings } from './settings.ts'
import { dropTemporaries, runOnCommit, type TemporaryTables } from './temporary-tables.ts'
import type { TransactionEnds, TransactionState } from './transaction.ts'
import type { ServerActions } from './utilities.ts'

export interface SessionTablesParts {
  readonly session: Session
  readonly dialect: DatabaseDialect
  readonly temporaries: TemporaryTables
  readonly transaction: TransactionState
  readonly facts: SessionFacts
  readonly settings: Settings
  readonly server: ServerActions
  readonly statements: PreparedStatements
}

export class SessionTables implements TransactionEnds, CatalogReader {
  readonly #parts: SessionTablesParts
  readonly #space: TemporarySpace

  constructor(parts: SessionTablesParts) {
    this.#parts = parts
    this.#space = parts.temporaries.newSpace()
    parts.transaction.ends = this
  }

  asking(): Asking {
    const { session, transaction } = this.#parts
    return { session, isPrivate: transaction.hasChangedSchema, temporary: this.#space }
  }

  schema(): Promise<Schema> {
    return this.#parts.dialect.schemaOf(this.asking())
  }

  /** The rows of a catalog relation as JSON. */
  async catalogJson(relation: string): Promise<string> {
    const { facts, settings, server } = this.#parts
    const databases = relation.endsWith('pg_database') ? await server.databaseNames() : []
    const prepared = [...this.#parts.statements.named()]
    return catalogJson(relation, await this.schema(), {
      ...facts,
      settings: settings.all(),
      databases,
      activity: relation.endsWith('pg_stat_activity') ? await server.activity() : [],
      prepared: prepared.map(({ name, sql, compiled }) => ({
        name,
        sql,
        types: compiled.parameterTypes.map(({ type }) => type.sqlName),
      })),
    })
  }

  /** COMMIT has something to do, so that even a lone statement needs a transaction around it. */
  get needsCommit(): boolean {
    return this.#space.hasOnCommit
  }

  /** In the names that the session knows. */
  error(error: unknown): PgError {
    const told = toPgError(error, this.#parts.dialect.constraintNames)
    const { prefix } = this.#space
    if (prefix === null || !JSON.stringify([told.message, told.fields]).includes(prefix)) return told
    const fields = Object.entries(told.fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? withoutPrefix(value, prefix) : value,
    ])
    return new PgError(
      told.sqlState,
      withoutPrefix(told.message, prefix),
      Object.fromEntries(fields),
      told.severity,
    )
  }

  /** DISCARD TEMP. Rejects with a HarmonyError. */
  async discard(): Promise<void> {
    if (this.#space.prefix === null) return
    const { session, transaction } = this.#parts
    await dropTemporaries(session, await this.schema())
    if (transaction.isOpen) transaction.hasChangedSchema = true
    else this.#parts.dialect.schemaChanged(session.lastIndex)
  }

  /** The session is closed. Never rejects: what can't be dropped now is found later. */
  async close(): Promise<void> {
    const { temporaries, session } = this.#parts
    await temporaries.release(session.database, this.#space).catch(() => undefined)
  }

  async beforeCommit(): Promise<void> {
    if (!this.#space.hasOnCommit) return
    const { session, transaction } = this.#parts
    if (await runOnCommit(session, await this.schema())) transaction.hasChangedSchema = true
  }

  afterChange(): void {
    const { dialect, session } = this.#parts
    dialect.schemaChanged(session.lastIndex)
  }
}
