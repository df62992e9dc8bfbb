/** Kysely's dialect: `new Kysely({ dialect: new HarmonyDialect({ database }) })`. */

import type {
  DatabaseIntrospector,
  DatabaseMetadata,
  DatabaseMetadataOptions,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  SchemaMetadata,
  TableMetadata,
} from 'kysely'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Database } from '../../embed/database.ts'
import type { ReadMode } from '../local-reads.ts'
import { HarmonyDriver } from './driver.ts'

export interface HarmonyDialectOptions {
  /** What `open()` gave, or one of its databases. Kysely's `destroy` does not close it. */
  readonly database: Database
  /** Of reads outside of transactions. `local`: in this thread, in microseconds, of what has arrived here. Default `linearizable`. */
  readonly reads?: ReadMode
  /** When a transaction takes the writer: at its start, or with its first write, which can then meet TRANSACTION_CONFLICT. Default `immediate`. */
  readonly transactions?: 'immediate' | 'deferred'
  /**
   * Of its transactions. `false` for an instance that runs migrations which rebuild tables others refer to: DROP TABLE would delete
   * what refers to its rows. Default `true`.
   */
  readonly foreignKeys?: boolean
}

export class HarmonyDialect implements Dialect {
  readonly #options: Required<HarmonyDialectOptions>

  constructor(options: HarmonyDialectOptions) {
    this.#options = { reads: 'linearizable', transactions: 'immediate', foreignKeys: true, ...options }
  }

  createAdapter(): DialectAdapter {
    return new HarmonyAdapter()
  }

  createDriver(): Driver {
    return new HarmonyDriver(this.#options)
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new HarmonyIntrospector(db)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }
}

class HarmonyAdapter extends SqliteAdapter {
  /** All migrations are one transaction: with the writer taken at its start, processes that start together run them once. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** HarmonyDB's own tables are nobody's business. */
class HarmonyIntrospector implements DatabaseIntrospector {
  readonly #introspector: SqliteIntrospector

  constructor(db: Kysely<unknown>) {
    this.#introspector = new SqliteIntrospector(db)
  }

  getSchemas(): Promise<SchemaMetadata[]> {
    return this.#introspector.getSchemas()
  }

  async getTables(options?: DatabaseMetadataOptions): Promise<TableMetadata[]> {
    const tables = await this.#introspector.getTables(options)
    return tables.filter(({ name }) => !name.startsWith('_harmony_'))
  }

  async getMetadata(options?: DatabaseMetadataOptions): Promise<DatabaseMetadata> {
    return { tables: await this.getTables(options) }
  }
}
