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
