-- Up Migration
-- How far the quick passes have followed each side's own marks of what changed. Hints only: a pass over everything needs none of it.

create table change_mark (
  side text primary key check (side in ('ci', 'cloudstack')),
  -- Up to when it was followed, by the clock of that side. Epoch milliseconds in UTC.
  at bigint not null,
  -- When each project that was looked at lately was changed, so that nothing is looked at twice: {"<project>": <epoch milliseconds>}.
  seen jsonb not null check (jsonb_typeof(seen) = 'object')
);

-- How many changes quick passes have made since the last pass over everything.
alter table sync_state add column quick_changes integer not null default 0 check (quick_changes >= 0);
