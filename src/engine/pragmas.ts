/** What becomes of a PRAGMA: the allow-list of DESIGN section 6, shared by writer and readers. */

export type PragmaRule =
  /** Only tells something. */
  | 'read'
  /** Changes the file: runs on the writer and is part of the entry. */
  | 'replicated'
  /** Belongs to a session; the gateway keeps it, and it travels in the session's context. */
  | 'session'
  /** Tunes a plain SQLite file and means nothing here: accepted, so that applications for plain SQLite start, and not done. */
  | 'ignored'
  | 'refused'

/** Those that only tell, whatever their argument. */
const READS: ReadonlySet<string> = new Set([
  'collation_list',
  'compile_options',
  'database_list',
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

/** Those that tell without an argument and would change something with one. */
const READS_WITHOUT_ARGUMENT: ReadonlySet<string> = new Set([
  'application_id',
  'auto_vacuum',
  'automatic_index',
  'data_version',
  'encoding',
  'ignore_check_constraints',
  'journal_mode',
  'legacy_alter_table',
  'locking_mode',
  'max_page_count',
  'page_size',
  'query_only',
  'read_uncommitted',
  'recursive_triggers',
  'reverse_unordered_selects',
  'schema_version',
  'secure_delete',
  'trusted_schema',
  'user_version',
  'writable_schema',
])

const REPLICATED: ReadonlySet<string> = new Set(['application_id', 'user_version'])
const SESSION: ReadonlySet<string> = new Set(['defer_foreign_keys', 'foreign_keys'])

const IGNORED: ReadonlySet<string> = new Set([
  'analysis_limit',
  'busy_timeout',
  'cache_size',
  'cache_spill',
  'journal_size_limit',
  'mmap_size',
  'optimize',
  'shrink_memory',
  'synchronous',
  'temp_store',
  'threads',
  'wal_autocheckpoint',
  'wal_checkpoint',
])

/** Settings that we have already, so that asking for them changes nothing. */
const AS_IT_IS: Readonly<Record<string, RegExp>> = {
  encoding: /^utf-?8$/i,
  journal_mode: /^wal$/i,
  locking_mode: /^normal$/i,
  recursive_triggers: /^(0|off|no|false)$/i,
  writable_schema: /^(0|off|no|false)$/i,
}

/** `name` in lower case; `argument` null where none was given. */
export function pragmaRule(name: string, argument: string | null): PragmaRule {
  if (SESSION.has(name)) return 'session'
  if (IGNORED.has(name)) return 'ignored'
  if (READS.has(name)) return 'read'
  if (argument === null) return READS_WITHOUT_ARGUMENT.has(name) ? 'read' : 'refused'
  if (REPLICATED.has(name)) return 'replicated'
  return AS_IT_IS[name]?.test(argument) === true ? 'ignored' : 'refused'
}

/** Why and what instead, for the message of a refusal. */
export function pragmaAdvice(name: string): string {
  if (name === 'writable_schema') return 'change the schema with ALTER TABLE'
  if (name === 'case_sensitive_like') return 'use GLOB, or LIKE on columns with a collation'
  if (name === 'incremental_vacuum' || name === 'auto_vacuum') return 'vacuuming is an admin operation'
  if (name === 'schema_version') return 'SQLite keeps it itself'
  return 'it would change the file or the connection in a way that replicas can not share'
}
