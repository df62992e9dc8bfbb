/**
 * Settings of a connection, which an application does not have: each statement outside of a transaction runs on whichever session is free. One that
 * turned foreign keys off there would have turned them off for a part of the statements that follow, and BEGIN would begin nothing
 * for any of them.
 */

import { HarmonyError } from '../base/errors.ts'
import { pragmaRule } from '../engine/pragmas.ts'
import { classify, type StatementClass } from '../engine/sql-text.ts'

/** What every session begins with: asking for it changes nothing. */
const AS_IT_IS: Readonly<Record<string, RegExp>> = {
  foreign_keys: /^(1|on|yes|true)$/i,
  defer_foreign_keys: /^(0|off|no|false)$/i,
}

const OUTSIDE: ReadonlySet<StatementClass['kind']> = new Set([
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'release',
  'rollback-to',
])
const INSIDE: ReadonlySet<StatementClass['kind']> = new Set(['begin', 'commit', 'rollback'])

/**
 * Throws STATEMENT_REFUSED if the transaction that `sql` is a step of would begin or end by it: its function decides that. (A COMMIT would be
 * followed by the function's own, which fails: the caller would take what is committed for undone.)
 */
export function refuseControl(sql: string): void {
  if (!INSIDE.has(classify(sql).kind)) return
  throw new HarmonyError(
    'STATEMENT_REFUSED',
    'A transaction commits when its function resolves, and rolls back when it rejects: return or throw instead of BEGIN, COMMIT and ROLLBACK. ' +
      'For a part of it there is savepoint(work).',
  )
}

/** Throws STATEMENT_REFUSED if `sql` would change something for the statements after it. */
export function refuseSetting(sql: string): void {
  const statement = classify(sql)
  if (OUTSIDE.has(statement.kind))
    throw new HarmonyError(
      'STATEMENT_REFUSED',
      'Statements outside of a transaction share no connection, so it would begin or end nothing for the others. Use transaction(work), ' +
        'or batch(statements) for all or nothing.',
    )
  if (statement.kind !== 'pragma' || statement.argument === null) return
  const { name, argument } = statement
  if (pragmaRule(name, argument) !== 'session' || AS_IT_IS[name]?.test(argument) === true) return
  throw new HarmonyError(
    'STATEMENT_REFUSED',
    `PRAGMA ${name} sets something of one connection, and statements outside of a transaction share none. ` +
      'Use transaction(work, { foreignKeys: false }), or PRAGMA defer_foreign_keys inside of a transaction.',
  )
}
