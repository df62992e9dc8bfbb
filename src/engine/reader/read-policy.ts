/**
 * What a read may not do (DESIGN section 6), as SQLite's authorizer sees it while a statement is prepared. The file is
 * opened read-only, so nothing here keeps the data safe: it keeps a client from reaching other files (ATTACH), from
 * changing the shared connection (PRAGMA), and from pragmas whose work has no bound.
 */

import { constants } from 'node:sqlite'

/** Pragmas that only tell something, whatever their argument is. */
const TELLING_PRAGMAS: ReadonlySet<string> = new Set([
  'collation_list',
  'compile_options',
  'database_list',
  'data_version',
  'foreign_key_check',
  'foreign_key_list',
  'freelist_count',
  'function_list',
  'index_info',
  'index_list',
  'index_xinfo',
  'integrity_check',
  'module_list',
  'page_count',
  'pragma_list',
  'quick_check',
  'table_info',
  'table_list',
  'table_xinfo',
])

/** Pragmas that tell something without an argument, and change something with one. */
const ASKING_PRAGMAS: ReadonlySet<string> = new Set([
  'application_id',
  'auto_vacuum',
  'busy_timeout',
  'cache_size',
  'defer_foreign_keys',
  'encoding',
  'foreign_keys',
  'journal_mode',
  'journal_size_limit',
  'max_page_count',
  'mmap_size',
  'page_size',
  'query_only',
  'recursive_triggers',
  'schema_version',
  'synchronous',
  'temp_store',
  'user_version',
])

/** Functions that reach outside of the database. */
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set(['load_extension', 'fts3_tokenizer'])

/** Why the action is refused, to be completed to a sentence by the statement's error; null if it is allowed. */
export function refusalOf(action: number, first: string | null, second: string | null): string | null {
  switch (action) {
    case constants.SQLITE_ATTACH:
      return 'ATTACH is refused: a database is one file. Open a session on the other database instead.'
    case constants.SQLITE_DETACH:
      return 'DETACH is refused: there is nothing that could have been attached.'
    case constants.SQLITE_FUNCTION:
      return REFUSED_FUNCTIONS.has(second ?? '') ? `The function ${second} is refused: it loads code.` : null
    case constants.SQLITE_PRAGMA:
      return pragmaRefusal(first ?? '', second)
    default:
      return null
  }
}

function pragmaRefusal(name: string, argument: string | null): string | null {
  const lower = name.toLowerCase()
  if (TELLING_PRAGMAS.has(lower)) return null
  if (!ASKING_PRAGMAS.has(lower))
    return `PRAGMA ${name} is refused: it is not among those that a client may use.`
  return null === argument || WRITABLE_PRAGMAS.has(lower)
    ? null
    : `PRAGMA ${name} can be asked for, but not set by a client.`
}

/** Pragmas that change the file: they are writes, which the writer's policy judges. */
const WRITABLE_PRAGMAS: ReadonlySet<string> = new Set([
  'application_id',
  'user_version',
  'foreign_keys',
  'defer_foreign_keys',
])
