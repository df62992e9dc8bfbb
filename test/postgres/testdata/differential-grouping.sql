-- What may stand beside aggregates.
create table gp (id int primary key, k text, v int, d date)
create table gc (id int primary key, gp_id int, n int)
insert into gp values (1, 'a', 1, '2024-01-01'), (2, 'b', 2, '2024-01-02'), (3, 'a', 3, null)
insert into gc values (1, 1, 5), (2, 1, 6), (3, 2, 7)
select k, v from gp group by k
select k, count(*) from gp group by k order by k
select gp.k, count(*) from gp group by k order by gp.k
select k, count(*) from gp group by gp.k order by 1
select k as kk, count(*) from gp group by kk order by kk
select upper(k), count(*) from gp group by upper(k) order by 1
select upper(k) || 'x', count(*) from gp group by upper(k) order by 1
select upper(k), count(*) from gp group by k order by 1
select lower(k), count(*) from gp group by upper(k)
select id, k, v from gp group by id order by id
select gp.*, count(gc.id) from gp left join gc on gc.gp_id = gp.id group by gp.id order by gp.id
select gp.k, gc.n, count(*) from gp join gc on gc.gp_id = gp.id group by gp.id
select gp.k, sum(gc.n) from gp join gc on gc.gp_id = gp.id group by gp.id order by gp.id
select v, count(*) from gp
select count(*), max(v) from gp
select count(*), v from gp group by 2 order by 2
select count(*) from gp having v > 1
select count(*) from gp having max(v) > 1
select k from gp group by k having max(v) > 1 order by k
select k from gp group by k having v > 1
select k from gp group by k order by v
select k from gp group by k order by max(v), k
select k, sum(v) * 2 + count(*), coalesce(k, 'x') from gp group by k order by k
select k, sum(sum(v)) over (order by k) from gp group by k order by k
select k, rank() over (order by count(*) desc, k) from gp group by k order by k
select k, rank() over (order by v) from gp group by k
select k, (select max(n) from gc) from gp group by k order by k
select (select max(n) from gc where gc.gp_id = gp.id) from gp order by id
select extract(month from d), count(*) from gp group by extract(month from d) order by 1
select extract(month from d) as m, count(*) from gp group by m order by m
select extract(month from d) as m, d from gp group by m
select case when v > 1 then 'big' else 'small' end as size, count(*) from gp group by size order by size
select case when v > 1 then 'big' else 'small' end as size, count(*) from gp group by 1 order by 1
select s.k, s.c from (select k, count(*) as c from gp group by k) s order by 1
select s.k, count(*) from (select k, v from gp) s group by s.k order by 1
select s.k, s.v from (select k, v from gp) s group by s.k
select distinct k, count(*) over () from gp order by k
select k, array_agg(v order by v), string_agg(k, ',') filter (where v > 1) from gp group by k order by k
select * from gp group by id, k, v, d order by id
select * from gp group by k
select a.k, b.k from gp a join gp b on a.id = b.id group by a.k, b.k order by 1
select a.k, b.k from gp a join gp b on a.id = b.id group by a.k
select id, count(*) from gp join gc using (id) group by id order by id
select 1, 'x', count(*) from gp group by k order by 3
select count(*) from gp group by k, v order by v
select exists (select 1 from gc where gc.gp_id = gp.id), count(*) from gp group by id order by id
with x as (select k, v from gp) select k, max(v) from x group by k order by k
select k, v from gp group by k, v order by k, v
select k, percentile_cont(0.5) within group (order by v) from gp group by k order by k
