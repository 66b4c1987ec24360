-- Up Migration
-- As in 0068, but each approved table is unpacked, and its quorum counted, once for a statement and not once for each of its rows: the
-- deciding vote on 2,500 domains took longer than a statement may. A null adoption is in no table, so `except` leaves it over.

-- What two people approved, by the tables that rows name.
create function adopted_domains(asked uuid[]) returns table (adoption uuid, domain_id uuid, project_id text) language sql stable as $$
  select t.id, (d ->> 'domainId')::uuid, d ->> 'projectId'
  from unnest(asked) t (id), jsonb_array_elements(agreed_adoption(t.id, 'adopt') -> 'domains') d
$$;
create function adopted_accounts(asked uuid[])
returns table (adoption uuid, domain_id uuid, project_id text, account_id uuid, user_id uuid, ci_user_id text) language sql stable as $$
  select t.id, (d ->> 'domainId')::uuid, d ->> 'projectId', (a ->> 'accountId')::uuid, (a ->> 'userId')::uuid, a ->> 'ciUserId'
  from unnest(asked) t (id), jsonb_array_elements(agreed_adoption(t.id, 'adopt') -> 'domains') d, jsonb_array_elements(d -> 'accounts') a
$$;

create or replace function managed_domain_adopted() returns trigger language plpgsql as $$
declare asked uuid[] := array(select distinct d.adoption from recorded d where d.origin = 'adopted' and d.deleted_at is null);
begin
  if exists (
    select d.adoption, d.domain_id, d.project_id from recorded d where d.origin = 'adopted' and d.deleted_at is null
    except select * from adopted_domains(asked)
  ) then perform refuse('a domain is adopted by a table that two distinct people approved', 'managed_domain_adopted'); end if;
  return null;
end $$;

create or replace function managed_domain_changed() returns trigger language plpgsql as $$
declare
  asked uuid[] := array(select distinct d.adoption from recorded d where d.origin = 'adopted' and d.deleted_at is null);
  given uuid[] := array(select distinct d.given_back from recorded d where d.given_back is not null);
begin
  if exists (
    select d.adoption, d.domain_id, d.project_id from recorded d join earlier b using (domain_id)
    where d.origin = 'adopted' and d.deleted_at is null
      and (b.deleted_at is not null or (b.origin, b.project_id, b.adoption) is distinct from (d.origin, d.project_id, d.adoption))
    except select * from adopted_domains(asked)
  ) then perform refuse('a domain is adopted by a table that two distinct people approved', 'managed_domain_adopted'); end if;
  if exists (
    select d.given_back, d.domain_id from recorded d join earlier b using (domain_id)
    where d.given_back is not null and d.given_back is distinct from b.given_back
    except
    select t.id, (g ->> 'domainId')::uuid
    from unnest(given) t (id), jsonb_array_elements(agreed_adoption(t.id, 'give_back') -> 'domains') g
  ) then perform refuse('a domain is given back by a table that two distinct people approved', 'managed_domain_given_back'); end if;
  if exists (
    select from recorded d join earlier b using (domain_id) join deletion x on x.domain_id = d.domain_id
    where d.given_back is not null and b.given_back is null and x.phase not in ('deleted', 'closed')
  ) then perform refuse('a domain under deletion is not given back', 'managed_domain_under_deletion'); end if;
  return null;
end $$;

create or replace function managed_account_adopted() returns trigger language plpgsql as $$
declare asked uuid[] := array(select distinct r.adoption from recorded r where r.adoption is not null);
begin
  if exists (
    select r.adoption, r.domain_id, r.project_id, r.account_id, r.user_id, r.ci_user_id from recorded r where r.adoption is not null
    except select * from adopted_accounts(asked)
  ) then perform refuse('an account is adopted by a table that two distinct people approved', 'managed_account_adopted'); end if;
  return null;
end $$;
