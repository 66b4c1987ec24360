-- Up Migration
-- Whom of a project's members a deletion told what, so that everybody is told once, over restarts and all replicas, and who was not is known.

create table member_told (
  deletion_id uuid not null,
  -- What was told: that it is proposed, approved, in quarantine, soon to end, ended.
  stage text not null check (stage in ('asked', 'approved', 'quarantine', 'last_call', 'ended')),
  -- The CI user; empty: why nobody is named at all.
  member text not null,
  -- Why they were not told; null: they were. Epoch milliseconds in UTC.
  problem text,
  at bigint not null,
  primary key (deletion_id, stage, member)
);

-- That a stage's telling is over: everybody was told, or is given up. `is_shown`: the card says so.
create table member_telling (
  deletion_id uuid not null,
  stage text not null check (stage in ('asked', 'approved', 'quarantine', 'last_call', 'ended')),
  done_at bigint not null,
  is_shown boolean not null default false,
  primary key (deletion_id, stage)
);
