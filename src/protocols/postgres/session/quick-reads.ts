/**
 * Point reads, the most frequent thing that clients ask for, and BEGIN and COMMIT around them, answered without a promise: each `await` on the
 * way through session, executor and gateway costs more than a tenth of what SQLite takes for the row. Whatever is not
 * quite that plain goes the usual way in `client-session.ts`, which gives the same answers.
 */

import type { DatabaseDialect } from '../dialect/database-dialect.ts'
import type { QueryPlan, UtilityPlan } from '../dialect/plan.ts'
import type { FrontendMessage } from '../wire/messages.ts'
import type { Cursors } from './cursors.ts'
import type { Executor } from './executor.ts'
import type { Listening } from './listening.ts'
import type { Portal, PreparedStore } from './prepared.ts'
import type { ResultSender } from './result-sender.ts'
import type { SessionTables } from './session-tables.ts'
import type { Settings } from './settings.ts'
import { tagOf } from './tag.ts'
import type { TransactionState } from './transaction.ts'

type ExecuteMessage = Extract<FrontendMessage, { kind: 'execute' }>
type Utility<K extends UtilityPlan['kind']> = Extract<UtilityPlan, { kind: K }>

/** Null when the answer is on its way; a promise where the client is slow. */
type Sent = Promise<void> | null | 'not quick'

interface QuickReadsParts {
  readonly transaction: TransactionState
  readonly executor: Executor
  readonly store: PreparedStore
  readonly sender: ResultSender
  readonly cursors: Cursors
  readonly settings: Settings
  readonly listening: Listening
  readonly tables: SessionTables
  readonly dialect: DatabaseDialect
  isFollowedBySync(): boolean
}

export class QuickReads {
  readonly #parts: QuickReadsParts

  constructor(parts: QuickReadsParts) {
    this.#parts = parts
  }

  /** Throws what the read throws. */
  execute({ portal: name, rowsMax }: ExecuteMessage): Sent {
    const { store, transaction } = this.#parts
    const portal = store.findPortal(name)
    if (portal === undefined || portal.result !== null || rowsMax > 0 || transaction.isFailed)
      return 'not quick'
    const { plan } = portal.statement.compiled
    if (plan.kind === 'query') return this.#read(portal, plan)
    if (plan.kind === 'begin') return this.#begin(portal, plan)
    return plan.kind === 'commit' ? this.#commit(plan) : 'not quick'
  }

  #read(portal: Portal, plan: QueryPlan): Sent {
    const { statement, values, formats } = portal
    if (!plan.returnsRows || plan.notices.length > 0) return 'not quick'
    // What comes behind it before Sync belongs to the same transaction, which is not begun yet.
    if (!this.#parts.transaction.isOpen && !this.#parts.isFollowedBySync()) return 'not quick'
    const told = this.#parts.executor.runNow(plan, values, statement.consistency)
    if (told === null) return 'not quick'
    const { columns, writers } = statement.layout(told.columns, formats)
    portal.writers = writers
    portal.result = { columns, rows: told.rows, tag: tagOf(plan, told) }
    portal.nextRow = told.rows.length
    return this.#parts.sender.whole(portal.result, writers)
  }

  #begin(portal: Portal, { isReadOnly, command, isImmediate }: Utility<'begin'>): Sent {
    const { dialect, settings, transaction, sender } = this.#parts
    const readsOnly = isReadOnly ?? settings.find('default_transaction_read_only') === 'on'
    // The schema is looked at before, because a look inside would be the transaction's first read.
    if (readsOnly || isImmediate === true || !dialect.isFresh || !transaction.beginNow()) return 'not quick'
    portal.result = { columns: null, rows: [], tag: command }
    return sender.whole(portal.result, portal.writers)
  }

  #commit({ isChained }: Utility<'commit'>): Sent {
    const { transaction, store, cursors, settings, listening, tables, sender } = this.#parts
    const hasMore = isChained || listening.hasPending || tables.needsCommit
    if (hasMore || !transaction.commitNow()) return 'not quick'
    store.clearPortals()
    cursors.endTransaction(true)
    settings.endTransaction(true)
    return sender.whole(COMMITTED, [])
  }
}

const COMMITTED = { columns: null, rows: [], tag: 'COMMIT' }
