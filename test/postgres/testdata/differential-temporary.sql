-- Temporary tables: what they do for their session.
create table tpeople (id int primary key, name text)
insert into tpeople values (1,'ann'),(2,'bob')
create temp table pets (id serial primary key, owner int, name varchar(20) not null, price numeric(8,2) default 5, unique (owner, name))
insert into pets (owner, name) values (1, 'rex'), (2, 'tom') returning *
select * from pets order by id
select pets.name, tpeople.name from pets join tpeople on tpeople.id = pets.owner order by pets.id
update pets set name = 'max' where pets.id = 1 returning pets.id, name
delete from pets where pets.owner = 2 returning pets.*
insert into pets (owner, name) values (1, 'max')
insert into pets (owner, name) values (1, null)
insert into pets (owner, name) values (1, 'a name that is much too long for it')
insert into pets as p (owner, name) values (1, 'max') on conflict (owner, name) do update set price = excluded.price + p.price returning *
create index pets_name on pets (name)
drop index pets_name
create temp table tpeople (x int)
select * from tpeople
select * from public.tpeople order by id
select * from pg_temp.tpeople
insert into tpeople values (5)
drop table tpeople
select * from tpeople order by id
create temp table big as select id, name from tpeople
select * from big order by id
select * into temp big2 from tpeople where id = 2
select * from big2
select id into temporary table big3 from tpeople
begin
create temp table gone (id int) on commit drop
insert into gone values (1)
select * from gone
commit
select * from gone
create temp table empties (id int) on commit delete rows
insert into empties values (1)
select * from empties
begin
insert into empties values (1)
select * from empties
commit
select * from empties
begin
create temp table rolled (id int)
rollback
select * from rolled
create temp table if not exists pets (id int)
create temp table pets (id int)
create table public.pets (id int)
select count(*) from public.pets
drop table public.pets
create temp table child (id int references pets (id))
create temp table child2 (id int references tpeople (id))
alter table pets add column color text default 'red'
select * from pets
alter table pets rename to animals
select * from animals
alter table animals rename column color to colour
select colour from animals
truncate animals restart identity
select relpersistence, relname from pg_class where relname in ('animals', 'tpeople') order by 2
create view v as select * from animals
create temp view v2 as select id from tpeople
select * from v2
drop view v2
create table nottemp (id int) on commit drop
create unlogged table ul (id int)
drop table animals
drop table animals cascade
drop table tpeople
create temp table tt1 (a int primary key)
create temp table tt2 (a int references tt1)
insert into tt2 values (1)
insert into tt1 values (1)
insert into tt2 values (1)
discard temp
select * from tt2
drop table tpeople
