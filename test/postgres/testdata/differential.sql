-- Statements that must give the same rows, or the same SQLSTATE, on PostgreSQL 15 and on HarmonyDB. One statement a line.
create table people (id serial primary key, name text not null, age int, score numeric(6,2), ok boolean default true, born date, seen timestamptz, doc jsonb, tags text[])
insert into people (name, age, score, ok, born, seen, doc, tags) values ('Ann', 30, 12.345, true, '1990-05-17', '2024-01-05 10:00:00+02', '{"b":1,"a":[1,2]}', '{x,y}'), ('bob', null, 7, false, null, null, null, null), ('Čeněk', 41, -0.005, null, '2000-2-29', '2024-06-30 23:59:59.123456+00', '[]', '{"a b",NULL,"q\"x"}')
select * from people order by id
select id, name, age from people order by age, id
select id, name, age from people order by age desc, id
select id from people where name like 'A%'
select id from people where name like 'a%'
select id from people where name ilike 'A%'
select id from people where name like '%b'
select id from people where name not like '%n%' order by 1
select 'a%b' like 'a\%b', 'axb' like 'a\%b', 'a*b' like 'a*b', 'axb' like 'a*b', 'a[b' like 'a[b', 'a_b' like 'a!_b' escape '!'
select name ~ '^[A-Z]' from people order by id
select name !~* '^a' from people order by id
select count(*), count(age), sum(age), min(age), max(name) from people
select ok, count(*) from people group by ok order by ok
select ok, count(*) c from people group by 1 having count(*) > 0 order by c desc, ok nulls first
select id from people where ok
select id from people where not ok
select id from people where ok is not true order by id
select id from people where ok is null
select id from people where ok = 't'
select id from people where ok = 'false'
select id from people where born < '1995-01-01'
select id from people where born = '2000-02-29'
select id from people where seen > '2024-02-01'
select id, born + 1, born - 1 from people order by id
select born - date '1990-01-01' from people order by id
select seen at time zone 'UTC' from people order by id
select extract(year from born), extract(month from born), extract(day from born), extract(dow from born), extract(doy from born), extract(week from born), extract(quarter from born) from people order by id
select date_trunc('month', seen), date_trunc('hour', seen) from people order by id
select doc->'a', doc->'a'->0, doc->>'b', doc->'zz' from people order by id
select doc #> '{a,1}', doc #>> '{a,0}' from people order by id
select doc ? 'a' from people where doc is not null order by id
select jsonb_typeof(doc), jsonb_array_length('[1,2,3]') from people order by id
select tags[1], tags[2], array_length(tags, 1), cardinality(tags) from people order by id
select id from people where 'x' = any(tags)
select id from people where id = any('{1,3}') order by id
select id from people where id = any(array[1,2]) order by id
select id from people where id <> all(array[1,2]) order by id
select id from people where id in (1, 2) order by id
select id from people where age in (30, null)
select id from people where age not in (30, null)
select id, case when age > 35 then 'old' when age is null then '?' else 'young' end from people order by id
select case name when 'Ann' then 1 else 2 end from people order by id
select coalesce(age, -1), nullif(name, 'bob'), greatest(age, 35), least(age, 35) from people order by id
select name || '!' || id from people order by id
select concat(name, null, id), concat_ws('-', name, null, age) from people order by id
select upper('abc'), lower('ABC'), length('čeněk'), reverse('abc'), initcap('hello wORLD'), left('abcdef', 2), left('abcdef', -2), right('abcdef', 2), right('abcdef', -2)
select trim('  x  '), trim(both 'x' from 'xxaxx'), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xyaxy', 'xy')
select substring('hello' from 2), substring('hello' from 2 for 3), substring('hello' from -1 for 4), substr('hello', 0), position('l' in 'hello'), strpos('hello', 'zz')
select replace('aXbX', 'X', '-'), repeat('ab', 3), lpad('7', 3, '0'), rpad('7', 3, 'ab'), split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), translate('12345', '143', 'ax')
select overlay('Txxxxas' placing 'hom' from 2 for 4), ascii('x'), chr(65), md5('hello'), starts_with('abc', 'ab'), to_hex(255)
select regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g')
select 1 + 2, 7 / 2, -7 / 2, 7 % 3, -7 % 3, 2 * 3.5, 1.5 + 1, 2 ^ 10
select 10 / 4.0 = 2.5, 1 / 3.0 > 0.333, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2
select abs(-5), abs(-5.5), ceil(1.2), floor(-1.2), round(1.5), round(2.5), round(-2.5), round(1.005, 2), round(2.345, 2), trunc(1.9), sign(-3), mod(7, 3), mod(-7, 3)
select round(2.5::float8), round(3.5::float8), 2.5::int, 3.5::int, -2.5::int, 2.5::float8::int, 3.5::float8::int
select sqrt(16), power(2, 3), exp(0), ln(1), pi() > 3.14, degrees(pi())
select 1 / 0
select 1.5 / 0
select 5 % 0
select 1::float8 / 0
select '12'::int + 1, '1.50'::numeric, '1e3'::float8, 't'::boolean, 'off'::bool, '2024-05-17'::date, '10:11:12'::time
select 'abc'::int
select '99999999999'::int
select ''::int
select 'x'::boolean
select '2024-02-30'::date
select '2024-13-01'::date
select 'nope'::date
select 1::text, 1.5::text, true::text, null::text, 'x'::varchar(3), 'abcdef'::varchar(3), '2024-01-01'::date::text
select 1::bool, 0::bool, true::int, 5::numeric(5,2), 1.999::numeric(5,2)
select 12345.678::numeric(5,2)
select 1.0::float8, 1e15::float8, 123456789012::float8, 1e-5::float8, 0.1::float8 + 0.2::float8, 1e100::float8, -0.0::float8, 'infinity'::float8, 1.5::float4, 0.1::float4, 1e6::float4
select 9223372036854775807, -9223372036854775807, 2147483648, 1.10, 0.5, .5, 100000000000000
select 1 = 1, 1 <> 1, 1 < 2 and 2 < 3, true or null, false and null, not null::bool, null = null, null is null
select 1 is distinct from null, null is distinct from null, 1 is not distinct from 1
select 5 between 1 and 10, 5 not between 6 and 10, 'b' between 'a' and 'c'
select date '2024-01-31' + interval '1 month', timestamp '2024-01-31 10:00' + interval '1 month 1 day 02:03:04.5', timestamp '2024-03-31' - interval '1 month'
select timestamp '2024-03-01 12:00' - timestamp '2024-02-28 13:30', date '2024-03-01' - date '2024-02-01'
select interval '1 day', interval '90 minutes', interval '1 year 2 months', interval '-1 day 02:03', '1 week'::interval, interval '1.5 days', interval '0', interval 'P1Y2M3DT4H5M6S', interval '1 day' + interval '2 hours', interval '1 hour' * 2.5
select age(timestamp '2024-03-01', timestamp '2023-12-25'), extract(epoch from interval '1 day 1 hour'), extract(hour from time '10:11:12'), date_part('year', timestamp '2024-05-17')
select to_char(timestamp '2024-05-07 15:06:09.123', 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(timestamp '2024-05-07 15:06:09', 'Dy, DD Mon YYYY HH12:MI AM'), to_char(timestamp '2024-05-07', 'FMMonth FMDD')
select extract(epoch from timestamptz '2024-01-01 00:00:00+00'), to_timestamp(1704067200.5)
select timestamp '2024-01-01 10:00' < timestamp '2024-01-01 10:00:00.5', timestamp '2024-01-01' = date '2024-01-01', '2024-01-01 10:00:00.50'::timestamp = '2024-01-01 10:00:00.5'::timestamp
select timestamptz '2024-01-01 10:00:00+02', timestamptz '2024-01-01 10:00:00 UTC', timestamp(0) '2024-01-01 10:00:00.6', timestamp '2024-01-01T10:00:00Z'
select array[1,2,3], array['a','b c',null], '{1,2}'::int[], array[[1,2],[3,4]], array_length(array[1,2,3], 1), (array[10,20,30])[2], array_to_string(array[1,null,3], ','), array_to_string(array[1,null,3], ',', '*')
select array[1,2] || array[3], array[1,2] || 3, 0 || array[1,2]
select '{"a": {"b": [1, 2, {"c": "d"}]}}'::jsonb #>> '{a,b,2,c}', '{"a":1}'::json->>'a', '[1,2,3]'::jsonb->-1, '{"a":null}'::jsonb->>'a', '{"k":"v"}'::jsonb->'k'
select '{"b":1, "a" : 2, "aa":[ 1,2 ]}'::jsonb, '{"b":1, "a" : 2}'::json, '1e3'::jsonb, '"x"'::jsonb, 'null'::jsonb
select '{bad'::jsonb
select json_build_object('a', 1, 'b', true, 'c', null, 'd', 'x'), jsonb_build_object('b', 1, 'a', 2), json_build_array(1, 'a', null, true), to_jsonb('x'::text), to_jsonb(5)
select json_agg(age order by id) from people
select string_agg(name, ',' order by name), array_agg(age order by id), bool_and(ok), bool_or(ok) from people
select count(distinct ok), sum(distinct age), avg(age) = 35.5 from people
select count(*) filter (where age > 35) from people
select array_agg(age), json_agg(age), string_agg(name, ',') from people where false
select id, row_number() over (order by name desc), rank() over (order by ok), lag(id) over (order by id), sum(age) over (order by id) from people order by id
select id, first_value(name) over w, count(*) over w from people window w as (partition by ok order by id) order by id
select sum(id) over (order by id rows between 1 preceding and current row) from people order by id
select distinct ok from people order by ok
select distinct on (ok) ok, name from people order by ok, name desc
select generate_series(1, 0)
select * from generate_series(1, 5) as g
select x, x * 2 from generate_series(10, 1, -3) as t(x)
select * from (values (1, 'a'), (2, 'b')) as v(n, t) where n > 1
values (1, 'x'), (2, null)
select v.* from (values (1), (null), (3)) v(x) order by x desc
select unnest from unnest(array[3,1,2]) order by 1
select * from unnest(array['a','b']) with ordinality as t(x, n)
select value from jsonb_array_elements('[1,"a",null,{"b":2}]')
select * from jsonb_array_elements_text('[1,"a",null]') as e
select * from json_each_text('{"a":1,"b":"x"}')
with a as (select id, name from people), b as (select id from a where name < 'b') select * from b order by id
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select sum(n) from t
select 1 union select 2 union select 1 order by 1 desc
select 1 union all select 2 except select 2
(select 1 union select 2) intersect select 2
select id from people union all select 99 order by id limit 2 offset 1
select (select count(*) from people), exists(select 1 from people where age > 100), array(select id from people order by id)
select p.name, (select count(*) from people q where q.id <= p.id) from people p order by p.id
select p.id, q.id from people p join people q on p.id = q.id + 1 order by 1
select p.id, q.id from people p left join people q on p.id = q.id + 1 order by 1
select p.id, q.id from people p right join people q on p.id = q.id + 1 order by 1 nulls first, 2
select p.id, q.id from people p full join people q on p.id = q.id + 1 order by 1 nulls first, 2 nulls first
select * from (select 1 as a, 2 as b) x join (select 1 as a, 3 as c) y using (a)
select * from (select 1 as b, 2 as a) x natural join (select 2 as a, 3 as c) y
select count(*) from people cross join people p2
select id from people limit null
select id from people order by id limit 1
select id from people order by id fetch first 2 rows only
update people set age = age + 1 where ok returning id, age
update people set (age, name) = (50, 'Bob') where id = 2 returning *
update people p set name = v.n from (values (1, 'Anna')) as v(id, n) where p.id = v.id
select id, name from people order by id
insert into people (id, name) values (1, 'dup')
insert into people (name) values (null)
insert into people (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name || '!' returning id, name
insert into people (id, name) values (1, 'x') on conflict do nothing
insert into people (nope) values (1)
insert into people (name, age) values ('x')
insert into people (name) values ('x', 2)
insert into people (name, age) values ('x', 'y')
insert into people (name, score) values ('x', 123456)
create table child (pid int references people (id) on delete cascade, v varchar(3) check (v <> 'bad'), u uuid default '00000000-0000-0000-0000-000000000001', primary key (pid, v))
insert into child (pid, v) values (1, 'abc')
insert into child (pid, v) values (1, 'abcd')
insert into child (pid, v) values (1, 'bad')
insert into child (pid, v) values (77, 'x')
insert into child (pid, v) values (1, 'abc')
select * from child
delete from people using child where child.pid = people.id returning people.id
select count(*) from child
create table types (a smallint, b bigint, c real, d double precision, e numeric, f char(5), g varchar, h bytea, i date, j time, k timestamp, l uuid, m json, n interval, o int[])
insert into types values (1, 9223372036854775807, 1.1, 2.2, 3.30, 'ab', 'v', '\xdeadbeef', '2024-01-01', '10:11:12.5', '2024-01-01 10:11:12', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"a" :1}', '1 day 2 hours', '{1,null,3}')
select * from types
select length(f), f || 'x', f = 'ab' from types
insert into types (a) values (40000)
insert into types (b) values (9223372036854775808)
insert into types (l) values ('nope')
insert into types (o) values ('{1,x}')
insert into types (h) values ('\xzz')
create table if not exists types (a int)
create table types (a int)
alter table types add column z text default 'q'
alter table types rename column z to zz
select zz from types
alter table types drop column zz
select zz from types
create index types_a on types (a)
create index types_a on types (a)
create unique index on types (b)
drop index types_a
create view v as select id, name from people where id > 1
select * from v order by id
drop view v
drop table v
select * from nope
select nope from people
select p.nope from people p
select x.id from people p
select id from people p, people q
select nope()
select lower(1, 2, 3)
selec 1
select * from people where
select 1 where 1
select name from people group by ok, name order by nope
select 1 order by 2
select $$it's$$, E'a\nb', U&'\0041', 'a''b'
select x'ff'::int
select current_date = now()::date, current_user is not null, current_schema()
create table seq (id bigint generated by default as identity primary key, v int default 5, w timestamptz default now(), x text default 'a' || 'b')
insert into seq default values returning id, v, x
insert into seq (v) values (default), (default) returning id, v
truncate seq
select count(*) from seq
truncate seq restart identity
insert into seq default values returning id
create table ctas as select id, name, age * 1.5 as x from people
select * from ctas order by id
drop table ctas, seq, types, child
drop table if exists nothing_here
drop table nothing_here
create table p (id serial primary key, name text, age int, ok boolean, born date, at timestamp, tz timestamptz, tags text[], iv interval, j jsonb, n numeric(8,2))
insert into p (name, age, ok, born, at, tz, tags, iv, j, n) values ('a', 1, true, '2024-01-01', '2024-01-01 10:00', '2024-01-01 10:00+00', '{a,b}', '1 day', '{"a":1}', 1.25), ('b', 2, false, null, null, null, null, null, null, null), (null, null, null, '2020-02-29', '2020-02-29 00:00', '2020-02-29 00:00+00', '{}', '2 hours', '[]', 0)
select id, not ('a' = any(tags)) from p order by id
select id from p where not ('a' = any(tags)) order by id
select id, 1 <> all(null::int[]), 1 = any(null::int[]) from p order by id
select concat(true, 1, null), true || 'x', concat_ws(',', false, 'a')
select sum(name) from p
select sum(ok) from p
select max(ok) from p
select name + 1 from p
select ok + 1 from p
select tags = '{a,b}', tags = array['a','b'], tags || 'c' = array['a','b','c'] from p order by id
select j = '{ "a" : 1 }'::jsonb from p order by id
insert into p (id) values (null)
insert into p (born, name) select at, age from p where id = 1 returning born, name
insert into p (n) select 1.999 returning n
insert into p (age) select name from p
insert into p (n) select 99999999 from p where id = 1
select count(*) from p where name = 'a' or name is null and age > 1
select id, name from p where (name, age) = ('a', 1)
select id from p where (id, age) in ((1, 1), (2, 3))
select id, case when ok then 'yes' else 'no' end as answer from p order by answer desc, id
select upper(name) as u, count(*) from p group by u order by u nulls first
select date_part('month', born), extract(isodow from at), to_char(at, 'HH24:MI') from p order by id
select age::float8 / 2, age / 2.0 = 0.5, (age + 1) * 2 from p order by id
select name from p union select 'zzz' order by 1
select id, (select max(age) from p q where q.id < p.id) as m from p order by id
select p1.id from p p1 where exists (select 1 from p p2 where p2.id > p1.id and p2.age is null) order by 1
select string_agg(distinct name, ',') from p
select array(select name from p where name is not null order by name)
select a.n from (select count(*) as n from p) a
with x as (select * from p where age is not null), y as (select max(age) as m from x) select x.id from x, y where x.age = y.m
select lag(age, 1, 0) over (order by id), ntile(2) over (order by id), max(age) over () from p order by id
select * from (select id, rank() over (partition by ok order by age) as r from p) s where r = 1 order by id
select extract(year from date '2024-05-17')::int + 1
select '2024-05-17'::date - 7, '2024-05-17'::date + interval '1 day'
select to_char(date '2024-05-17', 'Mon DD, YYYY'), date_trunc('week', date '2024-05-17')
select 'abc' < 'abd', 'B' < 'a', 'a' = 'A', '' = ' '
select 10 % 3, -10 % 3, 10.5 % 3, mod(10, -3)
select 2147483647 + 1::bigint, 5 / 2 * 2.0, 1e2, 1e-2
select length('日本語'), octet_length('日本語'), upper('straße'), substring('日本語' from 2 for 1)
select jsonb_build_object('a', now() is not null, 'b', array[1,2]), jsonb_agg(id order by id) from p
select count(*) from information_schema.columns where table_name = 'p'
select column_name, data_type, is_nullable from information_schema.columns where table_name = 'p' order by ordinal_position
select relname, relkind from pg_class where relname in ('p', 'p_pkey') order by 1
select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'p'::regclass and attnum > 0 order by attnum
select conname, contype, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'p'::regclass and contype = 'p'
select indexdef from pg_indexes where tablename = 'p'
select typname from pg_type where oid = 23
select nspname from pg_namespace where nspname = 'public'
select current_setting('server_version_num')::int >= 150000
select count(*) > 0 from pg_settings where name = 'TimeZone'
select 'p'::regclass::oid = (select oid from pg_class where relname = 'p')
select to_regclass('nope') is null
select pg_typeof(1)
update p set age = null where id = 1 returning age, (select count(*) from p) > 0
update p set n = n + 0.005 where id = 1 returning n
delete from p where id in (select id from p where age is null)
delete from p
drop table p
create table tricky (id int primary key, value text[], key text, json jsonb, type int, check (type > 0))
insert into tricky values (1, '{a,b}', 'a', '{"a":1}', 5), (2, '{c}', 'x', '{"b":1}', 7)
select id from tricky where key = any(value)
select id from tricky where 'c' = any(value) and type = 7
select json -> key, greatest(type, id), (select count(*) from unnest(value)) from tricky order by id
update tricky set value = value || key where key = any(value) returning id, value
create index tricky_i on tricky ((type + 1)) where key is not null
drop table tricky
create table a (id int primary key, v text, n numeric(6,2), at timestamptz)
create table b (id int primary key, v text, n numeric(6,2), at timestamptz)
insert into a values (1, 'x', 1.50, '2024-01-01 00:00:00+00'), (2, 'y', 2, null), (3, null, null, null)
with moved as (delete from a where id < 3 returning *) insert into b select * from moved
select * from b order by id
with u as (update b set v = v || '!' where id = $$1$$ returning id, v), i as (insert into a values (9, 'n') returning id) select u.id, u.v, i.id from u, i
with d as (delete from b returning id, n, at) select count(*), sum(n), max(at) from d
select count(*) from b
select id from a order by id
with i as (insert into a values (3, 'dup') returning id) select * from i
drop table a, b
create table orders (id serial primary key, customer text, total numeric(10,2), created timestamptz default now(), status varchar(10) default 'new', meta jsonb)
insert into orders (customer, total, created, meta) select 'c' || (x % 3), x * 1.5, timestamptz '2024-01-01 00:00:00+00' + x * interval '1 day', json_build_object('x', x)::jsonb from generate_series(1, 10) x
select customer, sum(total), count(*) from orders group by customer order by 2 desc, 1
select date_trunc('month', created) as m, sum(total) from orders group by 1 order by 1
select customer, total, sum(total) over (partition by customer order by id) from orders order by id
select * from orders where created between '2024-01-03' and '2024-01-05' order by id
select id from orders where meta->>'x' = '3'
select id from orders where (meta->>'x')::int > 8 order by id
select id from orders where created > now() - interval '100 years' order by id limit 2
select case when total > 10 then 'big' else 'small' end size, count(*) from orders group by size order by size
select customer from orders group by customer having sum(total) > 30 order by 1
select coalesce(sum(total), 0) from orders where false
select o.id, (select max(total) from orders i where i.customer = o.customer) from orders o where o.id <= 2 order by o.id
select id, total::text, total::int, total * 2, total / 2, total % 4 from orders order by id limit 3
select avg(total) = 8.25, min(created), max(created)::date from orders
select to_char(created, 'YYYY-MM'), count(*) from orders group by 1
update orders set status = 'paid', total = total * 1.1 where id = 1 returning status, total
update orders set meta = jsonb_build_object('y', 1) where id = 2 returning meta
select status, count(*) from orders group by rollup(status)
delete from orders where id > 8 returning id
select upper(customer) || '-' || lpad(id::text, 4, '0') from orders order by id limit 2
select * from orders where status in ('paid') and customer like 'c%' and total is not null
select exists (select 1 from orders where status = 'paid') as e, not exists (select 1 from orders) as n
select greatest(total, 5), least(total, 5) from orders order by id limit 2
select count(*) from orders a, orders b where a.id < b.id
select id from orders order by random() limit 0
select length(md5(random()::text)) from orders limit 1
select (random() >= 0 and random() < 1) from orders limit 1
select extract(epoch from created)::bigint from orders order by id limit 1
select id from orders order by created desc nulls last, id limit 2
select id from orders where id = 1 or id = 2 and not (status = 'new') order by id
select 'a' || null, null || 'a', coalesce(null, null, 'z')
select distinct status, customer from orders order by 1, 2
select count(distinct customer) from orders
select sum(case when status = 'paid' then 1 else 0 end) from orders
select array_agg(id order by id desc) from orders where id < 4
select string_to_array('a,b,c', ',')
select regexp_matches('foo123', '[0-9]+')
select id from orders where customer similar to 'c[12]' order by id
select current_date - interval '1 day' < now()
select date '2024-01-31' + 1, date '2024-03-01' - 1, (date '2024-03-01' - date '2024-02-01') * 2
select timestamp '2024-01-01' + time '10:00'
select make_date(2024, 2, 3)
select justify_days(interval '35 days')
select 5::bigint / 2::int, 5::numeric / 2, 5::float8 / 2, 7.5 / 2.5
select bool_and(total > 0), bool_or(total > 10) from orders
select x from (select 1 as x union all select 2) t where x in (select 2)
select nullif(1, 1), nullif(1, 2)
select ceil(-0.5), floor(-0.5), round(-0.5), trunc(-0.5)
select position('b' in 'abc') + 1
select 'x' between 'a' and 'z', 5 not in (1, 2), null in (1), 1 in (null, 1)
drop table orders
select * from length('four') as n
select n + 1 from abs(-4) n
create table key_later (a int, b int)
alter table key_later add primary key (b)
insert into key_later values (1, 10), (2, 20)
create table key_user (id int primary key, b int references key_later)
insert into key_user values (1, 10)
insert into key_user values (2, 30)
delete from key_later where b = 10
create table key_user2 (id int, b int)
alter table key_user2 add constraint key_user2_fk foreign key (b) references key_later
insert into key_user2 values (1, 99)
show statement_timeout
set statement_timeout = 90000
show statement_timeout
set statement_timeout = '2min'
show statement_timeout
set statement_timeout = 'soon'
reset statement_timeout
create table drop_a (id int primary key)
create table drop_b (id int primary key, a int references drop_a on delete cascade)
create view drop_v as select id from drop_a
insert into drop_a values (1)
drop table drop_a
drop view drop_v
drop table drop_a
insert into drop_b values (1, 1)
drop table drop_a, drop_b
create table drop_a (id int primary key)
create view drop_v as select id from drop_a
create view drop_w as select id from drop_v
drop view drop_v
drop table drop_a cascade
select * from drop_w
drop table if exists drop_a, drop_b
create table lists (id int, a int[], j jsonb, o jsonb)
insert into lists values (1, '{1,2}', '[1,"x",true,null,{"k":1}]', '{"a":true,"b":"t","c":null}'), (2, '{}', '[]', '{}'), (3, null, null, null)
select l.id, e from lists l, unnest(l.a) e order by 1, 2
select l.id, e from lists l, unnest(a) e where e > 1
select l.id, e from lists l cross join lateral unnest(l.a) e order by 1, 2
select l.id, e, n from lists l left join unnest(l.a) with ordinality as u(e, n) on true order by 1, 3
select l.id, e.value from lists l, jsonb_array_elements(l.j) e
select l.id, e.value from lists l, jsonb_array_elements_text(j) e
select * from lists l join lateral jsonb_each_text(l.o) as kv(k, v) on true order by k
select l.id, k from lists l, jsonb_object_keys(l.o) k order by k
select id, unnest(a) from lists order by 1, 2
select id, count(*) from lists, unnest(a) group by id
select sum(e) from lists, unnest(a) as e
select l.id from lists l where exists (select 1 from unnest(l.a) e where e = 2)
select id from lists where id = 'x'::text
select id from lists where 'a'::varchar = id
select true = 1
select id from lists where id = '2'
select 40000::int2
select id::int2, (id + 40000)::int2 from lists
select (3000000000)::int4
select 3e9::float8::int4, 1
select 2147483647.5::numeric::int4
select count(*)::int from lists
set timezone = 'America/New_York'
select '2024-03-10 02:30'::timestamptz, '2024-03-10 01:59:59'::timestamptz, '2024-03-10 03:00'::timestamptz
select '2024-11-03 01:30'::timestamptz, '2024-11-03 00:59'::timestamptz, '2024-11-03 02:00'::timestamptz
set timezone = 'Europe/Berlin'
select '2024-03-31 02:30'::timestamptz, '2024-10-27 02:30'::timestamptz, '2024-07-01 12:00'::timestamptz
reset timezone
