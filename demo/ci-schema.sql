-- The demo's CI database: a team's own tables, and the three views Twokey reads with a role that may only read.
create table project (
  id text primary key,
  slug text,
  name text not null,
  closed_at timestamptz,
  closed_by text,
  limits jsonb
);
create table person (
  id text primary key,
  username text not null unique,
  email text,
  first_name text not null,
  last_name text not null,
  enabled boolean not null default true,
  slack_id text unique
);
create table membership (
  project_id text not null references project (id),
  person_id text not null references person (id),
  role text not null,
  primary key (project_id, person_id)
);
-- While it has rows, the view shows these projects only: what happened in 2017.
create table shown_only (slug text);
create view twokey_projects as
  select id, slug, name, case when closed_at is null then 'active' else 'closed' end as state, closed_at, closed_by, limits from project
  where not exists (select from shown_only) or slug in (select slug from shown_only);
create view twokey_users as
  select id, username, email, first_name, last_name, enabled, slack_id from person;
create view twokey_memberships as
  select project_id, person_id as user_id, role from membership;
grant select on twokey_projects, twokey_users, twokey_memberships to twokey_reader;
