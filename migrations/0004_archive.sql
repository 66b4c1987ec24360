-- Up Migration
-- Waivers: two distinct people give up, by name, one thing that could not be saved. And INV-8 at the third wall.

create table waiver (
  entry_id uuid not null references archive_entry (id),
  deletion_id uuid not null references deletion (id),
  voter text not null check (voter <> ''),
  voter_name text not null,
  item_name text not null,
  digest text not null,
  problem text not null,
  at bigint not null,
  primary key (entry_id, voter)
);
create index waiver_deletion on waiver (deletion_id);
select make_append_only('waiver');

create function waiver_rules() returns trigger language plpgsql as $$
declare
  d deletion;
  e archive_entry;
begin
  select * into d from deletion where id = new.deletion_id for update;
  select * into e from archive_entry where id = new.entry_id;
  if e.owner_kind <> 'deletion' or e.owner_id <> new.deletion_id then perform refuse('the entry is of another deletion', 'waiver_entry'); end if;
  if d.phase <> 'proposed' then perform refuse('a thing can be waived while a deletion is proposed, and at no other time', 'waiver_phase'); end if;
  if new.voter = any (d.requesters) then perform refuse('who asked for a deletion may not waive for it', 'waiver_requester'); end if;
  if new.digest is distinct from d.digest then perform refuse('the waiver is for another digest', 'waiver_digest'); end if;
  if new.at < d.proposed_at or new.at >= d.expires_at then perform refuse('the waiver came before the question or after the expiry', 'waiver_time'); end if;
  if e.state <> 'failed' then perform refuse('only what could not be saved can be waived', 'waiver_state'); end if;
  if new.item_name <> e.name then perform refuse('a thing is waived by its name', 'waiver_name'); end if;
  return new;
end $$;
create trigger waiver_rules before insert on waiver for each row execute function waiver_rules();

create function is_waived(entry uuid) returns boolean language sql stable as $$
  select count(distinct w.voter) >= 2 from waiver w join deletion d on d.id = w.deletion_id
  where w.entry_id = entry and w.digest = d.digest and not (w.voter = any (d.requesters))
$$;

-- INV-8: nobody approves while something that was shown, and is to be saved, is neither verified nor waived.
create function vote_archive_rules() returns trigger language plpgsql as $$
declare kinds jsonb;
begin
  select coalesce(policy -> 'archiveKinds', '["template", "iso"]') || '["template"]' into kinds from deletion where id = new.deletion_id;
  if new.verdict = 'approve' and exists (
    select 1 from approved_inventory a cross join lateral jsonb_array_elements(a.body -> 'items') item
    where a.deletion_id = new.deletion_id and kinds ? (item ->> 'kind') and not exists (
      select 1 from archive_entry e where e.owner_kind = 'deletion' and e.owner_id = new.deletion_id
        and e.item_id = item ->> 'id' and (e.state = 'verified' or is_waived(e.id)))
  ) then perform refuse('something that dies is neither saved nor waived', 'vote_archive'); end if;
  return new;
end $$;
create trigger vote_archive_rules before insert on vote for each row execute function vote_archive_rules();

-- Kept copies: removal is begun here, then the bytes go, then it is done.
alter table archive_entry add column removal_begun_at bigint, add column removed_at bigint,
  add check (removed_at is null or removal_begun_at is not null);
create index archive_entry_item on archive_entry (item_kind, item_id) where state = 'verified' and removal_begun_at is null;

-- Whether somebody counts on a copy: its deletion is under way, or a link to it is good.
create function is_in_use(e archive_entry, at bigint) returns boolean language sql stable as $$
  select exists (select 1 from deletion d where e.owner_kind = 'deletion' and d.id = e.owner_id and d.phase not in ('deleted', 'closed'))
    or exists (select 1 from export x where e.owner_kind = 'export' and x.id = e.owner_id
                 and (x.state in ('waiting', 'saving') or x.link_until > at))
$$;

create function archive_entry_rules() returns trigger language plpgsql as $$
begin
  if old.state = 'verified' and (new.state, new.store_key, new.sha256, new.bytes, new.manifest)
       is distinct from (old.state, old.store_key, old.sha256, old.bytes, old.manifest) then
    perform refuse('what was verified does not change', 'archive_verified');
  end if;
  if old.removal_begun_at is not null and new.removal_begun_at is distinct from old.removal_begun_at then
    perform refuse('a removal that has begun does not change', 'archive_removal');
  end if;
  if old.removal_begun_at is null and new.removal_begun_at is not null then
    perform pg_advisory_xact_lock(hashtextextended('twokey.archive.prune', 0));
    if is_in_use(old, new.removal_begun_at) then perform refuse('somebody counts on this copy', 'archive_in_use'); end if;
    if not exists (select 1 from archive_entry o where o.item_kind = old.item_kind and o.item_id = old.item_id and o.id <> old.id
                     and o.state = 'verified' and o.removal_begun_at is null and o.updated_at >= old.updated_at) then
      perform refuse('the last copy of a thing is never removed', 'archive_last_copy');
    end if;
  end if;
  return new;
end $$;
create trigger archive_entry_rules before update on archive_entry for each row execute function archive_entry_rules();
create trigger archive_entry_kept before delete on archive_entry for each row execute function refuse_change();
