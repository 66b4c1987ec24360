-- Up Migration
-- Restores: what was asked for, and what each thing came to. Every *_at is epoch milliseconds in UTC.

-- One restore of a project, as it stood at `from_at`, into one domain. Asked for again, it is this same one that goes on.
create table restore (
  id uuid primary key,
  project_id text not null,
  domain_id uuid not null,
  path text not null,
  from_at bigint not null,
  -- Empty: each template goes to the account of the name that its manifest tells.
  account text not null default '',
  begun_at bigint not null,
  ended_at bigint,
  unique (domain_id, project_id, from_at, account)
);
create trigger restore_kept before delete on restore for each row execute function refuse_change();

-- One template of it. The link that CloudStack fetches it by is kept as a hash only, and is good until `link_until`.
create table restore_item (
  id uuid primary key,
  restore_id uuid not null references restore (id),
  entry_id uuid not null references archive_entry (id),
  account text not null check (account <> ''),
  state text not null check (state in ('waiting', 'registering', 'downloading', 'ready', 'failed')),
  template_id uuid unique,
  token_sha256 text,
  link_until bigint,
  problem text,
  updated_at bigint not null,
  unique (restore_id, entry_id),
  check (state not in ('downloading', 'ready') or template_id is not null),
  check (state <> 'failed' or problem is not null),
  check (state in ('registering', 'downloading') or (token_sha256 is null and link_until is null))
);
create index restore_item_restore on restore_item (restore_id);
create index restore_item_entry on restore_item (entry_id);
create trigger restore_item_kept before delete on restore_item for each row execute function refuse_change();

-- No doubles: a template is registered for a thing that has none, and is forgotten only once CloudStack lost it.
create function restore_item_rules() returns trigger language plpgsql as $$
begin
  if new.state = 'registering' and old.state <> 'waiting' then perform refuse('only what waits is registered', 'restore_waiting'); end if;
  if old.template_id is not null and new.template_id is distinct from old.template_id and new.state <> 'waiting' then
    perform refuse('a thing has one template', 'restore_one_template');
  end if;
  if new.state = 'registering' and new.template_id is not null then perform refuse('it is registered already', 'restore_once'); end if;
  if (new.restore_id, new.entry_id) is distinct from (old.restore_id, old.entry_id) then
    perform refuse('what is restored does not change', 'restore_thing');
  end if;
  return new;
end $$;
create trigger restore_item_rules before update on restore_item for each row execute function restore_item_rules();

-- Mutations may belong to a restore; whatever kinds the table knows so far stay.
do $$
declare known text;
begin
  select pg_get_constraintdef(oid) into known from pg_constraint
  where conrelid = 'intent'::regclass and conname = 'intent_owner_kind_check';
  alter table intent drop constraint intent_owner_kind_check;
  execute format('alter table intent add constraint intent_owner_kind_check %s', regexp_replace(known, '^CHECK \((.*)\)$', 'CHECK (\1 or owner_kind = ''restore'')'));
end $$;

-- A copy that a restore waits for stays, for a month at most: a restore that nobody finishes must not keep it for ever.
alter function is_in_use(archive_entry, bigint) rename to is_in_use_elsewhere;
create function is_in_use(e archive_entry, at bigint) returns boolean language sql stable as $$
  select is_in_use_elsewhere(e, at)
    or exists (select 1 from restore_item i join restore r on r.id = i.restore_id
               where i.entry_id = e.id and r.ended_at is null and r.begun_at > at - 30 * 86400000::bigint)
$$;
