-- Up Migration
-- As for deletions: the newest change of a setting, which says whether people are asked about the scope again, is told by the order of changes.

alter table policy_change add column seq bigint;
alter table policy_change disable trigger user;
update policy_change c set seq = numbered.seq
from (select id, row_number() over (order by proposed_at, id) as seq from policy_change) numbered
where numbered.id = c.id;
alter table policy_change enable trigger user;
alter table policy_change alter column seq set not null, alter column seq add generated always as identity;
select setval(pg_get_serial_sequence('policy_change', 'seq'), greatest(1, (select count(*) from policy_change)), exists (select from policy_change));
create unique index policy_change_seq on policy_change (seq);
