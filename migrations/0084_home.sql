-- Up Migration
-- Who opened the Home tab, and what it shows them: it is published again when that changes, also by another replica.

create table home_viewer (
  slack_user text primary key,
  -- Who they were when they opened it: the person, their Slack account, their id in the CI database.
  operator text not null,
  name text not null,
  account text,
  ci_user text,
  is_team boolean not null,
  page integer not null default 1 check (page >= 1),
  opened_at bigint not null,
  -- What was shown: a mark of all that Home is made of, and the digest of the view. Null: nothing was published yet.
  stamp text,
  digest text,
  published_at bigint
);
create index home_viewer_opened on home_viewer (opened_at);
