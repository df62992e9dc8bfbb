/** Describe: what a statement or a portal takes and gives. Nothing is executed. */

import { must } from '../../../base/assert.ts'
import type { Session } from '../../../gateway/session.ts'
import type { QueryPlan } from '../dialect/plan.ts'
import { parameterDescription, type Encoder } from '../wire/encoder.ts'
import type { FrontendMessage } from '../wire/messages.ts'
import type { Cursors } from './cursors.ts'
import type { PreparedStatement, PreparedStore } from './prepared.ts'
import { columnsOfPlan, resolveColumns, type ResolvedColumn } from './result.ts'
import type { ResultSender } from './result-sender.ts'
import type { TransactionState } from './transaction.ts'
import { isTransactionExit, type Utilities } from './utilities.ts'

type DescribeMessage = Extract<FrontendMessage, { kind: 'describe' }>

interface DescriberParts {
  readonly transaction: TransactionState
  readonly store: PreparedStore
  readonly sender: ResultSender
  readonly cursors: Cursors
  readonly session: Session
  readonly utilities: Utilities
  readonly out: Encoder
}

/** Null where there are none; undefined where something has to be looked at. */
function knownColumns(statement: PreparedStatement): readonly ResolvedColumn[] | null | undefined {
  if (statement.describedColumns !== null) return statement.describedColumns
  const { plan } = statement.compiled
  if (plan.kind !== 'query') return plan.kind === 'begin' || plan.kind === 'commit' ? null : undefined
  if (!plan.returnsRows) return null
  statement.describedColumns = columnsOfPlan(plan.columns)
  return statement.describedColumns ?? undefined
}

function describeParameters(out: Encoder, { compiled }: PreparedStatement): void {
  parameterDescription(
    out,
    compiled.parameterTypes.map(({ type }) => type.oid),
  )
}

export class Describer {
  readonly #parts: DescriberParts

  constructor(parts: DescriberParts) {
    this.#parts = parts
  }

  /** Answers where the columns are known, as they nearly always are. False with nothing done otherwise. */
  quickly({ target, name }: DescribeMessage): boolean {
    const { cursors, store, sender, transaction, out } = this.#parts
    if (target === 'portal') {
      const portal = cursors.has(name) ? undefined : store.findPortal(name)
      const columns = portal === undefined ? undefined : knownColumns(portal.statement)
      if (portal === undefined || columns === undefined) return false
      sender.describe(columns, portal.formats)
      return true
    }
    const statement = store.statements.get(name)
    const columns = statement === undefined ? undefined : knownColumns(statement)
    if (statement === undefined || columns === undefined || transaction.isFailed) return false
    describeParameters(out, statement)
    sender.describe(columns, [])
    return true
  }

  async describe({ target, name }: DescribeMessage): Promise<void> {
    const { cursors, store, sender } = this.#parts
    if (target === 'statement') return this.#describeStatement(store.statement(name))
    // A cursor that DECLARE made is a portal, too.
    const cursor = cursors.columnsOf(name)
    if (cursor !== null) return sender.describe(cursor, [])
    const portal = store.portal(name)
    sender.describe(await this.#columnsOf(portal.statement), portal.formats)
  }

  async #describeStatement(statement: PreparedStatement): Promise<void> {
    const { transaction, out, sender } = this.#parts
    const { plan } = statement.compiled
    transaction.checkNotFailed(isTransactionExit(plan))
    describeParameters(out, statement)
    sender.describe(await this.#columnsOf(statement), [])
  }

  /** Asks SQLite only where the plan does not know; nothing is executed. */
  async #columnsOf(statement: PreparedStatement): Promise<readonly ResolvedColumn[] | null> {
    if (statement.describedColumns !== null) return statement.describedColumns
    const { plan } = statement.compiled
    if (plan.kind !== 'query') return this.#parts.utilities.columnsOf(plan)
    if (!plan.returnsRows) return null
    statement.describedColumns = columnsOfPlan(plan.columns) ?? (await this.#askColumns(plan))
    return statement.describedColumns
  }

  async #askColumns(plan: QueryPlan): Promise<readonly ResolvedColumn[]> {
    const { columns } = await this.#parts.session.describe(must(plan.steps[plan.resultStep]).sql)
    return resolveColumns(plan.columns, columns)
  }
}
