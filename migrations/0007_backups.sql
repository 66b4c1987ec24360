-- Up Migration
-- Backups: what each project holds, day by day, and what was saved of it. Every *_at and every `at` is epoch milliseconds in UTC.

-- One complete look at the whole fleet a day; a look that failed leaves no row.
create table backup_measurement (
  id uuid primary key,
  day text not null unique check (day ~ '^\d{4}-\d{2}-\d{2}$'),
  at bigint not null unique,
  other_bytes bigint not null check (other_bytes >= 0)
);
select make_append_only('backup_measurement');

-- One row for each kind of each managed project, zeros too: a project without rows did not exist that day.
create table backup_size (
  measurement_id uuid not null references backup_measurement (id),
  project_id text not null,
  slug text not null,
  kind text not null check (kind in ('machine', 'volume', 'snapshot', 'template', 'iso')),
  things integer not null check (things >= 0),
  bytes bigint not null check (bytes >= 0),
  primary key (measurement_id, project_id, kind)
);
select make_append_only('backup_size');

-- One backup of one project.
create table backup_run (
  id uuid primary key,
  project_id text not null,
  slug text not null,
  domain_id uuid not null,
  path text not null,
  policy text not null check (policy in ('everything', 'snapshots', 'templates')),
  state text not null check (state in ('waiting', 'saving', 'complete', 'partial', 'failed')),
  problem text,
  asked_at bigint not null,
  ended_at bigint,
  check ((ended_at is not null) = (state in ('complete', 'partial', 'failed'))),
  check (state <> 'failed' or problem is not null)
);
create unique index backup_run_one_live on backup_run (project_id) where state in ('waiting', 'saving');
create index backup_run_asked on backup_run (project_id, asked_at);
create trigger backup_run_kept before delete on backup_run for each row execute function refuse_change();

-- What a backup consists of: entries of its own, and entries of earlier backups for what cannot have changed since, read back anew.
create table backup_content (
  run_id uuid not null references backup_run (id),
  entry_id uuid not null references archive_entry (id),
  verified_at bigint not null,
  primary key (run_id, entry_id)
);
create index backup_content_entry on backup_content (entry_id);
select make_append_only('backup_content');

alter table archive_entry drop constraint archive_entry_owner_kind_check;
alter table archive_entry add constraint archive_entry_owner_kind_check check (owner_kind in ('deletion', 'export', 'backup'));
