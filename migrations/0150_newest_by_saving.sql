-- Up Migration
-- Which copy of a thing is the newest was told by when an entry was touched last, and an older copy that somebody shared looked newer than the
-- newest. Copies are ordered by when their bytes were saved: by a number that PostgreSQL gives, since clocks may jump.

alter table archive_entry add column saved_seq bigint;
update archive_entry e set saved_seq = saved.seq
from (
  select store_key, row_number() over (order by min(coalesce((manifest ->> 'savedAt')::bigint, updated_at)), store_key) as seq
  from archive_entry where store_key is not null group by store_key
) saved
where e.store_key = saved.store_key;
create index archive_entry_saved on archive_entry (saved_seq);
create index archive_entry_item_saved on archive_entry (item_id, saved_seq);

create or replace function archive_entry_rules() returns trigger language plpgsql as $$
begin
  -- What was verified stays as it is; it may only be taken back, with the reason: then its bytes count as saved no longer.
  if old.state = 'verified' and (new.state, new.store_key, new.sha256, new.bytes, new.manifest)
       is distinct from (old.state, old.store_key, old.sha256, old.bytes, old.manifest)
     and not (new.state = 'failed' and coalesce(new.problem, '') <> '' and old.removal_begun_at is null
       and (new.store_key, new.sha256, new.bytes, new.manifest) is not distinct from (old.store_key, old.sha256, old.bytes, old.manifest)) then
    perform refuse('what was verified does not change', 'archive_verified');
  end if;
  new.saved_seq := old.saved_seq;
  -- An object whose removal has begun becomes nobody's copy.
  if old.state <> 'verified' and new.state = 'verified' then
    perform pg_advisory_xact_lock(hashtextextended('twokey.archive.prune', 0));
    if exists (select from archive_entry o where o.store_key = new.store_key and o.id <> new.id and o.removal_begun_at is not null) then
      perform refuse('the removal of this copy has begun', 'archive_reuse');
    end if;
    -- Shared bytes are as old as they were; only bytes that nobody has yet are newer than all others.
    select o.saved_seq into new.saved_seq from archive_entry o
      where o.store_key = new.store_key and o.sha256 = new.sha256 and o.id <> new.id and o.state = 'verified' limit 1;
    if new.saved_seq is null then new.saved_seq := 1 + coalesce((select max(o.saved_seq) from archive_entry o), 0); end if;
  end if;
  if old.removal_begun_at is not null and new.removal_begun_at is distinct from old.removal_begun_at then
    perform refuse('a removal that has begun does not change', 'archive_removal');
  end if;
  if old.removal_begun_at is null and new.removal_begun_at is not null then
    perform pg_advisory_xact_lock(hashtextextended('twokey.archive.prune', 0));
    if is_in_use(old, new.removal_begun_at) then perform refuse('somebody counts on this copy', 'archive_in_use'); end if;
    if not exists (select 1 from archive_entry o where o.item_kind = old.item_kind and o.item_id = old.item_id
                     and o.store_key is distinct from old.store_key
                     and o.state = 'verified' and o.removal_begun_at is null
                     -- Its bytes are newer: that somebody used it later says nothing.
                     and o.saved_seq > old.saved_seq
                     -- Read whole within a day: a row alone says nothing of what the archive has.
                     and o.read_whole_at >= new.removal_begun_at - 86400000) then
      perform refuse('the last copy of a thing is never removed', 'archive_last_copy');
    end if;
  end if;
  return new;
end $$;
