/**
 * Settings of a connection, which an application does not have: each statement outside of a transaction runs on whichever session is free. One that
 * turned foreign keys off there would have turned them off for a part of the statements that follow.
 */

import { HarmonyError } from '../base/errors.ts'
import { pragmaRule } from '../engine/pragmas.ts'
import { classify } from '../engine/sql-text.ts'

/** What every session begins with: asking for it changes nothing. */
const AS_IT_IS: Readonly<Record<string, RegExp>> = {
  foreign_keys: /^(1|on|yes|true)$/i,
  defer_foreign_keys: /^(0|off|no|false)$/i,
}

/** Throws STATEMENT_REFUSED if `sql` would change a setting for the statements after it. */
export function refuseSetting(sql: string): void {
  const statement = classify(sql)
  if (statement.kind !== 'pragma' || statement.argument === null) return
  const { name, argument } = statement
  if (pragmaRule(name, argument) !== 'session' || AS_IT_IS[name]?.test(argument) === true) return
  throw new HarmonyError(
    'STATEMENT_REFUSED',
    `PRAGMA ${name} sets something of one connection, and statements outside of a transaction share none. ` +
      'Use transaction(work, { foreignKeys: false }), or PRAGMA defer_foreign_keys inside of a transaction.',
  )
}
