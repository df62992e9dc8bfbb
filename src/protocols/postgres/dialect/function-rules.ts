/**
 * Scalar functions of PostgreSQL in SQLite's words. `$1`, `$2` stand for the arguments; a rule with `pg_` in it uses a function that
 * the engine registers (functions-postgres.ts there).
 */

import { must } from '../../../base/assert.ts'
import {
  BOOL,
  BYTEA,
  DATE,
  FLOAT8,
  INT4_TYPE,
  INT8_TYPE,
  INTERVAL,
  JSONB,
  JSON_TYPE,
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  typeByName,
  UUID,
  type PgType,
} from '../types/registry.ts'

const TEXT_ARRAY = must(typeByName('_text'))

/** 'any': as it is. 'number': any number as it is. 'decimal': integers become float8. */
export type ArgumentRule = PgType | 'any' | 'number' | 'decimal' | 'text'

export interface FunctionRule {
  readonly arguments: readonly ArgumentRule[]
  /** null: that of the first argument. */
  readonly result: PgType | null
  readonly sql: string
}

function rule(args: readonly ArgumentRule[], result: PgType | null, sql: string): FunctionRule {
  return { arguments: args, result, sql }
}

const NEW_UUID =
  "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || " +
  "substr('89ab', 1 + (abs(random() % 4)), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"

/** Name → rules, told apart by their number of arguments. */
export const FUNCTION_RULES: Readonly<Record<string, readonly FunctionRule[]>> = {
  // Strings.
  lower: [rule(['text'], TEXT, 'lower($1)')],
  upper: [rule(['text'], TEXT, 'upper($1)')],
  length: [rule(['any'], INT4_TYPE, 'length($1)')],
  char_length: [rule(['text'], INT4_TYPE, 'length($1)')],
  character_length: [rule(['text'], INT4_TYPE, 'length($1)')],
  octet_length: [rule(['any'], INT4_TYPE, 'octet_length($1)')],
  bit_length: [rule(['any'], INT4_TYPE, '(octet_length($1) * 8)')],
  btrim: [rule(['text'], TEXT, "trim($1, ' ')"), rule(['text', 'text'], TEXT, 'trim($1, $2)')],
  ltrim: [rule(['text'], TEXT, "ltrim($1, ' ')"), rule(['text', 'text'], TEXT, 'ltrim($1, $2)')],
  rtrim: [rule(['text'], TEXT, "rtrim($1, ' ')"), rule(['text', 'text'], TEXT, 'rtrim($1, $2)')],
  replace: [rule(['text', 'text', 'text'], TEXT, 'replace($1, $2, $3)')],
  position: [rule(['text', 'text'], INT4_TYPE, 'instr($1, $2)')],
  strpos: [rule(['text', 'text'], INT4_TYPE, 'instr($1, $2)')],
  substring: [
    rule(['text', INT4_TYPE], TEXT, 'pg_substring($1, $2, NULL)'),
    rule(['text', INT4_TYPE, INT4_TYPE], TEXT, 'pg_substring($1, $2, $3)'),
  ],
  substr: [
    rule(['text', INT4_TYPE], TEXT, 'pg_substring($1, $2, NULL)'),
    rule(['text', INT4_TYPE, INT4_TYPE], TEXT, 'pg_substring($1, $2, $3)'),
  ],
  left: [rule(['text', INT4_TYPE], TEXT, 'pg_left($1, $2)')],
  right: [rule(['text', INT4_TYPE], TEXT, 'pg_right($1, $2)')],
  repeat: [rule(['text', INT4_TYPE], TEXT, "replace(hex(zeroblob(max($2, 0))), '00', $1)")],
  reverse: [rule(['text'], TEXT, 'pg_reverse($1)')],
  initcap: [rule(['text'], TEXT, 'pg_initcap($1)')],
  lpad: [
    rule(['text', INT4_TYPE], TEXT, "pg_lpad($1, $2, ' ')"),
    rule(['text', INT4_TYPE, 'text'], TEXT, 'pg_lpad($1, $2, $3)'),
  ],
  rpad: [
    rule(['text', INT4_TYPE], TEXT, "pg_rpad($1, $2, ' ')"),
    rule(['text', INT4_TYPE, 'text'], TEXT, 'pg_rpad($1, $2, $3)'),
  ],
  split_part: [rule(['text', 'text', INT4_TYPE], TEXT, 'pg_split_part($1, $2, $3)')],
  translate: [rule(['text', 'text', 'text'], TEXT, 'pg_translate($1, $2, $3)')],
  overlay: [
    rule(['text', 'text', INT4_TYPE], TEXT, 'pg_overlay($1, $2, $3, NULL)'),
    rule(['text', 'text', INT4_TYPE, INT4_TYPE], TEXT, 'pg_overlay($1, $2, $3, $4)'),
  ],
  starts_with: [rule(['text', 'text'], BOOL, '(substr($1, 1, length($2)) = $2)')],
  ascii: [rule(['text'], INT4_TYPE, 'coalesce(unicode($1), 0)')],
  chr: [rule([INT4_TYPE], TEXT, 'char($1)')],
  md5: [rule(['any'], TEXT, 'pg_md5($1)')],
  sha256: [rule([BYTEA], BYTEA, 'pg_sha256($1)')],
  to_hex: [rule([INT8_TYPE], TEXT, "printf('%x', $1)")],
  encode: [rule([BYTEA, 'text'], TEXT, 'pg_encode($1, $2)')],
  decode: [rule(['text', 'text'], BYTEA, 'pg_decode($1, $2)')],
  quote_ident: [rule(['text'], TEXT, 'pg_quote_ident($1)')],
  quote_literal: [rule(['text'], TEXT, 'pg_quote_literal($1)')],
  regexp_replace: [
    rule(['text', 'text', 'text'], TEXT, "pg_regexp_replace($1, $2, $3, '')"),
    rule(['text', 'text', 'text', 'text'], TEXT, 'pg_regexp_replace($1, $2, $3, $4)'),
  ],
  regexp_match: [
    rule(['text', 'text'], TEXT_ARRAY, "pg_regexp_match($1, $2, '')"),
    rule(['text', 'text', 'text'], TEXT_ARRAY, 'pg_regexp_match($1, $2, $3)'),
  ],
  regexp_split_to_array: [
    rule(['text', 'text'], TEXT_ARRAY, "pg_regexp_split($1, $2, '')"),
    rule(['text', 'text', 'text'], TEXT_ARRAY, 'pg_regexp_split($1, $2, $3)'),
  ],
  regexp_count: [
    rule(['text', 'text'], INT4_TYPE, "pg_regexp_count($1, $2, '')"),
    rule(['text', 'text', INT4_TYPE], INT4_TYPE, "pg_regexp_count(substr($1, $3), $2, '')"),
  ],
  regexp_substr: [rule(['text', 'text'], TEXT, "pg_regexp_substr($1, $2, '')")],
  regexp_instr: [rule(['text', 'text'], INT4_TYPE, "pg_regexp_instr($1, $2, '')")],
  quote_nullable: [rule(['text'], TEXT, "coalesce(pg_quote_literal($1), 'NULL')")],
  to_number: [rule(['text', 'text'], NUMERIC, 'pg_to_number($1, $2)')],
  regexp_like: [
    rule(['text', 'text'], BOOL, "pg_regex($1, $2, '')"),
    rule(['text', 'text', 'text'], BOOL, 'pg_regex($1, $2, $3)'),
  ],
  // Numbers.
  abs: [rule(['number'], null, 'abs($1)')],
  ceil: [rule(['decimal'], null, 'ceil($1)')],
  ceiling: [rule(['decimal'], null, 'ceil($1)')],
  floor: [rule(['decimal'], null, 'floor($1)')],
  trunc: [
    rule(['decimal'], null, 'trunc($1)'),
    rule(['number', INT4_TYPE], NUMERIC, '(trunc($1 * pow(10, $2)) / pow(10, $2))'),
  ],
  cbrt: [rule(['number'], FLOAT8, '(sign($1) * pow(abs($1), 1.0 / 3))')],
  sinh: [rule(['number'], FLOAT8, 'sinh($1)')],
  cosh: [rule(['number'], FLOAT8, 'cosh($1)')],
  tanh: [rule(['number'], FLOAT8, 'tanh($1)')],
  cot: [rule(['number'], FLOAT8, '(1 / tan($1))')],
  width_bucket: [
    rule(
      ['number', 'number', 'number', INT4_TYPE],
      INT4_TYPE,
      'CASE WHEN $1 < $2 THEN 0 WHEN $1 >= $3 THEN $4 + 1 ELSE CAST(floor(($1 - $2) * 1.0 * $4 / ($3 - $2)) AS INTEGER) + 1 END',
    ),
  ],
  sign: [rule(['decimal'], null, 'sign($1)')],
  sqrt: [rule(['number'], FLOAT8, 'sqrt($1)')],
  exp: [rule(['number'], FLOAT8, 'exp($1)')],
  ln: [rule(['number'], FLOAT8, 'ln($1)')],
  log: [rule(['number'], FLOAT8, 'log10($1)'), rule(['number', 'number'], NUMERIC, 'log($1, $2)')],
  log10: [rule(['number'], FLOAT8, 'log10($1)')],
  power: [rule(['number', 'number'], FLOAT8, 'pow($1, $2)')],
  pow: [rule(['number', 'number'], FLOAT8, 'pow($1, $2)')],
  pi: [rule([], FLOAT8, 'pi()')],
  sin: [rule(['number'], FLOAT8, 'sin($1)')],
  cos: [rule(['number'], FLOAT8, 'cos($1)')],
  tan: [rule(['number'], FLOAT8, 'tan($1)')],
  asin: [rule(['number'], FLOAT8, 'asin($1)')],
  acos: [rule(['number'], FLOAT8, 'acos($1)')],
  atan: [rule(['number'], FLOAT8, 'atan($1)')],
  atan2: [rule(['number', 'number'], FLOAT8, 'atan2($1, $2)')],
  degrees: [rule(['number'], FLOAT8, 'degrees($1)')],
  radians: [rule(['number'], FLOAT8, 'radians($1)')],
  random: [rule([], FLOAT8, '((random() >> 11) + 4503599627370496) / 9007199254740992.0')],
  // Times.
  make_date: [
    rule(
      [INT4_TYPE, INT4_TYPE, INT4_TYPE],
      DATE,
      "pg_from_text(printf('%04d-%02d-%02d', $1, $2, $3), 'date')",
    ),
  ],
  to_char: [rule(['any', 'text'], TEXT, 'pg_to_char($1, $2)')],
  to_date: [rule(['text', 'text'], DATE, 'pg_to_date($1, $2)')],
  // Identity.
  gen_random_uuid: [rule([], UUID, NEW_UUID)],
  uuid_generate_v4: [rule([], UUID, NEW_UUID)],
  // JSON.
  jsonb_set: [
    rule([JSONB, TEXT_ARRAY, JSONB], JSONB, 'pg_json_set($1, $2, $3, 1)'),
    rule([JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, 'pg_json_set($1, $2, $3, $4)'),
  ],
  jsonb_insert: [
    rule([JSONB, TEXT_ARRAY, JSONB], JSONB, 'pg_json_insert($1, $2, $3, 0)'),
    rule([JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, 'pg_json_insert($1, $2, $3, $4)'),
  ],
  jsonb_strip_nulls: [rule([JSONB], JSONB, 'pg_json_strip_nulls($1)')],
  jsonb_pretty: [rule([JSONB], TEXT, 'pg_json_pretty($1)')],
  jsonb_exists: [rule([JSONB, 'text'], BOOL, 'pg_json_has($1, $2)')],
  json_typeof: [rule([JSON_TYPE], TEXT, 'pg_json_typeof($1)')],
  jsonb_typeof: [rule([JSONB], TEXT, 'pg_json_typeof($1)')],
  json_array_length: [rule([JSON_TYPE], INT4_TYPE, 'json_array_length($1)')],
  jsonb_array_length: [rule([JSONB], INT4_TYPE, 'json_array_length($1)')],
  // Arrays.
  array_length: [rule(['any', INT4_TYPE], INT4_TYPE, 'pg_array_length($1, $2)')],
  array_upper: [rule(['any', INT4_TYPE], INT4_TYPE, 'pg_array_length($1, $2)')],
  array_lower: [rule(['any', INT4_TYPE], INT4_TYPE, '(pg_array_length($1, $2) * 0 + 1)')],
  array_ndims: [rule(['any'], INT4_TYPE, '(pg_array_length($1, 1) * 0 + 1)')],
  cardinality: [rule(['any'], INT4_TYPE, 'pg_array_cardinality($1)')],
  array_to_string: [
    rule(['any', 'text'], TEXT, 'pg_array_to_string($1, $2, NULL)'),
    rule(['any', 'text', 'text'], TEXT, 'pg_array_to_string($1, $2, $3)'),
  ],
  age: [rule([TIMESTAMP, TIMESTAMP], INTERVAL, 'pg_age($1, $2)')],
  isfinite: [rule(['any'], BOOL, 'CASE WHEN $1 IS NOT NULL THEN TRUE END')],
  justify_days: [rule([INTERVAL], INTERVAL, 'pg_justify_days($1)')],
  justify_hours: [rule([INTERVAL], INTERVAL, 'pg_justify_hours($1)')],
  justify_interval: [rule([INTERVAL], INTERVAL, 'pg_justify_interval($1)')],
  date_bin: [rule([INTERVAL, TIMESTAMP, TIMESTAMP], TIMESTAMP, 'pg_date_bin($1, $2, $3)')],
  make_time: [
    rule(
      [INT4_TYPE, INT4_TYPE, FLOAT8],
      TIME,
      "pg_from_text(printf('%02d:%02d:%09.6f', $1, $2, $3), 'time')",
    ),
  ],
  make_timestamp: [
    rule(
      [INT4_TYPE, INT4_TYPE, INT4_TYPE, INT4_TYPE, INT4_TYPE, FLOAT8],
      TIMESTAMP,
      "pg_from_text(printf('%04d-%02d-%02d %02d:%02d:%09.6f', $1, $2, $3, $4, $5, $6), 'timestamp')",
    ),
  ],
}

/** Windows and aggregates whose name, arguments and meaning are the same in both, with the type of the result. */
export const WINDOW_FUNCTIONS: Readonly<Record<string, PgType | null>> = {
  row_number: INT8_TYPE,
  rank: INT8_TYPE,
  dense_rank: INT8_TYPE,
  percent_rank: FLOAT8,
  cume_dist: FLOAT8,
  ntile: INT4_TYPE,
  lag: null,
  lead: null,
  first_value: null,
  last_value: null,
  nth_value: null,
}
