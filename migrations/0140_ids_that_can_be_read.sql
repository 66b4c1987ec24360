-- Up Migration
-- An id of the CI database that no row of ours could be read with again was stored once: every pass failed from then on. What is written is
-- refused by the very rule by which it is read (src/core/ids.ts). Triggers instead of checks: a check that is not valid is still made at
-- each update of a row that was there before, and would stop every pass by it; such a row stays as it is, and can be read.

create function is_project_id(id text) returns boolean language sql immutable as $$
  select char_length(id) between 1 and 200
$$;
create function is_ci_user_id(id text) returns boolean language sql immutable as $$
  select char_length(id) between 1 and 200 and id !~ '[\n\r\u2028\u2029]'
$$;
create function is_operator_id(id text) returns boolean language sql immutable as $$
  select id ~ '^(?:ci|slack|terminal):[^\n\r\u2028\u2029]+$'
$$;

create function managed_domain_ids() returns trigger language plpgsql as $$
begin
  if not is_project_id(new.project_id) then perform refuse('a project''s id has 1 to 200 characters', 'managed_domain_project_id'); end if;
  return new;
end $$;
create trigger managed_domain_ids before insert or update of project_id on managed_domain
  for each row execute function managed_domain_ids();

create function managed_account_ids() returns trigger language plpgsql as $$
begin
  if not is_project_id(new.project_id) then perform refuse('a project''s id has 1 to 200 characters', 'managed_account_project_id'); end if;
  if not is_ci_user_id(new.ci_user_id) then perform refuse('a user''s id has 1 to 200 characters in one line', 'managed_account_ci_user_id'); end if;
  return new;
end $$;
create trigger managed_account_ids before insert or update of project_id, ci_user_id on managed_account
  for each row execute function managed_account_ids();

-- What people are asked never changes (`deletion_rules`), so this is looked at once. Its project is that of a managed domain.
create function deletion_ids() returns trigger language plpgsql as $$
declare
  closed_at constant jsonb := new.evidence -> 'closedAt';
begin
  if not coalesce(is_ci_user_id(new.evidence ->> 'closedBy'), true) then
    perform refuse('who closed a project is a user''s id of 1 to 200 characters in one line', 'deletion_closed_by');
  end if;
  if jsonb_typeof(closed_at) not in ('null', 'number')
     or (jsonb_typeof(closed_at) = 'number' and (closed_at::numeric % 1 <> 0 or abs(closed_at::numeric) > 8640000000000000)) then
    perform refuse('the time at which a project was closed is a point in time', 'deletion_closed_at');
  end if;
  if exists (select from unnest(new.requesters) one where not is_operator_id(one)) then
    perform refuse('who asked is named as a person', 'deletion_requesters');
  end if;
  return new;
end $$;
create trigger deletion_ids before insert on deletion for each row execute function deletion_ids();
