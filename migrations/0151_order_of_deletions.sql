-- Up Migration
-- A domain's last deletion was told by the time at which it was opened: one that a clock opened which was ahead stayed the last one, whatever
-- people said of the next. Deletions have the order in which they were opened.

alter table deletion add column seq bigint;
alter table deletion disable trigger user;
update deletion d set seq = numbered.seq
from (select id, row_number() over (order by (select min(e.seq) from deletion_event e where e.deletion_id = deletion.id) nulls first, opened_at, id) as seq
      from deletion) numbered
where numbered.id = d.id;
alter table deletion enable trigger user;
alter table deletion alter column seq set not null, alter column seq add generated always as identity;
select setval(pg_get_serial_sequence('deletion', 'seq'), greatest(1, (select count(*) from deletion)), exists (select from deletion));
create unique index deletion_seq on deletion (seq);
create index deletion_of_domain on deletion (domain_id, seq);
