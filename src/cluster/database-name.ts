/** What a database may be called: a name that is safe in a URL, in a file system that ignores case, and in a metric's label. */

import { HarmonyError } from '../base/errors.ts'

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** Throws DATABASE_NAME_INVALID with what is wrong. Names that begin with `_` are the member's own. */
export function checkDatabaseName(name: string): void {
  if (NAME.test(name)) return
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
  throw new HarmonyError(
    'DATABASE_NAME_INVALID',
    `${shown} can't be the name of a database: ${problemOf(name)}. A name is 1 to 63 of a-z, 0-9, _ and -, and ` +
      'begins with a letter or a digit.',
  )
}

function problemOf(name: string): string {
  if (name === '') return 'it is empty'
  if (name.length > 63) return `it has ${name.length} characters`
  if (name !== name.toLowerCase()) return 'it has capital letters'
  if (/^[_-]/.test(name)) return `it begins with ${name[0]}`
  return 'it has other characters'
}
