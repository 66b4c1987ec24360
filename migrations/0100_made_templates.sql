-- Up Migration
-- Templates that owners had the bot make of their machines: a snapshot of the root disk, then a template of it. Nothing of it is deleted.

create table made_template (
  id uuid primary key,
  machine_id uuid not null,
  machine_name text not null,
  project_id text not null,
  slug text not null,
  domain_id uuid not null,
  account_id uuid not null,
  -- The CI user, the operator, and the channel of the direct messages with them.
  ci_user text not null,
  asked_by text not null,
  channel text not null,
  asked_at bigint not null,
  state text not null default 'asked' check (state in ('asked', 'snapshot', 'template', 'made', 'failed')),
  -- The name by which both are found again; the snapshot may be one of an earlier try, under that one's name.
  name text not null,
  snapshot_id uuid,
  snapshot_name text not null,
  template_id uuid,
  problem text,
  ended_at bigint,
  -- Whether who asked knows how it ended.
  told boolean not null default false,
  check ((state in ('made', 'failed')) = (ended_at is not null)),
  check (state <> 'made' or (snapshot_id is not null and template_id is not null))
);
create index made_template_machine on made_template (machine_id, asked_at);
create index made_template_open on made_template (asked_at) where not told;
-- Two clicks make one.
create unique index made_template_live on made_template (machine_id) where state in ('asked', 'snapshot', 'template');

-- Calls may belong to one; whatever kinds the table knows so far stay.
do $$
declare known text;
begin
  select pg_get_constraintdef(oid) into known from pg_constraint
  where conrelid = 'intent'::regclass and conname = 'intent_owner_kind_check';
  alter table intent drop constraint intent_owner_kind_check;
  execute format('alter table intent add constraint intent_owner_kind_check %s', regexp_replace(known, '^CHECK \((.*)\)$', 'CHECK (\1 or owner_kind = ''template'')'));
end $$;
