/**
 * Prepared statements after the schema has changed: their plans name columns and types that may be others now. Each is compiled anew, with the parameter types
 * that its client knows, before it is bound the next time. One whose result would look different than its client was told is refused in the words by which
 * drivers know to prepare it again (PostgreSQL source, RevalidateCachedQuery).
 */

import type { DatabaseDialect } from '../dialect/database-dialect.ts'
import type { CompiledStatement } from '../dialect/plan.ts'
import { PgError } from '../error.ts'
import type { PreparedStatement, PreparedStore } from './prepared.ts'
import { columnsOfPlan } from './result.ts'
import type { SessionTables } from './session-tables.ts'
import type { TransactionState } from './transaction.ts'

export interface RevalidationParts {
  readonly dialect: DatabaseDialect
  readonly store: PreparedStore
  readonly tables: SessionTables
  readonly transaction: TransactionState
}

export class Revalidation {
  readonly #parts: RevalidationParts

  constructor(parts: RevalidationParts) {
    this.#parts = parts
  }

  /** Null where the statement is as good as new. Rejects with PgError or HarmonyError where it can't be compiled any more. */
  of(name: string): Promise<void> | null {
    const { dialect, store, transaction } = this.#parts
    const statement = store.statements.get(name)
    if (statement === undefined || statement.generation === dialect.generation) return null
    return transaction.isFailed ? null : this.#renew(statement)
  }

  async #renew(statement: PreparedStatement): Promise<void> {
    const { dialect, tables } = this.#parts
    const { generation } = dialect
    const parsed = dialect.parse(statement.sql)[0] ?? dialect.emptyStatement
    if (parsed.tree !== null) {
      const types = statement.compiled.parameterTypes.map(({ type }) => type.oid)
      const compiled = await dialect.compile(parsed, types, tables.asking())
      refuseChange(statement, compiled)
      statement.renew(compiled)
    }
    statement.generation = generation
  }
}

function refuseChange({ describedColumns }: PreparedStatement, { plan }: CompiledStatement): void {
  if (describedColumns === null || plan.kind !== 'query') return
  const columns = columnsOfPlan(plan.columns)
  const isSame =
    columns !== null &&
    columns.length === describedColumns.length &&
    columns.every(({ type }, index) => type.type === describedColumns[index]?.type.type)
  if (columns === null || isSame) return
  const fields = { routine: 'RevalidateCachedQuery' }
  throw new PgError('0A000', 'cached plan must not change result type', fields)
}
