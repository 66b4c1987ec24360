-- Up Migration
-- Adoption: domains and accounts that were there before Twokey are managed once two people agreed on the table that says which. They are given
-- back in the same way. Restrictive changes of an adopted domain wait until two people released its first plan. Every *_at is epoch
-- milliseconds in UTC.

-- One table that was put to people. `body` is what they were shown; `digest` is of it.
create table adoption (
  id uuid primary key,
  kind text not null check (kind in ('adopt', 'give_back', 'release')),
  body jsonb not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  -- Who asked, by every name known of them; `terminal:<login>` is a person, too.
  requesters text[] not null check (cardinality(requesters) > 0),
  asked_as text[],
  proposed_by_name text not null,
  quorum integer not null check (quorum >= 2),
  proposed_at bigint not null,
  expires_at bigint not null check (expires_at > proposed_at),
  state text not null default 'proposed' check (state in ('proposed', 'applied', 'rejected', 'expired', 'superseded', 'moved')),
  ended_at bigint,
  ended_by text,
  ended_reason text,
  check ((ended_at is null) = (state = 'proposed'))
);
create unique index adoption_one_live on adoption (kind) where state = 'proposed';

-- Where a domain is, as the last complete read had it; null: below the managed root, by its project's slug.
alter table managed_domain add column path text,
  -- The table by which it was adopted, and the one by which it was given back; `deleted_at` says since when it is not managed.
  add column adoption uuid references adoption (id),
  add column given_back uuid references adoption (id) check (given_back is null or deleted_at is not null),
  -- Its restrictive changes wait until two people released them, or a complete plan has none.
  add column first_plan boolean not null default false;
alter table managed_account add column adoption uuid references adoption (id);

alter table ballot drop constraint ballot_kind_check;
alter table ballot add constraint ballot_kind_check check (kind in ('deletion', 'waiver', 'policy', 'resume', 'go_on', 'adoption'));

-- As in 0060, and adoptions.
create or replace function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select row(q.open, q.requesters || coalesce(case asked_kind
        when 'deletion' then (select d.asked_as from deletion d where d.id = asked::uuid)
        when 'waiver' then (select d.asked_as from archive_entry e join deletion d on d.id = e.owner_id where e.id = asked::uuid)
      end, '{}'), q.digest, q.opened_at, q.expires_at, q.quorum, q.rejected)::ballot_question
    from question_of_other_kinds(asked_kind, asked) q where asked_kind not in ('go_on', 'adoption')
  union all
  select row(d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
        and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id),
      d.requesters || coalesce(d.asked_as, '{}')
        || array(select 'ci:' || n.closed_by from go_on n where n.deletion_id = d.id and n.closed_by is not null),
      g.digest, g.opened_at, g.expires_at, greatest(d.quorum, 2), false)::ballot_question
    from go_on g join deletion d on d.id = g.deletion_id where g.id = case asked_kind when 'go_on' then asked::uuid end
  union all
  select row(a.state = 'proposed', a.requesters || coalesce(a.asked_as, '{}'), a.digest, a.proposed_at, a.expires_at, greatest(a.quorum, 2),
      exists (select from ballot b where b.kind = 'adoption' and b.question = asked and b.verdict = 'reject'))::ballot_question
    from adoption a where a.id = case asked_kind when 'adoption' then asked::uuid end
$$;

-- INV-2: a vote locks its table, and nobody votes at a terminal. The name sorts before ballot_rules, which reads the question.
create function ballot_adoption_rules() returns trigger language plpgsql as $$
begin
  if new.kind <> 'adoption' then return new; end if;
  perform from adoption where id = new.question::uuid for update;
  if new.voter like 'terminal:%' then perform refuse('a terminal does not know who types', 'ballot_terminal'); end if;
  return new;
end $$;
create trigger ballot_adoption_rules before insert on ballot for each row execute function ballot_adoption_rules();

create function adoption_birth() returns trigger language plpgsql as $$
begin
  new.asked_as := identities_of(new.requesters);
  if new.state <> 'proposed' then perform refuse('an adoption begins as a proposal', 'adoption_birth'); end if;
  if new.quorum < coalesce((select (body ->> 'quorum')::integer from policy_version order by version desc limit 1), 0) then
    perform refuse('an adoption takes the quorum in force', 'adoption_policy_quorum');
  end if;
  return new;
end $$;
create trigger adoption_birth before insert on adoption for each row execute function adoption_birth();

create function adoption_rules() returns trigger language plpgsql as $$
begin
  if (new.id, new.kind, new.body, new.digest, new.requesters, new.asked_as, new.proposed_by_name, new.quorum, new.proposed_at, new.expires_at)
     is distinct from
     (old.id, old.kind, old.body, old.digest, old.requesters, old.asked_as, old.proposed_by_name, old.quorum, old.proposed_at, old.expires_at) then
    perform refuse('what people were asked does not change', 'adoption_frozen_question');
  end if;
  if old.state <> 'proposed' then perform refuse('a table that was decided stays decided', 'adoption_ended'); end if;
  if new.state = 'applied' and not has_quorum('adoption', new.id::text) then
    perform refuse('two distinct people must have approved exactly this table', 'adoption_quorum');
  end if;
  return new;
end $$;
create trigger adoption_rules before update on adoption for each row execute function adoption_rules();
create trigger adoption_kept before delete on adoption for each row execute function refuse_change();
create trigger adoption_kept_truncate before truncate on adoption for each statement execute function refuse_change();

-- INV-2: the live table of this kind that two distinct people approved; null: there is none.
create function agreed_adoption(asked uuid, how text) returns jsonb language sql stable as $$
  select a.body from adoption a where a.id = asked and a.kind = how and a.state = 'proposed' and has_quorum('adoption', a.id::text)
$$;

-- INV-2: nothing is recorded as adopted, and nothing given back, but what stands in a table that two people approved.
create function managed_domain_adopted() returns trigger language plpgsql as $$
begin
  if exists (
    select from recorded d where d.origin = 'adopted' and d.deleted_at is null and not exists (
      select from managed_domain_agreed(d.adoption) a where a.domain = d.domain_id::text and a.project = d.project_id)
  ) then perform refuse('a domain is adopted by a table that two distinct people approved', 'managed_domain_adopted'); end if;
  return null;
end $$;
create function managed_domain_agreed(asked uuid) returns table (domain text, project text) language sql stable as $$
  select d ->> 'domainId', d ->> 'projectId' from jsonb_array_elements(agreed_adoption(asked, 'adopt') -> 'domains') d
$$;
create trigger managed_domain_adopted after insert on managed_domain referencing new table as recorded
  for each statement execute function managed_domain_adopted();

create function managed_domain_changed() returns trigger language plpgsql as $$
begin
  if exists (
    select from recorded d join earlier b using (domain_id)
    where d.origin = 'adopted' and d.deleted_at is null
      and (b.deleted_at is not null or (b.origin, b.project_id, b.adoption) is distinct from (d.origin, d.project_id, d.adoption))
      and not exists (select from managed_domain_agreed(d.adoption) a where a.domain = d.domain_id::text and a.project = d.project_id)
  ) then perform refuse('a domain is adopted by a table that two distinct people approved', 'managed_domain_adopted'); end if;
  if exists (
    select from recorded d join earlier b using (domain_id)
    where d.given_back is not null and d.given_back is distinct from b.given_back and not exists (
      select from jsonb_array_elements(agreed_adoption(d.given_back, 'give_back') -> 'domains') g where g ->> 'domainId' = d.domain_id::text)
  ) then perform refuse('a domain is given back by a table that two distinct people approved', 'managed_domain_given_back'); end if;
  if exists (
    select from recorded d join earlier b using (domain_id) join deletion x on x.domain_id = d.domain_id
    where d.given_back is not null and b.given_back is null and x.phase not in ('deleted', 'closed')
  ) then perform refuse('a domain under deletion is not given back', 'managed_domain_under_deletion'); end if;
  return null;
end $$;
create trigger managed_domain_changed after update on managed_domain referencing new table as recorded old table as earlier
  for each statement execute function managed_domain_changed();

create function managed_account_adopted() returns trigger language plpgsql as $$
begin
  if exists (
    select from recorded r where r.adoption is not null and not exists (
      select from jsonb_array_elements(agreed_adoption(r.adoption, 'adopt') -> 'domains') d, jsonb_array_elements(d -> 'accounts') a
      where d ->> 'domainId' = r.domain_id::text and a ->> 'accountId' = r.account_id::text and a ->> 'ciUserId' = r.ci_user_id)
  ) then perform refuse('an account is adopted by a table that two distinct people approved', 'managed_account_adopted'); end if;
  return null;
end $$;
create trigger managed_account_adopted after insert on managed_account referencing new table as recorded
  for each statement execute function managed_account_adopted();

-- The first plan of an adopted domain restricts and deletes nothing before two people released it, whatever version of Twokey asks.
create function first_plan_restricts() returns trigger language plpgsql as $$
begin
  if new.command in ('lock_account', 'lower_limit', 'set_role') and exists (
    select from managed_domain d where d.first_plan and d.deleted_at is null and d.domain_id::text = new.params -> 'change' ->> 'domainId'
  ) then perform refuse('the first plan of an adopted domain is not released', 'first_plan_restricts'); end if;
  return new;
end $$;
create trigger first_plan_restricts before insert on intent for each row execute function first_plan_restricts();

create function first_plan_deletes() returns trigger language plpgsql as $$
begin
  if exists (select from managed_domain d where d.domain_id = new.domain_id and (d.first_plan or d.given_back is not null)) then
    perform refuse('a domain of an unreleased first plan, or one that was given back, is not deleted', 'first_plan_deletes');
  end if;
  return new;
end $$;
create trigger first_plan_deletes before insert on deletion for each row execute function first_plan_deletes();
