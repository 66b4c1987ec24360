-- Up Migration
-- When each schedule fired last, by this server's clock, and which process still runs it (src/engine/schedules.ts).
create table schedule_firing (
  name text primary key,
  at bigint not null,
  -- The executor id; null: the run has ended.
  run_by text,
  -- How often this firing was begun: again after the death of its process, or without a database.
  tries integer not null
);
