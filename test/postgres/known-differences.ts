/** Statements of testdata/differential.sql whose outcome differs from PostgreSQL's on purpose, with the reason. */

const SCALE =
  'numeric has no scale of its own where none is declared: zeros at the end are not shown. The value is equal.'
const JSON_SPACES =
  'json made by functions has no spaces between its parts; jsonb is the same as in PostgreSQL.'

const REFUSED = 'refused for now, with a message that names it.'

export const KNOWN_DIFFERENCES: ReadonlyMap<string, string> = new Map([
  [
    "select '12'::int + 1, '1.50'::numeric, '1e3'::float8, 't'::boolean, 'off'::bool, '2024-05-17'::date, '10:11:12'::time",
    SCALE,
  ],
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
  [
    "select string_agg(distinct name, ',') from p",
    'SQLite has no DISTINCT with a separator: refused with 0A000.',
  ],
  ['select pg_typeof(1)', 'the name is given as text, not as regtype.'],
  [
    'select id, total::text, total::int, total * 2, total / 2, total % 4 from orders order by id limit 3',
    SCALE,
  ],
  ['select greatest(total, 5), least(total, 5) from orders order by id limit 2', SCALE],
  ['select 5::bigint / 2::int, 5::numeric / 2, 5::float8 / 2, 7.5 / 2.5', SCALE],
  ['select status, count(*) from orders group by rollup(status)', REFUSED],
  ["select timestamp '2024-01-01' + time '10:00'", REFUSED],
  ["select x'ff'::int", 'bit strings are refused with 0A000.'],
  ["select unnest(array[3,1,2]), unnest('{a,b,c}'::text[])", REFUSED],
  ['select json_object_agg(id, v), jsonb_agg(v order by id), jsonb_object_agg(v, n) from fn', JSON_SPACES],
  [
    "select j @? '$.a', j @@ '$.a == 1', jsonb_path_exists(j, '$.b[*] ? (@ > 1)'), jsonb_path_query_first(j, '$.b[0]') from fn where id = 1",
    REFUSED,
  ],
  [
    "select to_jsonb(row(1,'a')), row_to_json(row(1,'a')), to_jsonb(array[1,2]), to_jsonb(now()::date) is not null, to_json('a\"b'::text)",
    REFUSED,
  ],
  ['select json_agg(x) from (select id, v from fn order by id limit 2) x', JSON_SPACES],
])
