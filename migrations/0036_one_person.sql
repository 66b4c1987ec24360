-- Up Migration
-- A person is one person: which Slack account belonged to which person is kept, and who asked is refused under every name known for them.

-- A Slack account (workspace or organisation, and user) and a person of the CI database, as seen together; pairs are never forgotten.
create table known_account (
  slack_account text not null check (slack_account <> ''),
  operator text not null check (operator <> ''),
  first_at bigint not null,
  primary key (slack_account, operator)
);
create index known_account_operator on known_account (operator);
insert into known_account select slack_account, voter, min(at) from ballot where slack_account is not null group by 1, 2;
select make_append_only('known_account');

-- Everything these people are known as: themselves, their Slack accounts, and whoever else these accounts were.
create function identities_of(people text[]) returns text[] language sql stable as $$
  select people
    || array(select distinct slack_account from known_account where operator = any (people))
    || array(select distinct b.operator from known_account a join known_account b using (slack_account)
             where a.operator = any (people) and not (b.operator = any (people)))
$$;

-- CI users among these people of whom no Slack account is known.
create function without_account(people text[]) returns text[] language sql stable as $$
  select array(select p from unnest(people) p where p like 'ci:%' and not exists (select from known_account where operator = p))
$$;

-- INV-2: an approval is one person's, whatever that person is called today. The name sorts after ballot_rules, which locks the question.
create function ballot_rules_of_people() returns trigger language plpgsql as $$
declare asked text[];
begin
  if new.verdict <> 'approve' then return new; end if;
  select requesters into asked from question_of(new.kind, new.question) q;
  if array[new.voter, new.slack_account] && identities_of(asked) then
    perform refuse('who asked may not vote, under whatever name', 'ballot_requester');
  end if;
  if new.voter like 'slack:%' and cardinality(without_account(asked)) > 0 then
    perform refuse('who asked has no known Slack account, so only people of the CI database may vote', 'ballot_unknown_requester');
  end if;
  -- On this very question ballot_account_once refuses it. 30 days: longer than a question is open.
  if exists (select from ballot b where b.slack_account = new.slack_account and b.voter <> new.voter
               and (b.kind, b.question) <> (new.kind, new.question) and b.at > new.at - 2592000000) then
    perform refuse('this Slack account has voted as somebody else', 'ballot_identity');
  end if;
  if new.slack_account is not null then
    insert into known_account values (new.slack_account, new.voter, new.at) on conflict do nothing;
  end if;
  return new;
end $$;
create trigger ballot_rules_of_people before insert on ballot for each row execute function ballot_rules_of_people();

-- INV-2: enough distinct people, none of whom asked, approve exactly what was put to them; two votes are two people's only if person and
-- Slack account differ.
create or replace function has_quorum(asked_kind text, asked text) returns boolean language sql stable as $$
  select coalesce((
    select not q.rejected and q.digest is not null and q.quorum <= (
      select least(count(distinct b.voter), count(distinct coalesce(b.slack_account, b.voter))) from ballot b
      where b.kind = asked_kind and b.question = asked and b.verdict = 'approve' and b.digest = q.digest
        and not (array[b.voter, b.slack_account] && identities_of(q.requesters))
        and not exists (
          select from ballot w where w.kind = asked_kind and w.question = asked and w.verdict = 'withdraw'
            and (w.voter = b.voter or w.slack_account = b.slack_account)))
    from question_of(asked_kind, asked) q), false)
$$;
