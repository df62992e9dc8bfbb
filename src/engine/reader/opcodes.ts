/**
 * What is known of the instructions of SQLite's virtual machine (https://sqlite.org/opcode.html), as far as it is
 * needed to tell how long a program may run. Everything that is not listed here counts as unbounded: a later SQLite
 * may bring instructions that nobody has judged yet, and virtual tables (VFilter, VNext) may do anything.
 */

/** Instructions that may continue at P2 as well as at the next instruction. */
export const BRANCHES: ReadonlySet<string> = new Set(
  (
    'Once If IfNot IsNull NotNull IsType Eq Ne Lt Le Gt Ge ElseEq IfPos IfNotZero DecrJumpZero IfNullRow ' +
    'MustBeInt SeekLT SeekLE SeekGE SeekGT SeekRowid SeekScan IfNoHope NoConflict Found NotFound NotExists Last ' +
    'IfSizeBetween Rewind Sort SorterSort Next Prev SorterNext IdxGT IdxGE IdxLT IdxLE Filter RowSetRead ' +
    'RowSetTest SequenceTest SorterCompare InitCoroutine'
  ).split(' '),
)

/** Instructions that move a cursor to its next row and jump back to P2: the loops of a plan. */
export const LOOPS: ReadonlySet<string> = new Set(['Next', 'Prev', 'SorterNext'])

/** Instructions that add a row to the cursor P1. */
export const INSERTS: ReadonlySet<string> = new Set(['Insert', 'IdxInsert', 'SorterInsert'])

/** Instructions that open a cursor on a table that the program fills itself. */
export const EPHEMERAL_OPENS: ReadonlySet<string> = new Set(['OpenEphemeral', 'OpenAutoindex', 'SorterOpen'])

/** Instructions that take a short time, and continue with the next one or as told by `successors`. */
const STRAIGHT =
  'Init Goto Gosub Return EndCoroutine Yield BeginSubrtn Jump Halt HaltIfNull Noop Explain Transaction TableLock ' +
  'Integer Int64 Real Null SoftNull String String8 Blob Variable Copy SCopy Move IntCopy Column Rowid IdxRowid ' +
  'RowData Affinity RealAffinity Cast MakeRecord Concat Add Subtract Multiply Divide Remainder AddImm BitAnd BitOr ' +
  'ShiftLeft ShiftRight And Or Not BitNot IsTrue ZeroOrNull NullRow Sequence CollSeq Function PureFunc Offset OffsetLimit ' +
  'Permutation Compare ClrSubtype GetSubtype SetSubtype OpenRead ReopenIdx OpenPseudo Close SeekHit DeferredSeek ' +
  'FinishSeek Insert IdxInsert SorterInsert Delete IdxDelete SorterData ResetSorter NewRowid FilterAdd RowSetAdd ' +
  'AggStep AggStep1 AggFinal AggValue AggInverse ResultRow Count ReadCookie CursorHint CursorLock CursorUnlock ' +
  'OpenEphemeral OpenAutoindex SorterOpen ReleaseReg Expire'

export const KNOWN_OPCODES: ReadonlySet<string> = new Set([...STRAIGHT.split(' '), ...BRANCHES])

/**
 * Functions whose time grows at most linearly with the length of their arguments, and whose result does not grow
 * beyond them. Left out on purpose: LIKE and GLOB (exponential in the number of wildcards), instr, replace and
 * two-argument trim (quadratic), printf, randomblob and zeroblob (their size is a number).
 */
const QUICK_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'abs coalesce ifnull iif if nullif length octet_length lower upper typeof min max round sign substr substring ' +
    'hex unhex quote unicode char likely unlikely likelihood ceil ceiling floor trunc mod pow power sqrt exp ln log ' +
    'log2 log10 pi sin cos tan asin acos atan atan2 radians degrees ' +
    'concat concat_ws date time datetime julianday unixepoch strftime timediff ' +
    'current_date current_time current_timestamp random last_insert_rowid changes total_changes ' +
    'json json_extract json_valid json_type json_array json_object json_array_length json_quote -> ->> ' +
    'count sum total avg group_concat string_agg json_group_array json_group_object ' +
    'sqlite_version subtype row_number rank dense_rank first_value last_value ' +
    // What statements of PostgreSQL's dialect are translated to (functions-postgres.ts): every LIMIT with a parameter, divisions, casts, parts of times.
    'pg_limit pg_lateral_limit pg_nonzero pg_require pg_round_even pg_float_to_integer pg_time_part pg_date_trunc ' +
    'pg_round_time pg_epoch_to_timestamptz'
  ).split(' '),
)

const QUICK_ONE_ARGUMENT: ReadonlySet<string> = new Set(['trim', 'ltrim', 'rtrim'])

/** Whether a call named as EXPLAIN names it in P4, `lower(1)`, is quick whatever its arguments are. */
export function isQuickFunction(call: string): boolean {
  const open = call.lastIndexOf('(')
  const name = (open < 0 ? call : call.slice(0, open)).toLowerCase()
  if (QUICK_FUNCTIONS.has(name)) return true
  return QUICK_ONE_ARGUMENT.has(name) && call.slice(open) === '(1)'
}

const FUNCTION_CALLS: ReadonlySet<string> = new Set([
  'Function',
  'PureFunc',
  'AggStep',
  'AggStep1',
  'AggFinal',
  'AggValue',
  'AggInverse',
])

/** A function may walk through arguments of up to VALUE_SIZE_BYTES_INLINE_MAX bytes; other instructions seldom do. */
const FUNCTION_WEIGHT = 100

export function isFunctionCall(opcode: string): boolean {
  return FUNCTION_CALLS.has(opcode)
}

/** How many plain instructions an instruction is worth. */
export function weightOf(opcode: string): number {
  return isFunctionCall(opcode) ? FUNCTION_WEIGHT : 1
}
