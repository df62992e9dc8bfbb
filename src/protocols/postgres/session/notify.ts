/** NOTIFY: a row in the table that all members read (notification-table.ts), in the transaction that is open. */

import type { Session } from '../../../gateway/session.ts'
import type { DatabaseDialect } from '../dialect/database-dialect.ts'
import { notifyPlan } from '../notification-table.ts'
import type { Executor, SessionFacts, Surroundings } from './executor.ts'
import type { Listening } from './listening.ts'
import type { SessionTables } from './session-tables.ts'

export interface NotifyParts {
  readonly session: Session
  readonly dialect: DatabaseDialect
  readonly listening: Listening
  readonly tables: SessionTables
  readonly executor: Executor
  readonly facts: SessionFacts
}

/** Rejects with PgError or HarmonyError. */
export async function notify(
  { session, dialect, listening, tables, executor, facts }: NotifyParts,
  channel: string,
  payload: string,
  surroundings: Surroundings,
): Promise<void> {
  if (!listening.isNew(channel, payload)) return
  const { hasNotifications } = await tables.schema()
  const plan = notifyPlan(hasNotifications)
  await executor.run(plan, [channel, payload, BigInt(facts.processId)], surroundings)
  if (plan.changesSchema) dialect.schemaChanged(session.lastIndex)
  listening.hasSent(channel, payload)
}
