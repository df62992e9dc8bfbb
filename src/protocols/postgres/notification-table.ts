/**
 * NOTIFY is an INSERT into a table of the database, so that it is a part of its transaction: it is in the same entry of the log, it comes with the commit or not at
 * all, ROLLBACK TO undoes it, and every member that applies the entry has it. Listeners read the table behind the last number that they know.
 *
 * Rejected: a list of notifications in the entries' own format, which every layer between here and the log would carry for one protocol; a table under a reserved name, which
 * statements may not change.
 */

import type { QueryPlan } from './dialect/plan.ts'

/** Hidden from the catalog. Clients of other protocols may insert into it, too. */
export const NOTIFICATION_TABLE = 'pg_notification'

/** How many are kept: a listener whose member applies more than these in one go misses the oldest. With payloads of 8,000 bytes they take 32 MB. */
const KEPT_MAX = 4096

const CREATE = `CREATE TABLE IF NOT EXISTS ${NOTIFICATION_TABLE} (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, payload TEXT NOT NULL DEFAULT '', sender INTEGER NOT NULL DEFAULT 0)`
const INSERT = `INSERT INTO ${NOTIFICATION_TABLE} (channel, payload, sender) VALUES (?1, ?2, ?3)`
const TRIM = `DELETE FROM ${NOTIFICATION_TABLE} WHERE id <= (SELECT max(id) FROM ${NOTIFICATION_TABLE}) - ${KEPT_MAX}`

export const NOTIFICATION_PAGE_ROWS = 1000
export const TABLE_EXISTS: string = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '${NOTIFICATION_TABLE}'`
export const LAST_NOTIFICATION: string = `SELECT coalesce(max(id), 0) FROM ${NOTIFICATION_TABLE}`
export const NOTIFICATIONS_AFTER: string = `SELECT id, channel, payload, sender FROM ${NOTIFICATION_TABLE} WHERE id > ? ORDER BY id LIMIT ${NOTIFICATION_PAGE_ROWS}`

/** Its values: channel, payload, process id of the sender. */
export function notifyPlan(hasTable: boolean): QueryPlan {
  const steps = [
    ...(hasTable ? [] : [{ sql: CREATE, parameterCount: 0, parameterOrder: null }]),
    { sql: INSERT, parameterCount: 3, parameterOrder: null },
    { sql: TRIM, parameterCount: 0, parameterOrder: null },
  ]
  return {
    kind: 'query',
    steps,
    resultStep: steps.length - 2,
    command: 'NOTIFY',
    returnsRows: false,
    columns: null,
    sessionValues: [],
    clientParameterCount: 3,
    utcOnly: null,
    isRead: false,
    changesSchema: !hasTable,
    effects: [],
    notices: [],
    target: null,
    syntaxError: null,
  }
}
