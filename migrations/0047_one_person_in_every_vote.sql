-- Up Migration
-- Who votes is followed through known accounts as far as who asked: to the end, not one step only; and one person has one vote on a question.

-- Everything these people are known as: names and Slack accounts that lead to each other, over however many steps.
create or replace function identities_of(people text[]) returns text[] language sql stable as $$
  with recursive known (name) as (
    select unnest(people)
    union
    select n.name from known k cross join lateral (
      select slack_account as name from known_account where operator = k.name
      union all
      select operator from known_account where slack_account = k.name) n
  )
  select coalesce(array_agg(name order by name), '{}') from known where name is not null
$$;

-- The person behind these names: the same text for every name of one person.
create function person_of(names text[]) returns text language sql stable as $$ select (identities_of(names))[1] $$;

-- INV-2: an approval is one person's, whatever that person is called today, and a person has one. The name sorts after ballot_rules, which
-- locks the question.
create or replace function ballot_rules_of_people() returns trigger language plpgsql as $$
declare
  asked text[];
  mine text[];
begin
  if new.verdict <> 'approve' then return new; end if;
  select requesters into asked from question_of(new.kind, new.question) q;
  mine := identities_of(array[new.voter, new.slack_account]);
  if mine && asked then
    perform refuse('who asked may not vote, under whatever name', 'ballot_requester');
  end if;
  if new.voter like 'slack:%' and cardinality(without_account(asked)) > 0 then
    perform refuse('who asked has no known Slack account, so only people of the CI database may vote', 'ballot_unknown_requester');
  end if;
  -- The same name and the same account: ballot_once and ballot_account_once.
  if exists (select from ballot b where b.kind = new.kind and b.question = new.question and b.verdict <> 'withdraw'
               and b.voter <> new.voter and b.slack_account is distinct from new.slack_account
               and (b.voter = any (mine) or b.slack_account = any (mine))) then
    perform refuse('this person has voted under another name', 'ballot_person_once');
  end if;
  -- 30 days: longer than a question is open.
  if exists (select from ballot b where b.slack_account = new.slack_account and b.voter <> new.voter
               and (b.kind, b.question) <> (new.kind, new.question) and b.at > new.at - 2592000000) then
    perform refuse('this Slack account has voted as somebody else', 'ballot_identity');
  end if;
  if new.slack_account is not null then
    insert into known_account values (new.slack_account, new.voter, new.at) on conflict do nothing;
  end if;
  return new;
end $$;

-- INV-2: enough distinct people, none of whom asked, approve exactly what was put to them, by all that is known of them at this moment.
create or replace function has_quorum(asked_kind text, asked text) returns boolean language sql stable as $$
  select coalesce((
    select not q.rejected and q.digest is not null and q.quorum <= (
      select count(distinct person_of(array[b.voter, b.slack_account])) from ballot b
      where b.kind = asked_kind and b.question = asked and b.verdict = 'approve' and b.digest = q.digest
        and not (array[b.voter, b.slack_account] && identities_of(q.requesters))
        and not exists (
          select from ballot w where w.kind = asked_kind and w.question = asked and w.verdict = 'withdraw'
            and person_of(array[w.voter, w.slack_account]) = person_of(array[b.voter, b.slack_account])))
    from question_of(asked_kind, asked) q), false)
$$;
