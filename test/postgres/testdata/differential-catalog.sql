-- What tools ask the catalog for.
create table chk (id serial primary key, name varchar(20) not null unique, age int check (age > 0) default 5, made timestamptz default now(), constraint both_set check (name <> '' and age < 200))
insert into chk (name) values ('now'), ('today')
select name, 'yesterday'::text, 'infinity'::text from chk order by id
select name from chk where name = 'now'
select conname, contype, conkey from pg_constraint where conrelid = 'chk'::regclass order by conname
select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'chk'::regclass and contype = 'c' and conname = 'chk_age_check'
select relchecks from pg_class where relname = 'chk'
select constraint_name, constraint_type from information_schema.table_constraints where table_name = 'chk' and constraint_type in ('CHECK', 'UNIQUE') and constraint_name not like '%not_null' order by 1
select column_name, data_type, is_nullable, column_default, character_maximum_length from information_schema.columns where table_name = 'chk' order by ordinal_position
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relname = 'chk' and a.attnum > 0 and not a.attisdropped order by a.attnum
select tc.constraint_name, kcu.column_name from information_schema.table_constraints tc join information_schema.key_column_usage kcu on tc.constraint_name = kcu.constraint_name and tc.table_schema = kcu.table_schema where tc.table_name = 'chk' and tc.constraint_type = 'PRIMARY KEY'
select t.typname, t.oid, t.typarray from pg_type t where t.typname in ('int4', 'text', 'jsonb', 'uuid') order by 1
select oid, typname, typelem from pg_type where oid = 1007
select n.nspname, c.relname, c.relkind from pg_class c left join pg_namespace n on n.oid = c.relnamespace where c.relname = 'chk' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
select current_schemas(false), current_schemas(true)
create table chq (id serial primary key, name varchar(20) not null unique, age int)
create table refq (id int primary key, chq_id int references chq (id) on delete cascade)
select t.typname as name, t.oid as oid, t.typarray as array_oid, t.oid::regtype::text as regtype, t.typdelim as delimiter from pg_type t where t.oid = to_regtype('int4') order by t.oid
select c.oid, n.nspname, c.relname from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relname operator(pg_catalog.~) '^(chq)$' collate pg_catalog.default and pg_catalog.pg_table_is_visible(c.oid) and false order by 2, 3
select 'chq'::regclass::text, 'chq'::regclass::oid = c.oid from pg_class c where relname = 'chq'
select tc.constraint_name, ccu.table_name, ccu.column_name, rc.delete_rule from information_schema.table_constraints tc join information_schema.constraint_column_usage ccu on ccu.constraint_name = tc.constraint_name join information_schema.referential_constraints rc on rc.constraint_name = tc.constraint_name where tc.table_name = 'refq'
select con.conname, con.conrelid::regclass::text, con.confrelid::regclass::text, con.confdeltype, pg_get_constraintdef(con.oid, true) from pg_constraint con where con.contype = 'f' and con.conrelid = 'refq'::regclass
select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) where i.indrelid = 'chq'::regclass and i.indisprimary
select format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.attidentity, a.attgenerated from pg_attribute a left join pg_attrdef d on a.attrelid = d.adrelid and a.attnum = d.adnum where a.attrelid = 'chq'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
select nspname from pg_namespace where nspname not in ('pg_toast') and nspname !~ '^pg_' order by 1
select current_setting('server_version_num')::int >= 150000, current_database() is not null, version() like 'PostgreSQL 15%'
select exists (select * from information_schema.tables where table_schema = 'public' and table_name = 'chq')
select table_name from information_schema.tables where table_schema = current_schema() and table_type = 'BASE TABLE' and table_name in ('chq', 'refq') order by 1
select enumlabel from pg_enum order by enumsortorder
select p.proname from pg_proc p where false
select pg_get_serial_sequence('chq', 'id')
select obj_description('chq'::regclass), col_description('chq'::regclass, 1)
show search_path
select name, setting from pg_settings where name = 'standard_conforming_strings'
select count(*) > 0 from pg_type where typtype = 'b'
select attname, atttypid::regtype::text from pg_attribute where attrelid = 'chq'::regclass and attnum > 0 order by attnum
select relname from pg_class where oid = 'public.chq'::regclass
select indexname, indexdef from pg_indexes where tablename = 'chq' order by 1
select tablename, hasindexes from pg_tables where tablename = 'chq'
select conkey[1], array_length(conkey, 1) from pg_constraint where conname = 'refq_chq_id_fkey'
select unnest(conkey) from pg_constraint where conname = 'refq_chq_id_fkey'
select 'integer'::regtype::text, 'int4'::regtype::oid, to_regtype('nope') is null, 23::regtype::text
select oid::regtype::text from pg_type where oid = 'jsonb'::regtype
