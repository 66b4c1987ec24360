-- Up Migration
-- Weekly messages to owners of old machines without a template: the rounds, and who was told or wants to hear nothing of it.

create table nudge_round (
  begun_at bigint primary key,
  -- Null: it goes on, or the process died.
  done_at bigint
);

create table nudged (
  -- The CI user.
  person text primary key,
  told_at bigint,
  -- Whether they said that they want no such message any more.
  never boolean not null default false
);
