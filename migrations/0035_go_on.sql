-- Up Migration
-- Every state has a way out: what a deletion waits for and since when, and *Go on*, by which two people accept what was found when it froze.

alter table deletion add column waiting_for text, add column waiting_since bigint,
  add check ((waiting_for is null) = (waiting_since is null));

-- What was found when a deletion froze after the point of no return; each freeze asks anew, and only the newest question is open.
create table go_on (
  seq bigint generated always as identity primary key,
  id uuid not null unique,
  deletion_id uuid not null references deletion (id),
  -- Why it froze (src/deletion/reasons.ts), and the sentence for people.
  reason text not null,
  sentence text not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  -- The inventory as found: once two people said Go on, exactly this is approved, and nothing else.
  body jsonb not null,
  -- The neighbours as found, when a neighbour is the reason: once two people said Go on, later reads are compared with this one.
  neighbours jsonb,
  opened_at bigint not null,
  expires_at bigint not null
);
create index go_on_deletion on go_on (deletion_id);
select make_append_only('go_on');

create table go_on_decision (go_on_id uuid primary key references go_on (id), at bigint not null);
select make_append_only('go_on_decision');

alter table ballot drop constraint ballot_kind_check;
alter table ballot add constraint ballot_kind_check check (kind in ('deletion', 'waiver', 'policy', 'resume', 'go_on'));

alter function question_of(text, text) rename to question_of_other_kinds;
create function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select question_of_other_kinds(asked_kind, asked) where asked_kind <> 'go_on'
  union all
  select row(d.phase = 'frozen' and d.frozen_from = 'removing' and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id),
      d.requesters, g.digest, g.opened_at, g.expires_at, greatest(d.quorum, 2), false)::ballot_question
    from go_on g join deletion d on d.id = g.deletion_id where g.id = case asked_kind when 'go_on' then asked::uuid end
$$;

create function go_on_rules() returns trigger language plpgsql as $$
begin
  if not exists (select from deletion where id = new.deletion_id and phase = 'frozen' and frozen_from = 'removing') then
    perform refuse('people are asked to go on where a deletion froze after the point of no return', 'go_on_phase');
  end if;
  return new;
end $$;
create trigger go_on_rules before insert on go_on for each row execute function go_on_rules();

-- INV-2: nobody goes on alone.
create function go_on_decision_rules() returns trigger language plpgsql as $$
begin
  if (select q.open from question_of('go_on', new.go_on_id::text) q) is distinct from true then perform refuse('this question is not open', 'go_on_open'); end if;
  if not has_quorum('go_on', new.go_on_id::text) then perform refuse('two distinct people must have said Go on to exactly this', 'go_on_quorum'); end if;
  return new;
end $$;
create trigger go_on_decision_rules before insert on go_on_decision for each row execute function go_on_decision_rules();

-- INV-8: what appeared and is to be saved is saved before anybody says Go on; the deletion's row is locked like for every vote on it.
create function ballot_go_on_rules() returns trigger language plpgsql as $$
begin
  if new.kind <> 'go_on' then return new; end if;
  perform from deletion d join go_on g on g.deletion_id = d.id where g.id = new.question::uuid for update of d;
  if new.verdict <> 'approve' then perform refuse('one says Go on, or nothing', 'go_on_verdict'); end if;
  if exists (
    select from go_on g join deletion d on d.id = g.deletion_id cross join lateral jsonb_array_elements(g.body -> 'items') item
    where g.id = new.question::uuid and (coalesce(d.policy -> 'archiveKinds', '["template", "iso"]') || '["template"]') ? (item ->> 'kind')
      and not exists (select from archive_entry e where e.owner_kind = 'deletion' and e.owner_id = d.id
                        and e.item_id = item ->> 'id' and (e.state = 'verified' or is_waived(e.id)))
  ) then perform refuse('something that dies is neither saved nor waived', 'go_on_archive'); end if;
  return new;
end $$;
create trigger ballot_go_on_rules before insert on ballot for each row execute function ballot_go_on_rules();
