-- Up Migration
-- Two approvers may turn out to be one person when a deletion stands frozen: Restore, Look again, Go on and the record that the domain is gone
-- were refused then, and nothing led out. What destroys is refused at each call instead (`deletion_has_quorum`, src/store/last-word.ts).

-- INV-2, INV-3: phases move along this table only, and none further than before without a quorum, whoever asks.
create or replace function deletion_rules() returns trigger language plpgsql as $$
declare
  moves constant jsonb := '{"archiving": ["proposed"], "proposed": ["cooling_off"], "cooling_off": ["quarantining", "proposed"], "quarantining": ["grace"],
    "grace": ["dismantling"], "dismantling": ["expunging"], "expunging": ["removing"], "removing": ["deleted"]}';
begin
  if new.id <> old.id or new.domain_id <> old.domain_id or new.project_id <> old.project_id or new.requesters <> old.requesters
     or new.quorum <> old.quorum or new.policy <> old.policy or new.path <> old.path or new.name <> old.name or new.slug <> old.slug
     or new.evidence <> old.evidence or new.opened_at <> old.opened_at then
    perform refuse('what people were asked does not change', 'deletion_frozen_question');
  end if;
  if new.digest is distinct from old.digest and old.phase <> 'archiving' then perform refuse('the digest does not change after it was shown', 'deletion_digest'); end if;
  if old.phase <> 'archiving' and (new.expires_at is distinct from old.expires_at or new.proposed_at is distinct from old.proposed_at) then
    perform refuse('the time to approve does not change after the question was put', 'deletion_frozen_question');
  end if;
  if new.frozen_from is distinct from old.frozen_from then perform refuse('where a deletion froze is written by the database only', 'deletion_frozen_from'); end if;
  if new.phase = old.phase then
    if old.phase in ('cooling_off', 'grace') and (new.until_at is distinct from old.until_at or new.entered_at is distinct from old.entered_at) then
      perform refuse('a wait that has begun does not change', 'deletion_wait');
    end if;
    return new;
  end if;
  if old.phase in ('deleted', 'closed') then perform refuse('a deletion that ended stays ended', 'deletion_ended'); end if;
  if new.phase = 'closed' then
    if old.phase = 'removing' or (old.phase = 'frozen' and old.frozen_from = 'removing') then perform refuse('there is no way back from removing', 'deletion_no_return'); end if;
  elsif new.phase = 'frozen' then
    new.frozen_from := old.phase;
  elsif old.phase = 'frozen' then
    if new.phase <> old.frozen_from then perform refuse('a frozen deletion goes on where it stood', 'deletion_move'); end if;
  elsif not (moves -> old.phase) ? new.phase then
    perform refuse(format('a deletion cannot go from %s to %s', old.phase, new.phase), 'deletion_move');
  end if;
  -- A frozen one goes on where it stood, and is given back, settled or asked about there: each call that takes something asks again by itself.
  -- That the domain is gone takes nothing.
  if new.phase in ('cooling_off', 'quarantining', 'grace', 'dismantling', 'expunging', 'removing') and old.phase <> 'frozen'
     and not has_quorum(new) then
    perform refuse('two distinct people must have approved exactly this', 'deletion_quorum');
  end if;
  if old.phase in ('cooling_off', 'grace') and new.phase in ('quarantining', 'dismantling')
     and (old.until_at is null or new.entered_at is null or new.entered_at < old.until_at) then
    perform refuse('the wait has not ended', 'deletion_wait');
  end if;
  new.version := old.version + 1;
  return new;
end $$;

-- INV-2: enough distinct people approve, by all that is known of them now: the deletion, or what was found when it froze after the point of no return.
create function deletion_has_quorum(d deletion) returns boolean language sql stable as $$
  select has_quorum(d) or (d.phase = 'removing' and exists (
    select from go_on g join go_on_decision on go_on_id = g.id where g.deletion_id = d.id and has_quorum('go_on', g.id::text)))
$$;
