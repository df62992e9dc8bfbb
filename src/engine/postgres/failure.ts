/** How a PostgreSQL function fails: a message in PostgreSQL's words, from which its front door tells the SQLSTATE. */

import { HarmonyError } from '../../base/errors.ts'

export function failure(message: string): HarmonyError {
  return new HarmonyError('SQLITE_ERROR', message)
}
