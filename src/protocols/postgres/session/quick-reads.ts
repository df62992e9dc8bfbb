/**
 * Point reads outside transactions, the most frequent thing that clients ask for, answered without a promise: each `await` on the way
 * through session, executor and gateway costs more than a tenth of what SQLite takes for the row. Whatever is not quite
 * that plain goes the usual way in `client-session.ts`, which gives the same answers.
 */

import type { FrontendMessage } from '../wire/messages.ts'
import type { Executor } from './executor.ts'
import type { Portal, PreparedStore } from './prepared.ts'
import type { ResultSender } from './result-sender.ts'
import { tagOf } from './tag.ts'
import type { TransactionState } from './transaction.ts'

type ExecuteMessage = Extract<FrontendMessage, { kind: 'execute' }>

interface QuickReadsParts {
  readonly transaction: TransactionState
  readonly executor: Executor
  readonly store: PreparedStore
  readonly sender: ResultSender
}

export class QuickReads {
  readonly #parts: QuickReadsParts

  constructor(parts: QuickReadsParts) {
    this.#parts = parts
  }

  /** Null when the rows are on their way; a promise where the client is slow. Throws what the read throws. */
  execute({ portal: name, rowsMax }: ExecuteMessage): Promise<void> | null | 'not quick' {
    const { store, transaction } = this.#parts
    const portal = store.findPortal(name)
    if (portal === undefined || portal.result !== null || rowsMax > 0 || transaction.isOpen)
      return 'not quick'
    return this.#read(portal)
  }

  #read(portal: Portal): Promise<void> | null | 'not quick' {
    const { statement, values, formats } = portal
    const { plan } = statement.compiled
    if (plan.kind !== 'query' || !plan.returnsRows || plan.notices.length > 0) return 'not quick'
    const told = this.#parts.executor.runNow(plan, values, statement.consistency)
    if (told === null) return 'not quick'
    const { columns, writers } = statement.layout(told.columns, formats)
    portal.writers = writers
    portal.result = { columns, rows: told.rows, tag: tagOf(plan, told) }
    portal.nextRow = told.rows.length
    return this.#parts.sender.whole(portal.result, writers)
  }
}
