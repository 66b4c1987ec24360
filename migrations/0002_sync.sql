-- Up Migration
-- Passes and plans with their inputs, and what is managed. Every *_at is epoch milliseconds in UTC.

-- Content-addressed: equal reads are stored once. `body` is gzip of JSON.
create table snapshot (
  digest text primary key check (digest ~ '^[0-9a-f]{64}$'),
  side text not null check (side in ('desired', 'observed', 'known', 'policy')),
  body bytea not null,
  stored_at bigint not null
);
select make_append_only('snapshot');

create table pass (
  id uuid primary key,
  scope jsonb not null,
  started_by jsonb not null,
  started_at bigint not null,
  ended_at bigint,
  trouble text
);
create index pass_started on pass (started_at);

create table plan (
  id uuid primary key,
  pass_id uuid not null references pass (id),
  digest text not null,
  desired text not null references snapshot (digest),
  observed text not null references snapshot (digest),
  known text not null references snapshot (digest),
  policy text not null references snapshot (digest),
  scope_fingerprint text not null,
  planned_at bigint not null,
  record jsonb not null,
  shown boolean not null default false
);
create index plan_planned on plan (planned_at desc);

create table managed_domain (
  domain_id uuid primary key,
  project_id text not null,
  generation integer not null check (generation >= 1),
  origin text not null check (origin in ('created', 'adopted')),
  recorded_at bigint not null,
  absent_since bigint,
  absent_reads integer not null default 0,
  deleted_at bigint,
  unique (project_id, generation)
);

create table managed_account (
  account_id uuid primary key,
  user_id uuid not null,
  domain_id uuid not null,
  project_id text not null,
  ci_user_id text not null,
  locked_by_us boolean not null default false,
  recorded_at bigint not null
);
create index managed_account_domain on managed_account (domain_id);

-- One row: the sizes of the last complete pass and the confirmed scope.
create table sync_state (
  only_one boolean primary key default true check (only_one),
  projects integer,
  domains integer,
  complete_at bigint,
  pinned_scope text,
  last_shown_digest text
);
insert into sync_state default values;

-- Votes to resume after a stop: the second distinct person's resumes.
create table resume_vote (
  seq bigint generated always as identity primary key,
  stop_at bigint not null,
  operator text not null,
  at bigint not null,
  unique (stop_at, operator)
);
select make_append_only('resume_vote');
