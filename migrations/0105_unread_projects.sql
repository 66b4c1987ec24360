-- Up Migration
-- Projects that a quick pass was to look at and could not read. They are tried again, less and less often, until one is read or a pass over
-- everything was complete.

create table unread_project (
  project_id text primary key,
  -- How often it was tried.
  tries integer not null check (tries > 0),
  -- Not before this. Epoch milliseconds in UTC.
  next_at bigint not null
);
