-- A CI database that Twokey can read: a team's own tables, the three views, and a role that may only read.
do $$ begin create role twokey_reader login; exception when duplicate_object or unique_violation then null; end $$;
create table person (
  id text primary key,
  username text not null unique,
  email text,
  first_name text not null,
  last_name text not null,
  enabled boolean not null default true,
  slack_id text unique
);
-- closed_by is an id of person, and the person's row stays: Twokey lets nobody approve a deletion while it names nobody. Who leaves is disabled.
create table project (
  id text primary key,
  slug text,
  name text not null,
  closed_at timestamptz,
  closed_by text references person (id),
  limits jsonb
);
create table membership (
  project_id text not null references project (id),
  person_id text not null references person (id),
  role text not null,
  primary key (project_id, person_id)
);
create view twokey_projects as
  select id, slug, name, case when closed_at is null then 'active' else 'closed' end as state, closed_at, closed_by, limits from project;
create view twokey_users as
  select id, username, email, first_name, last_name, enabled, slack_id from person;
create view twokey_memberships as
  select project_id, person_id as user_id, role from membership;
grant select on twokey_projects, twokey_users, twokey_memberships to twokey_reader;
