-- Up Migration
-- Names that were only seen together, such as by a row of the CI database that was corrected a minute later, are one person for 30 days after
-- they were last seen so; names under which somebody voted stay one person. Who asked for a deletion keeps every name known at its opening.

-- A pair is kept again each day that it is seen; nothing is changed or forgotten. What is known now counts from now.
alter table known_account rename column first_at to seen_at;
alter table known_account drop constraint known_account_pkey;
alter table known_account add primary key (slack_account, operator, seen_at);
create index known_account_seen on known_account (seen_at);
insert into known_account select distinct slack_account, operator, (extract(epoch from now()) * 1000)::bigint from known_account
  on conflict do nothing;

-- The pairs that count now: seen in the 30 days before the last time that any was seen, or voted under.
create function accounts_now() returns table (slack_account text, operator text) language sql stable as $$
  select k.slack_account, k.operator from known_account k
  where k.seen_at > (select least(max(seen_at), (extract(epoch from now()) * 1000)::bigint) from known_account) - 2592000000
    or exists (select from ballot b where b.slack_account = k.slack_account and b.voter = k.operator)
$$;
create index ballot_slack_account on ballot (slack_account, voter);

create or replace function identities_of(people text[]) returns text[] language sql stable as $$
  with recursive known (name) as (
    select unnest(people)
    union
    select n.name from known k cross join lateral (
      select a.slack_account as name from accounts_now() a where a.operator = k.name
      union all
      select a.operator from accounts_now() a where a.slack_account = k.name) n
  )
  select coalesce(array_agg(name order by name), '{}') from known where name is not null
$$;

create or replace function without_account(people text[]) returns text[] language sql stable as $$
  select array(select p from unnest(people) p where p like 'ci:%' and not exists (select from accounts_now() a where a.operator = p))
$$;

-- Until when these names are one person at the least, by the pair among them that was not seen for the longest time; null: for ever.
create function one_person_until(people text[]) returns bigint language sql stable as $$
  select min(last) + 2592000000 from (
    select max(k.seen_at) as last from known_account k
    where k.operator = any (identities_of(people)) and (k.slack_account, k.operator) in (select a.slack_account, a.operator from accounts_now() a)
      and not exists (select from ballot b where b.slack_account = k.slack_account and b.voter = k.operator)
    group by k.slack_account, k.operator) pair
$$;

-- Who asked, by every name that was known of them when the deletion was opened. Null: it was opened before this was kept.
alter table deletion add column asked_as text[];
create function deletion_asked_as() returns trigger language plpgsql as $$
begin
  new.asked_as := identities_of(new.requesters);
  return new;
end $$;
create trigger deletion_asked_as before insert on deletion for each row execute function deletion_asked_as();

create or replace function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select row(q.open, q.requesters || coalesce(case asked_kind
        when 'deletion' then (select d.asked_as from deletion d where d.id = asked::uuid)
        when 'waiver' then (select d.asked_as from archive_entry e join deletion d on d.id = e.owner_id where e.id = asked::uuid)
      end, '{}'), q.digest, q.opened_at, q.expires_at, q.quorum, q.rejected)::ballot_question
    from question_of_other_kinds(asked_kind, asked) q where asked_kind <> 'go_on'
  union all
  select row(d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
        and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id),
      d.requesters || coalesce(d.asked_as, '{}')
        || array(select 'ci:' || n.closed_by from go_on n where n.deletion_id = d.id and n.closed_by is not null),
      g.digest, g.opened_at, g.expires_at, greatest(d.quorum, 2), false)::ballot_question
    from go_on g join deletion d on d.id = g.deletion_id where g.id = case asked_kind when 'go_on' then asked::uuid end
$$;
