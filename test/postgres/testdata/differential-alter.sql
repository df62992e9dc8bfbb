-- ALTER TABLE and its kin.
create table ap (id int primary key, name varchar(5), age int default 3, price numeric(8,2))
create table ac (id serial primary key, ap_id int references ap (id) on delete cascade, note text)
insert into ap values (1, 'ann', 30, 1.5), (2, 'bob', null, 2)
insert into ac (ap_id, note) values (1, 'x'), (1, 'y'), (2, null)
create view av as select name, age from ap where age > 1
create view av2 as select name from av
create index ap_age on ap (age)
alter table ap alter column name type text
drop view av2
drop view av
alter table ap alter column name type text
alter table ap alter column age set default 7
insert into ap (id, name) values (3, 'a long name')
select * from ap order by id
alter table ap alter column age drop default
insert into ap (id, name) values (4, 'd')
select * from ap order by id
select * from ac order by id
create view av as select name, price from ap
create view av2 as select name from av
select * from av order by 1
delete from ap where id = 1
select * from ac order by id
insert into ac (ap_id) values (99)
insert into ac (id, ap_id) values (50, 2) returning *
alter table ap alter column price type text
drop view av2
alter table ap alter column age type text
alter table ap alter column name type text
drop view av

select age from ap order by id
alter table ap alter column age type int
alter table ap alter column age type int using age::int
select age from ap order by id
alter table ap alter name type varchar(3)
alter table ap alter name type varchar(3) using substr(name, 1, 3)
select name from ap order by id
alter table ap alter column name set not null
insert into ap (id) values (5)
alter table ap alter column age set not null
alter table ap alter column name drop not null
insert into ap (id) values (5)
alter table ap alter column id drop not null
alter table ap alter column nope set default 1
alter table ap alter column nope type int
alter table ap add constraint ap_name_key unique (name)
insert into ap (id, name) values (6, 'bob')
alter table ap drop constraint ap_name_key
insert into ap (id, name) values (6, 'bob')
alter table ap add constraint pos check (age > 0)
alter table ap add check (price > 0)
insert into ap (id, age) values (7, -1)
insert into ap (id, price) values (7, -1)
alter table ap drop constraint pos
alter table ap drop constraint ap_price_check
alter table ap drop constraint pos
alter table ap drop constraint if exists pos
insert into ap (id, age, price) values (7, -1, -1)
alter table ac drop constraint ac_ap_id_fkey
insert into ac (id, ap_id) values (60, 99) returning id
alter table ac add constraint myfk foreign key (ap_id) references ap (id)
delete from ac where ap_id = 99
alter table ac add constraint myfk foreign key (ap_id) references ap (id)
insert into ac (ap_id) values (99)
alter table ac rename constraint myfk to yourfk
alter table ac drop constraint yourfk
alter table ac add foreign key (ap_id) references ap (id)
alter table ac add foreign key (nope) references ap (id)
alter table ac add foreign key (ap_id) references nowhere (id)
alter table ap add column made timestamptz not null default now(), add column tag text unique, alter column price type float8, drop column age
select id, name, price, made is not null as m, tag from ap order by id
alter table ap add column must int not null
alter table ap add column if not exists tag text
alter table ap add column tag text
alter table ap drop column if exists nope
alter table ap drop column nope
alter table ap drop column id
alter table ap drop column tag
create view av as select id, name from ap
alter table ap drop column name
select * from av order by 1
alter table ac drop column ap_id
select * from ac order by id
alter table ac rename column note to notes
alter table ac rename column nope to x
alter table ac rename column id to notes
alter table ap rename to ap2
select count(*) from ap2
alter view av rename to avx
alter index ap_age rename to ap_age2
drop index ap_age2
create table multi (a int, b int, c text, unique (a, b), check (a > b))
insert into multi values (2, 1, 'x')
insert into multi values (1, 2, 'x')
alter table multi drop constraint multi_check
insert into multi values (1, 2, 'x')
alter table multi drop constraint multi_a_b_key
insert into multi values (1, 2, 'x')
alter table multi add primary key (a, b)
delete from multi where a = 1
alter table multi add primary key (a, b)
insert into multi values (null, 1)
alter table multi drop column b
insert into multi values (2)
select * from multi
create table selfref (id int primary key, parent int references selfref (id))
insert into selfref values (1, null), (2, 1)
alter table selfref add column name text default 'n', alter column parent set default 1
insert into selfref (id) values (3)
select * from selfref order by id
delete from selfref where id = 1
create table s1 (id serial primary key, v text)
insert into s1 (v) values ('a')
alter table s1 alter column id type bigint
insert into s1 (v) values ('b') returning id
insert into s1 values (3000000000, 'c')
alter table s1 alter column v type int using length(v)
select * from s1 order by id
create table noid (v text)
insert into noid values ('x'), ('y')
alter table noid add column id serial primary key
select count(*), min(id), max(id) from noid
insert into noid (v) values ('z') returning id
alter table noid alter column v type jsonb using to_jsonb(v)
select v from noid order by id
alter table noid add constraint noid_v check (v is not null), add column w int default 1 + 1
insert into noid (v) values (null)
select w from noid order by id
create table conv (a text, b text, c int, d float8, e timestamp)
insert into conv values ('5', '2024-05-06', 7, 2.5, '2024-01-01 10:00')
alter table conv alter a type int using a::int, alter b type date using b::date, alter c type numeric(6,2), alter d type int, alter e type date
select * from conv
alter table conv alter c type bool using c > 0
select c from conv
alter table conv alter c set default 'maybe'
alter table conv alter c set default 'yes'
insert into conv (a) values (1) returning c
alter table nope add column x int
alter table if exists nope add column x int
alter table ap2 rename to multi
alter table conv rename constraint nope to x
alter sequence s1_id_seq restart with 50
create sequence sq1
alter sequence sq1 restart with 10 increment by 5
select nextval('sq1')
select nextval('sq1')
alter sequence sq1 rename to sq2
select nextval('sq2')
drop table ap2 cascade
create table q1 (id int primary key, constraint q1_u unique (nope))
create index on multi (nope)
create table ta (id int primary key, v int)
create table tb (id int primary key, a int not null references ta on delete cascade)
create table tc (id int primary key, b int references tb on delete restrict, a int references ta)
insert into ta values (1, 1), (2, 2)
insert into tb values (10, 1), (20, 2)
insert into tc values (100, 10, 1), (200, 20, null)
create index tc_b on tc (b)
alter table ta alter column v type text, add column w int default 5
select * from ta order by id
select * from tb order by id
select * from tc order by id
delete from ta where id = 1
delete from tc where id = 100
delete from ta where id = 1
select * from tb order by id
insert into tb values (30, 3)
insert into tc values (300, 40, null)
