-- Up Migration
-- The generic pieces: audit log, intents and outcomes, stop switch, posted messages, seen events.
-- Every *_at and every `at` is epoch milliseconds in UTC.

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: the table only grows', tg_op, tg_table_name
    using errcode = 'P0001', constraint = tg_table_name || '_append_only', table = tg_table_name;
end $$;

-- Makes a table append-only; later migrations call it for their own tables: select make_append_only('vote').
create function make_append_only(name regclass) returns void language plpgsql as $$
begin
  execute format('create trigger append_only_row before update or delete on %s for each row execute function refuse_change()', name);
  execute format('create trigger append_only_truncate before truncate on %s for each statement execute function refuse_change()', name);
end $$;

-- INV-10: only grows, and each row's hash covers the row before it.
create table audit (
  seq bigint generated always as identity primary key,
  at bigint not null,
  actor text not null check (actor <> ''),
  kind text not null check (kind <> ''),
  subject text not null,
  data jsonb not null,
  prev_hash text not null unique,
  hash text not null unique check (hash ~ '^[0-9a-f]{64}$')
);
create index audit_subject on audit (subject, seq);
create index audit_at on audit (at);
select make_append_only('audit');

-- INV-5: a row before every mutation; its outcome after.
create table intent (
  id uuid primary key,
  owner_kind text not null check (owner_kind in ('pass', 'deletion', 'export')),
  owner_id text not null,
  command text not null check (command <> ''),
  params jsonb not null,
  at bigint not null
);
create index intent_owner on intent (owner_kind, owner_id, at);
select make_append_only('intent');

-- At most one `indeterminate` and one settled outcome for each intent: what was unknown may be found out later.
create table outcome (
  seq bigint generated always as identity primary key,
  intent_id uuid not null references intent (id),
  result text not null check (result in ('done', 'refused', 'indeterminate', 'looked_up')),
  data jsonb not null,
  at bigint not null
);
create unique index outcome_indeterminate_once on outcome (intent_id) where result = 'indeterminate';
create unique index outcome_settled_once on outcome (intent_id) where result <> 'indeterminate';
select make_append_only('outcome');

create table stop_switch (
  seq bigint generated always as identity primary key,
  at bigint not null,
  kind text not null check (kind in ('stop', 'resume')),
  by_operator text not null check (by_operator <> ''),
  reason text not null
);
select make_append_only('stop_switch');

-- One row for each Slack message that is updated in place.
create table posted_message (
  key text primary key,
  channel text not null,
  ts text not null,
  digest text not null,
  version bigint not null default 1,
  at bigint not null
);

-- Slack delivers an event again when it does not hear back; a key seen twice is one event.
create table seen_event (
  key text primary key,
  at bigint not null
);
create index seen_event_at on seen_event (at);

-- How often a piece of work was taken over from a process that died (src/engine/reaper.ts).
create table take_over (
  run_id text primary key,
  count integer not null,
  at bigint not null
);
