/**
 * Which SQL functions a replicated write may use: an allow-list, so that a function that a newer SQLite brings is
 * refused until someone has thought about it. `policy.test.ts` compares it with what SQLite has.
 */

const TEXT_AND_NUMBERS =
  '-> ->> abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ' +
  'ltrim max min mod nullif octet_length printf quote replace round rtrim sign substr substring subtype trim typeof ' +
  'unhex unicode unistr unistr_quote unlikely upper zeroblob match regexp'

const MATHEMATICS =
  'acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 pi pow power ' +
  'radians sin sinh sqrt tan tanh trunc'

const AGGREGATES =
  'avg count cume_dist dense_rank first_value group_concat lag last_value lead median nth_value ntile percent_rank ' +
  'percentile percentile_cont percentile_disc rank row_number string_agg sum total'

const JSON =
  'json json_array json_array_insert json_array_length json_error_position json_extract json_group_array ' +
  'json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set ' +
  'json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object ' +
  'jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set'

const FULL_TEXT_AND_GEOMETRY =
  'bm25 fts5_get_locale fts5_insttoken fts5_locale highlight snippet matchinfo offsets optimize geopoly_area ' +
  'geopoly_bbox geopoly_blob geopoly_ccw geopoly_contains_point geopoly_group_bbox geopoly_json geopoly_overlap ' +
  'geopoly_regular geopoly_svg geopoly_within geopoly_xform rtreecheck rtreedepth rtreenode'

/** Time and chance come from the entry (`functions.ts`). */
const OVERRIDDEN =
  'random randomblob date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp'

/** SQLite's own; the connection is primed so that they tell the session's values (`priming.ts`). */
const PRIMED = 'changes last_insert_rowid'

/** What SQLite itself calls while it carries out ALTER TABLE and ANALYZE; user text can't reach them. */
const SCHEMA_INTERNALS =
  'sqlite_rename_column sqlite_rename_table sqlite_rename_test sqlite_rename_quotefix sqlite_drop_column ' +
  'sqlite_add_constraint sqlite_drop_constraint sqlite_find_constraint sqlite_fail stat_init stat_push stat_get'

function setOf(...lists: string[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => list.split(' ')))
}

export const DETERMINISTIC_FUNCTIONS: ReadonlySet<string> = setOf(
  TEXT_AND_NUMBERS,
  MATHEMATICS,
  AGGREGATES,
  JSON,
  FULL_TEXT_AND_GEOMETRY,
  OVERRIDDEN,
  PRIMED,
  SCHEMA_INTERNALS,
)

/** SQLite's functions that are refused in writes, each with the way out. */
export const REFUSED_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  [
    'total_changes',
    'it counts the changes of a connection, which clients share here; use changes() or RETURNING',
  ],
  ['sqlite_version', 'members may run different versions; pass the value as a parameter'],
  ['sqlite_source_id', 'members may run different versions; pass the value as a parameter'],
  ['sqlite_compileoption_get', 'members may be built differently; pass the value as a parameter'],
  ['sqlite_compileoption_used', 'members may be built differently; pass the value as a parameter'],
  ['sqlite_offset', 'it tells where a row lies in the file'],
  ['sqlite_log', 'it writes to the log of one member'],
  ['load_extension', 'extensions are loaded by the operator'],
  ['fts3_tokenizer', 'it handles addresses of memory'],
  ['fts5', 'it handles addresses of memory'],
  ['fts5_source_id', 'members may run different versions; pass the value as a parameter'],
  ['geopoly_debug', 'it prints to the output of one member'],
])

/** Virtual table modules that replicate: their content lies in ordinary tables. */
export const REPLICATED_MODULES: ReadonlySet<string> = new Set([
  'fts3',
  'fts4',
  'fts4aux',
  'fts5',
  'fts5vocab',
  'geopoly',
  'rtree',
  'rtree_i32',
])

/** Virtual tables that show how the file or the process is, not what it holds. */
export const MEMBER_TABLES: ReadonlySet<string> = new Set([
  'bytecode',
  'dbstat',
  'sqlite_dbpage',
  'sqlite_stmt',
  'tables_used',
])

/** PRAGMAs as tables that are the same on every replica. */
export const SHARED_PRAGMA_TABLES: ReadonlySet<string> = new Set([
  'pragma_application_id',
  'pragma_foreign_key_list',
  'pragma_index_info',
  'pragma_index_list',
  'pragma_index_xinfo',
  'pragma_table_info',
  'pragma_table_xinfo',
  'pragma_user_version',
])

/** In these, `now` would let an index disagree with its table: SQLite refuses it at run time, we by text. */
export const DATE_FUNCTION_WORDS: ReadonlySet<string> = new Set([
  'DATE',
  'TIME',
  'DATETIME',
  'JULIANDAY',
  'UNIXEPOCH',
  'STRFTIME',
  'TIMEDIFF',
])
