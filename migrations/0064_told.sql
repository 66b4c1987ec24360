-- Up Migration
-- What plans' messages tell, so that nothing is told twice: by what it is, by ids, and never by the words that say it.

create table matter (
  -- The kind and the ids of what is so; the same as long as it is so, whoever sees it and however it is worded.
  key text primary key,
  kind text not null check (kind in ('hold', 'project_hold', 'row', 'drift', 'not_asked', 'proposal', 'undone', 'reported')),
  -- Whose plan it holds: `fleet`, or a project's id; null: its ids say enough.
  scope text,
  -- The plan whose message tells it now.
  plan uuid not null,
  -- Since when, and how many passes found it. Epoch milliseconds in UTC.
  since bigint not null,
  tries integer not null check (tries > 0),
  -- Null: it is so.
  ended_at bigint,
  -- The plan whose message said that it ended; an end is said once.
  over_plan uuid
);
create index matter_present on matter (key) where ended_at is null;

-- The last shown plan whose matters are recorded; another one was shown by an earlier version.
alter table sync_state add column told_plan uuid;
