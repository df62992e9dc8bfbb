-- Functions, operators, and what compares how.
create table fn (id int primary key, v text, n numeric(8,2), f float8, t timestamp, z timestamptz, j jsonb, a int[], s text[], i interval)
insert into fn values (1, 'abc', 1.5, 2.5, '2024-01-31 10:20:30.5', '2024-01-31 10:20:30+00', '{"a": 1, "b": [1, 2, {"c": null}], "d": "x"}', '{1,2,3}', '{x,y,null}', '1 day 2 hours'), (2, 'xbcx', 4, 1, '2023-12-25 00:00', '2023-12-25 23:00+00', '[1, 1.0, "1"]', '{}', '{}', '26 hours'), (3, 'ABC', 10, 7, '2024-02-29 12:00', null, null, null, null, '-5 minutes')
select v similar to 'a%', v similar to '(a|x)bc_?', v not similar to '%b%', v similar to '[a-c]+', v similar to 'a\%' from fn order by id
select 'abc' similar to 'abc', 'abc' similar to 'a', 'abc' similar to '%(b|d)%', 'abc' similar to '(b|c)%', 'a.c' similar to 'a.c', 'abc' similar to 'a.c', 'aaa' similar to 'a{3}', 'a_c' similar to 'a!_c' escape '!'
select null similar to 'a' is null
select generate_series('2024-01-01'::timestamp, '2024-01-03', '12 hours')
select d from generate_series(date '2024-01-30', date '2024-03-01', interval '1 month') d
select d::date from generate_series('2024-01-01'::date, '2024-01-04'::date, '1 day') as g(d)
select * from generate_series(timestamptz '2024-01-02 00:00+00', timestamptz '2024-01-01 00:00+00', interval '-6 hours')
select generate_series(1.0, 2.0, 0.5)
select generate_series(1, 10, 3)
select i from fn order by i
select i > '1 day', i = '26:00:00', i < interval '1 month' from fn order by id
select max(i), min(i), sum(i), avg(i) from fn
select -interval '1 day 2 hours', interval '1 day' * 1.5, interval '3 hours' / 2, abs(-5)
select interval '1 day' between '23 hours' and '25 hours', greatest(interval '1 day', '30 hours')
select array_append(a, 9), array_prepend(0, a), array_cat(a, '{7,8}'), array_remove(a, 2), array_replace(a, 2, 5), array_position(a, 3), array_positions(a, 1) from fn order by id
select a || 5, 5 || a, a || '{5}'::int[], a || array[1,2] from fn order by id
select array_length(a, 1), cardinality(a), array_upper(a, 1), array_lower(a, 1), array_ndims(a), array_dims(a) from fn order by id
select string_to_array('a,b,c', ','), string_to_array('a,,c', ',', ''), string_to_array('abc', null), string_to_array('', ','), string_to_array(null, ',')
select array_to_string(array['a', null, 'c'], ',', '*'), array_to_string('{1,2}'::int[], '-')
select unnest(array[3,1,2]), unnest('{a,b,c}'::text[])
select * from unnest(array[1,2,3], array['a','b']) as u(n, t)
select 2 = any(a), 2 = all(a), 2 <> all(a), 5 > any(a) from fn order by id
select a @> '{1}', a <@ '{1,2,3,4}', a && '{3,9}' from fn order by id
select array[1,2] = '{1,2}', array[1,2] < array[1,3], array[1,2] <> array[2,1], array[2] > array[1,5]
select a from fn order by a nulls last
select trim_array(array[1,2,3], 1), array_fill(7, array[3]), array(select id from fn order by id)
select a[1], a[2:3], s[1], s[5] from fn order by id
select stddev(f), variance(f), var_pop(f), count(*) from fn
select round(stddev(n), 4) as a, round(var_pop(n), 5) as b from fn
select round(stddev(f)::numeric, 6), round(corr(id, f)::numeric, 4), covar_pop(id, f), regr_slope(f, id), regr_intercept(f, id), regr_r2(f, id) from fn
select percentile_cont(0.5) within group (order by n), percentile_disc(0.5) within group (order by n), mode() within group (order by v) from fn
select percentile_cont(0.25) within group (order by f) from fn
select bit_and(id), bit_or(id), bit_xor(id) from fn
select array_agg(v order by id desc), string_agg(v, '-' order by id), array_agg(distinct id), count(distinct v), array_agg(id) filter (where id > 1) from fn
select json_object_agg(id, v), jsonb_agg(v order by id), jsonb_object_agg(v, n) from fn
select to_char(t, 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(t, 'Dy, DD Mon YYYY'), to_char(t, 'FMDay FMDDth FMMonth'), to_char(t, 'IYYY-IW-ID'), to_char(t, 'HH12:MI AM'), to_char(t, 'Q DDD WW J') from fn order by id
select to_char(n, '999.99'), to_char(n, 'FM999.00'), to_char(-5, '999'), to_char(1234567, '9,999,999'), to_char(5, '000'), to_char(0.5, '90.9'), to_char(12.3, 'FM999990.00'), to_char(1e3, '9999'), to_char(-1.5, 'S99.9'), to_char(485, 'RN') from fn where id = 1
select to_char(interval '15 hours 2 minutes', 'HH24:MI:SS'), to_char(date '2024-05-06', 'DD/MM/YYYY'), to_char(timestamptz '2024-01-01 10:00+00', 'YYYY TZ'), to_char(1234.5, 'L9,999.99')
select to_date('05 Dec 2000', 'DD Mon YYYY'), to_date('20240131', 'YYYYMMDD'), to_date('2024-366', 'YYYY-DDD'), to_timestamp('2024-01-31 10:20:30', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp('31/01/2024 02:05 PM', 'DD/MM/YYYY HH12:MI AM'), to_number('12,454.8-', '99G999D9S'), to_number('$1,234.56', 'L9,999.99')
select to_date('x', 'YYYY')
select '1'::jsonb = '1.0'::jsonb, '1'::jsonb = '"1"'::jsonb, '{"a":1,"b":2}'::jsonb = '{"b":2.0,"a":1}'::jsonb, '[1,2]'::jsonb < '[1,3]'::jsonb, '{}'::jsonb < '[]'::jsonb, 'null'::jsonb < '"a"'::jsonb
select j from fn where j is not null order by j
select j -> 'a', j ->> 'd', j -> 'b' -> 2 -> 'c', j #> '{b,0}', j #>> '{b,2,c}', j -> -1, j ->> 0 from fn order by id
select j ? 'a', j ?| array['x','a'], j ?& array['a','b'], j @> '{"a":1}', '{"a":1}'::jsonb <@ j, j @> '{"b":[1]}' from fn order by id
select j - 'a', j - 0, j #- '{b,1}', j || '{"z":9}', j - array['a','b'] from fn where id = 1
select '[1,2,3]'::jsonb - 1, '["a","b"]'::jsonb - 'a', '[1]'::jsonb || '2'::jsonb, '1'::jsonb || '2'::jsonb, '{"a":1}'::jsonb || '[2]'
select jsonb_set(j, '{a}', '5'), jsonb_set(j, '{x,y}', '5'), jsonb_set(j, '{new}', '"v"'), jsonb_set(j, '{new}', '1', false), jsonb_insert(j, '{b,1}', '"ins"'), jsonb_strip_nulls(j), jsonb_pretty('{"a":[1,2]}') from fn where id = 1
select jsonb_array_length('[1,2]'), jsonb_typeof('null'), jsonb_typeof(j), jsonb_object_keys('{"a":1,"b":2}'), jsonb_build_object('k', array[1,2], 'n', null), jsonb_build_array(1, 'x', null, true) from fn where id = 1
select jsonb_extract_path(j, 'b', '0'), jsonb_extract_path_text(j, 'd'), json_extract_path_text('{"a":{"b":5}}'::json, 'a', 'b') from fn where id = 1
select * from jsonb_each('{"a":1,"b":{"c":2}}') order by key
select * from jsonb_each_text('{"a":1,"b":"x","c":null}') order by key
select * from jsonb_array_elements('[1,"a",null,{"b":2}]')
select * from jsonb_array_elements_text('[1,"a",null]')
select * from jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2,"c":3}]') as x(a int, b text)
select * from jsonb_to_record('{"a":1,"b":[1,2],"c":"2024-01-01"}') as x(a int, b int[], c date)
select * from json_to_recordset('[{"a":1.5,"b":true}]') as x(a numeric, b bool)
select j @? '$.a', j @@ '$.a == 1', jsonb_path_exists(j, '$.b[*] ? (@ > 1)'), jsonb_path_query_first(j, '$.b[0]') from fn where id = 1
select to_jsonb(row(1,'a')), row_to_json(row(1,'a')), to_jsonb(array[1,2]), to_jsonb(now()::date) is not null, to_json('a"b'::text)
select row_to_json(x) from (select id, v from fn order by id limit 1) x
select to_jsonb(fn) - 'j' - 'z' - 'n' from fn where id = 1
select json_agg(x) from (select id, v from fn order by id limit 2) x
select array_to_json(array[1,2]), json_array_length('[1]')
select 1 union all select 'a'
select 1 union all select '2'
select 'a' union select 1.5
select 1 union select 2.5 order by 1
select null union all select 1
select 1 as x union all select null::text
select date '2024-01-01' union all select 'x'
select "nope" from fn
select fn."nope" from fn
select id from fn where "nopé" = 1
update fn set v = "nope"
update fn set "nope" = 1
insert into fn ("nope") values (1)
delete from fn where "nope" = 'x'
select v from fn order by "nope"
select count(*) from fn group by "nope"
select 1 from fn having "nope" > 1
create index bad on fn ("nope")
create index bad on fn (lower("nope"))
create index bad on fn (id) where "nope" > 1
create view bad as select "nope" from fn
create table bad (a int check ("nope" > 1))
create table bad (a int, b int generated always as ("nope" + 1) stored)
alter table fn add column bad int check ("nope" > 1)
insert into fn (id) values (1) on conflict (id) do update set v = "nope"
insert into fn (id) values (1) on conflict ("nope") do nothing
select id from fn returning "nope"
insert into fn (id) values (77) returning "nope"
select sum(id) over (partition by "nope") from fn
select * from fn a join fn b using ("nope")
with x as (select 1 as y) select "z" from x
select lpad('5', 3, '0'), rpad('a', 3, 'xy'), concat_ws('-', 'a', null, 'b'), format('%s-%I-%L-%%', 'a', 'B c', 'd''e'), left('abc', -1), repeat('ab', 3), reverse('abc'), initcap('hELLO wORLD'), translate('abc', 'ab', 'x')
select regexp_replace('foobar', 'o+', 'X'), regexp_replace('foobar', 'o', 'X', 'g'), regexp_match('foobar', '(o+)(b)'), regexp_split_to_array('a1b2c', '[0-9]'), regexp_matches('foo', 'o'), substring('foobar' from 'o(.)b'), substring('foobar' from 2 for 3), regexp_count('aXbX', 'X'), regexp_substr('foo123', '[0-9]+'), regexp_instr('foo1', '[0-9]')
select * from regexp_matches('a1b2', '[a-z][0-9]', 'g')
select * from regexp_split_to_table('a b  c', '\s+')
select * from string_to_table('a,b', ',')
select split_part('a,b,c', ',', -1), strpos('abc', 'c'), position('b' in 'abc'), overlay('abcdef' placing 'XX' from 2 for 3), trim(both 'x' from 'xxaxx'), trim(leading from '  a'), btrim('xyax', 'xy'), ascii('a'), chr(65), md5('a'), encode('abc', 'base64'), decode('YWJj', 'base64'), encode(sha256('a'), 'hex'), length('čau'), octet_length('čau'), upper('čau'), to_hex(255), quote_literal('a''b'), quote_ident('A b'), quote_nullable(null), starts_with('abc', 'ab'), 'abc' ^@ 'a'
select age(timestamp '2024-03-01', timestamp '2023-12-25'), justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour'), date_part('epoch', interval '1 day'), extract(dow from date '2024-01-07'), extract(isodow from date '2024-01-07'), extract(week from date '2024-01-01'), date_trunc('week', timestamp '2024-01-10 10:00'), date_bin('15 minutes', timestamp '2024-01-01 10:20', timestamp '2024-01-01'), make_date(2024, 1, 2), make_time(10, 20, 30.5), make_timestamp(2024, 1, 2, 3, 4, 5.5), make_interval(days => 3, hours => 2), isfinite(date '2024-01-01'), date '2024-01-01' + 5, date '2024-01-10' - date '2024-01-01', time '10:00' + interval '1 hour', timestamp '2024-01-10' - timestamp '2024-01-01 12:00'
select (date '2024-01-01', date '2024-01-10') overlaps (date '2024-01-05', date '2024-01-06'), to_timestamp(0), date_trunc('month', date '2024-05-17'), date_part('year', date '2024-05-17'), timestamp '2024-01-31' + interval '1 month', timestamptz '2024-01-01 00:00+00' at time zone 'UTC'
select abs(-5), ceil(1.2), floor(-1.2), round(2.5), round(-2.5), round(2.567, 2), trunc(2.567, 2), trunc(-2.7), sign(-3), sqrt(2), power(2, 10), exp(0), ln(1), log(100), mod(7, 3), 7 % 3, div(7, 2), width_bucket(5, 0, 10, 5), greatest(1, 2, null), least(3, 1), degrees(pi()), sinh(0), random() < 1, 5 # 3, ~5, 1 << 3, |/ 4, @ -5, 2 ^ 3, 10 / 4, 1
select num_nulls(1, null), num_nonnulls(1, null), nullif(1, 1), coalesce(null, 2), case when true then 1 else 2 end, 1 is distinct from null, (1, 2) = (1, 2), (1, 2) < (1, 3), null::int is null, true and null, not null::bool
select count(*) filter (where id > 1), sum(n) over (order by id rows between unbounded preceding and current row) from fn group by id, n order by id
select bool_and(id > 0), bool_or(id > 5), every(id > 0), max(v), min(t) from fn
select first_value(v) over w, lag(v, 1, 'none') over w, ntile(2) over w, nth_value(v, 2) over w from fn window w as (order by id)
select exists (select 1 from fn where id = 9), id in (select 1), (select max(id) from fn) from fn order by id limit 1
select 'a' || 1 || true, 'a' || null, 1 || 'b', array[1] || array[2], 'x' || now()::date is not null
select cast('12' as int), '12'::int8, 1::bool, 'yes'::bool, 't'::bool::text, 1.5::int, '1.5'::float::int, '{1,2}'::int[], '{"a":1}'::json ->> 'a', '\x41'::bytea, 'A'::char(3) = 'A', '2024-01-01'::timestamptz is not null, '10:00'::time, 'a'::name
