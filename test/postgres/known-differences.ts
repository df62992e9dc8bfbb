/** Statements of testdata/differential.sql whose outcome differs from PostgreSQL's on purpose, with the reason. */

const SCALE =
  'numeric has no scale of its own where none is declared: zeros at the end are not shown. The value is equal.'
const JSON_SPACES =
  'json made by functions has no spaces between its parts; jsonb is the same as in PostgreSQL.'

export const KNOWN_DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['select 1 + 2, 7 / 2, -7 / 2, 7 % 3, -7 % 3, 2 * 3.5, 1.5 + 1, 2 ^ 10', SCALE],
  [
    "select '12'::int + 1, '1.50'::numeric, '1e3'::float8, 't'::boolean, 'off'::bool, '2024-05-17'::date, '10:11:12'::time",
    SCALE,
  ],
  ['select 9223372036854775807, -9223372036854775807, 2147483648, 1.10, 0.5, .5, 100000000000000', SCALE],
  [
    "select age(timestamp '2024-03-01', timestamp '2023-12-25'), extract(epoch from interval '1 day 1 hour'), extract(hour from time '10:11:12'), date_part('year', timestamp '2024-05-17')",
    SCALE,
  ],
  ["select extract(epoch from timestamptz '2024-01-01 00:00:00+00'), to_timestamp(1704067200.5)", SCALE],
  ['select * from types', SCALE],
  ['select * from ctas order by id', SCALE],
  [
    "select json_build_object('a', 1, 'b', true, 'c', null, 'd', 'x'), jsonb_build_object('b', 1, 'a', 2), json_build_array(1, 'a', null, true), to_jsonb('x'::text), to_jsonb(5)",
    JSON_SPACES,
  ],
  ['select json_agg(age order by id) from people', JSON_SPACES],
  ['with d as (delete from b returning id, n, at) select count(*), sum(n), max(at) from d', SCALE],
  ['select 2147483647 + 1::bigint, 5 / 2 * 2.0, 1e2, 1e-2', SCALE],
  [
    "select string_agg(distinct name, ',') from p",
    'SQLite has no DISTINCT with a separator: refused with 0A000.',
  ],
  ['select pg_typeof(1)', 'the name is given as text, not as regtype.'],
  ["select x'ff'::int", 'bit strings are refused with 0A000.'],
])
