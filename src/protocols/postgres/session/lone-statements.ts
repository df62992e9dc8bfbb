/**
 * Statements alone between two Syncs that can't be answered at once (`quick-reads.ts` does that): writes (the INSERT, UPDATE or DELETE of most
 * applications), and quick reads about which other members are asked first. Handed to the gateway without a promise on the way. Whatever is not
 * quite that plain goes the usual way in `client-session.ts`, which gives the same answers.
 */

import type { QueryPlan } from '../dialect/plan.ts'
import type { FrontendMessage } from '../wire/messages.ts'
import type { Activity } from './activity.ts'
import type { Executor } from './executor.ts'
import type { Portal, PreparedStore } from './prepared.ts'
import type { ResultSender } from './result-sender.ts'
import { mayBeRefused, resultError } from './result-risk.ts'
import type { ExecuteResult } from '../../../gateway/session.ts'
import type { SessionTables } from './session-tables.ts'
import type { Settings } from './settings.ts'
import { statementError } from './statement-error.ts'
import { tagOf } from './tag.ts'
import type { TransactionState } from './transaction.ts'

type ExecuteMessage = Extract<FrontendMessage, { kind: 'execute' }>

interface LoneStatementsParts {
  readonly activity: Activity
  readonly transaction: TransactionState
  readonly executor: Executor
  readonly store: PreparedStore
  readonly sender: ResultSender
  readonly settings: Settings
  readonly tables: SessionTables
  isFollowedBySync(): boolean
}

export class LoneStatements {
  readonly #parts: LoneStatementsParts

  constructor(parts: LoneStatementsParts) {
    this.#parts = parts
  }

  /**
   * Rejects with what the statement fails with; null with nothing done where it is not quick. `usualWay`: what is to be done where that shows later,
   * with nothing done either.
   */
  execute(
    { portal: name, rowsMax }: ExecuteMessage,
    usualWay: (portal: Portal) => Promise<void>,
  ): Promise<void> | null {
    const { store, transaction, tables, settings } = this.#parts
    const portal = store.findPortal(name)
    if (portal === undefined || portal.result !== null || rowsMax > 0) return null
    const { plan } = portal.statement.compiled
    if (plan.kind !== 'query' || plan.changesSchema || plan.notices.length > 0) return null
    if (plan.isRead ? !plan.returnsRows : settings.restrictsWrites) return null
    if (mayBeRefused(plan, portal.formats)) return null
    if (transaction.isOpen || transaction.isFailed || tables.needsCommit) return null
    return this.#parts.isFollowedBySync() ? this.#run(portal, plan, usualWay) : null
  }

  #run(portal: Portal, plan: QueryPlan, usualWay: (portal: Portal) => Promise<void>): Promise<void> | null {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error: unknown): void => reject(statementError(plan, error))
    const tell = (result: ExecuteResult): void => {
      try {
        resolve(this.#send(portal, plan, result) ?? undefined)
      } catch (error) {
        reject(plan.isRead ? error : resultError(error))
      }
    }
    const { values, statement } = portal
    const receiver = { resolve: tell, reject: fail, notHere: () => resolve(usualWay(portal)) }
    const isBegun = this.#parts.executor.runHere(plan, values, statement.consistency, receiver)
    if (!isBegun) return null
    this.#parts.activity.begin(statement.sql)
    return promise
  }

  #send(portal: Portal, plan: QueryPlan, told: ExecuteResult): Promise<void> | null {
    const tag = tagOf(plan, told)
    if (plan.returnsRows) {
      const { columns, writers } = portal.statement.layout(told.columns, portal.formats)
      portal.writers = writers
      portal.result = { columns, rows: told.rows, tag }
    } else {
      portal.result = { columns: null, rows: [], tag }
    }
    portal.nextRow = portal.result.rows.length
    return this.#parts.sender.wholeOfMany(portal.result, portal.writers)
  }
}
