-- Up Migration
-- One ballot for all that people decide: a deletion, a waiver, a change of policy, a resume. One table, one trigger, one way to count.
-- The tables vote, withdrawal, waiver, policy_vote and resume_vote stay readable; nothing is written to them any more.

-- A process of the version before may be in the middle of a vote or a withdrawal: it ends first, and none begins until the end of this.
lock table vote, withdrawal, waiver, policy_vote, resume_vote in share row exclusive mode;

create table ballot (
  seq bigint generated always as identity primary key,
  kind text not null check (kind in ('deletion', 'waiver', 'policy', 'resume')),
  -- The deletion's id, the archive entry's, the change's, or the number of the stop.
  question text not null check (question = lower(question)),
  voter text not null check (voter <> ''),
  voter_name text not null,
  -- The Slack account that clicked; null for votes that are older than this column, and for those given in a terminal.
  slack_account text check (slack_account <> ''),
  verdict text not null check (verdict in ('approve', 'reject', 'withdraw')),
  digest text not null,
  -- What a waiver gives up, by name.
  item_name text,
  reason text,
  at bigint not null
);

insert into ballot (kind, question, voter, voter_name, verdict, digest, item_name, reason, at)
select * from (
  select 'deletion', deletion_id::text, voter, voter_name, verdict, digest, null, reason, at from vote
  union all
  select 'deletion', w.deletion_id::text, w.voter, coalesce(v.voter_name, w.voter), 'withdraw', coalesce(v.digest, d.digest, ''), null, null, w.at
  from withdrawal w join deletion d on d.id = w.deletion_id left join vote v on v.deletion_id = w.deletion_id and v.voter = w.voter
  union all
  select 'waiver', entry_id::text, voter, voter_name, 'approve', digest, item_name, problem, at from waiver
  union all
  select 'policy', change_id::text, voter, voter_name, verdict, digest, null, reason, at from policy_vote
  union all
  select 'resume', s.seq::text, r.operator, r.operator, 'approve', encode(sha256(convert_to('resume ' || s.seq, 'UTF8')), 'hex'), null, null, r.at
  from resume_vote r join lateral (select max(seq) as seq from stop_switch where kind = 'stop' and at = r.stop_at) s on s.seq is not null
) old order by at;

-- One person, and one Slack account, has one word on a question, and may take it back once.
create unique index ballot_once on ballot (kind, question, voter) where verdict <> 'withdraw';
create unique index ballot_account_once on ballot (kind, question, slack_account) where verdict <> 'withdraw';
create unique index ballot_withdrawn_once on ballot (kind, question, voter) where verdict = 'withdraw';
select make_append_only('ballot');

create function refuse_insert() returns trigger language plpgsql as $$
begin
  raise exception 'nothing is written to % any more: votes are in the table ballot', tg_table_name
    using errcode = 'P0001', constraint = tg_table_name || '_closed', table = tg_table_name;
end $$;

drop trigger vote_rules on vote;
drop trigger vote_archive_rules on vote;
drop trigger withdrawal_rules on withdrawal;
drop trigger waiver_rules on waiver;
drop trigger policy_vote_rules on policy_vote;
drop function vote_rules, vote_archive_rules, withdrawal_rules, waiver_rules, policy_vote_rules;
create trigger closed before insert on vote for each row execute function refuse_insert();
create trigger closed before insert on withdrawal for each row execute function refuse_insert();
create trigger closed before insert on waiver for each row execute function refuse_insert();
create trigger closed before insert on policy_vote for each row execute function refuse_insert();
create trigger closed before insert on resume_vote for each row execute function refuse_insert();

-- A question as it stands now. `open`: it is put to people at this moment.
create type ballot_question as (open boolean, requesters text[], digest text, opened_at bigint, expires_at bigint, quorum integer, rejected boolean);

-- The newest stop that nobody resumed; null while nothing is stopped.
create function current_stop() returns stop_switch language sql stable as $$
  select s from stop_switch s where s.seq = (select max(seq) from stop_switch) and s.kind = 'stop'
$$;

create function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select row(d.phase = 'proposed', d.requesters, d.digest, d.proposed_at, d.expires_at, greatest(d.quorum, 2), b.rejected)::ballot_question
    from deletion d, lateral (select exists (select from ballot where kind = 'deletion' and question = asked and verdict = 'reject') as rejected) b
    where d.id = case asked_kind when 'deletion' then asked::uuid end
  union all
  select row(d.phase = 'proposed' and e.state = 'failed', d.requesters, d.digest, d.proposed_at, d.expires_at, 2, false)::ballot_question
    from archive_entry e join deletion d on d.id = e.owner_id where e.owner_kind = 'deletion' and e.id = case asked_kind when 'waiver' then asked::uuid end
  union all
  select row(c.state = 'proposed', array[c.proposed_by], c.digest, c.proposed_at, c.expires_at, greatest(c.quorum, 2), b.rejected)::ballot_question
    from policy_change c, lateral (select exists (select from ballot where kind = 'policy' and question = asked and verdict = 'reject') as rejected) b
    where c.id = case asked_kind when 'policy' then asked::uuid end
  union all
  select row(true, '{}'::text[], encode(sha256(convert_to('resume ' || s.seq, 'UTF8')), 'hex'), 0, null, 2, false)::ballot_question
    from current_stop() s where asked_kind = 'resume' and s.seq::text = asked
$$;

-- INV-2: enough distinct people, none of whom asked, approve exactly what was put to them; nobody rejected it.
create function has_quorum(asked_kind text, asked text) returns boolean language sql stable as $$
  select coalesce((
    select not q.rejected and q.digest is not null and q.quorum <= (
      select count(distinct b.voter) from ballot b
      where b.kind = asked_kind and b.question = asked and b.verdict = 'approve' and b.digest = q.digest and not (b.voter = any (q.requesters))
        and not exists (select from ballot w where w.kind = asked_kind and w.question = asked and w.verdict = 'withdraw' and w.voter = b.voter))
    from question_of(asked_kind, asked) q), false)
$$;

create or replace function has_quorum(d deletion) returns boolean language sql stable as $$ select has_quorum('deletion', d.id::text) $$;
create or replace function has_policy_quorum(c policy_change) returns boolean language sql stable as $$ select has_quorum('policy', c.id::text) $$;
create or replace function is_waived(entry uuid) returns boolean language sql stable as $$ select has_quorum('waiver', entry::text) $$;

-- INV-8: something that was shown, and is to be saved, is neither verified nor waived.
create function has_unsaved(asked text) returns boolean language sql stable as $$
  select exists (
    select from deletion d join approved_inventory a on a.deletion_id = d.id cross join lateral jsonb_array_elements(a.body -> 'items') item
    where d.id = asked::uuid and (coalesce(d.policy -> 'archiveKinds', '["template", "iso"]') || '["template"]') ? (item ->> 'kind')
      and not exists (
        select from archive_entry e where e.owner_kind = 'deletion' and e.owner_id = d.id
          and e.item_id = item ->> 'id' and (e.state = 'verified' or is_waived(e.id))))
$$;

-- INV-2: who may vote, on what, and when: the same for every kind of question.
create function ballot_rules() returns trigger language plpgsql as $$
declare q ballot_question;
begin
  if new.kind = 'deletion' then perform from deletion where id = new.question::uuid for update;
  elsif new.kind = 'waiver' then perform from deletion d join archive_entry e on e.owner_id = d.id where e.id = new.question::uuid for update of d;
  elsif new.kind = 'policy' then perform from policy_change where id = new.question::uuid for update;
  end if;
  select * into q from question_of(new.kind, new.question);
  if new.verdict = 'withdraw' then
    if not exists (select from deletion where id = case new.kind when 'deletion' then new.question::uuid end and phase in ('proposed', 'cooling_off')) then
      perform refuse('an approval can be withdrawn until the cool-off ends', 'ballot_withdraw');
    end if;
    return new;
  end if;
  if q.open is distinct from true then perform refuse('people decide while a question is open, and at no other time', 'ballot_open'); end if;
  if new.voter = any (q.requesters) then perform refuse('who asked may not vote', 'ballot_requester'); end if;
  if new.digest is distinct from q.digest then perform refuse('the vote is for another digest', 'ballot_digest'); end if;
  if q.opened_at is null or new.at < q.opened_at then perform refuse('the vote came before the question', 'ballot_early'); end if;
  if new.kind <> 'resume' and (q.expires_at is null or new.at >= q.expires_at) then perform refuse('the vote came after the expiry', 'ballot_expired'); end if;
  if new.kind = 'waiver' and not exists (select from archive_entry e where e.id = new.question::uuid and e.name = new.item_name) then
    perform refuse('a thing is waived by its name', 'ballot_name');
  end if;
  if new.kind = 'deletion' and new.verdict = 'approve' and has_unsaved(new.question) then
    perform refuse('something that dies is neither saved nor waived', 'ballot_archive');
  end if;
  return new;
end $$;
create trigger ballot_rules before insert on ballot for each row execute function ballot_rules();

-- Nobody resumes alone.
create function stop_switch_rules() returns trigger language plpgsql as $$
declare s stop_switch;
begin
  if new.kind = 'resume' then
    s := current_stop();
    if s.seq is null then perform refuse('nothing is stopped', 'resume_stopped'); end if;
    if not has_quorum('resume', s.seq::text) then perform refuse('two distinct people must have asked for this stop to end', 'resume_quorum'); end if;
  end if;
  return new;
end $$;
create trigger stop_switch_rules before insert on stop_switch for each row execute function stop_switch_rules();
