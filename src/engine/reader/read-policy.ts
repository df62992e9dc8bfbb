/**
 * What a read may not do (DESIGN section 6), as SQLite's authorizer sees it while a statement is prepared. The file is
 * opened read-only, so nothing here keeps the data safe: it keeps a client from reaching other files (ATTACH), from
 * changing a connection that others share (PRAGMA), and from ending the transaction that holds its snapshot.
 */

import { constants } from 'node:sqlite'
import { HarmonyError } from '../../base/errors.ts'
import { pragmaAdvice, pragmaRule } from '../pragmas.ts'

/** To run a client's statement, or only to tell what it is. Our own statements are not judged. */
export type Purpose = 'run' | 'describe'

export type Verdict =
  | { readonly kind: 'allowed' }
  /** The statement is compiled to nothing. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly error: HarmonyError }

const ALLOWED: Verdict = { kind: 'allowed' }
const IGNORED: Verdict = { kind: 'ignored' }

/** Functions that reach outside of the database, or hand out addresses of memory. */
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  'load_extension',
  'fts3_tokenizer',
  'fts5',
  'geopoly_debug',
  'sqlite_log',
])

/** These do something without an argument, too. */
const DOING_PRAGMAS: ReadonlySet<string> = new Set(['optimize', 'shrink_memory', 'wal_checkpoint'])

function refused(message: string): Verdict {
  return { kind: 'refused', error: new HarmonyError('STATEMENT_REFUSED', message) }
}

export function judgeRead(
  action: number,
  first: string | null,
  second: string | null,
  purpose: Purpose,
): Verdict {
  switch (action) {
    case constants.SQLITE_ATTACH:
    case constants.SQLITE_DETACH:
      return refused(
        'ATTACH and DETACH are refused: one database can not reach into another. Open a session on the other one.',
      )
    case constants.SQLITE_FUNCTION:
      return REFUSED_FUNCTIONS.has((second ?? '').toLowerCase())
        ? refused(`${second}() is refused: it reaches outside of the database.`)
        : ALLOWED
    case constants.SQLITE_PRAGMA:
      return judgePragma((first ?? '').toLowerCase(), second)
    case constants.SQLITE_TRANSACTION:
    case constants.SQLITE_SAVEPOINT:
      return purpose === 'describe'
        ? ALLOWED
        : refused(
            `This form of ${first} is refused: use BEGIN, COMMIT, ROLLBACK or SAVEPOINT without a name.`,
          )
    default:
      return ALLOWED
  }
}

function judgePragma(name: string, argument: string | null): Verdict {
  const rule = pragmaRule(name, argument)
  if (rule === 'refused') return refused(`PRAGMA ${name} is refused: ${pragmaAdvice(name)}.`)
  return rule === 'ignored' && (argument !== null || DOING_PRAGMAS.has(name)) ? IGNORED : ALLOWED
}
