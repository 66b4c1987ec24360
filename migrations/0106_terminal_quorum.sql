-- Up Migration
-- INV-2: who asks at a terminal is nobody that is known, and may be one of those who approve: one approver more must agree than the policy
-- says. The bot has always asked for it; from here on PostgreSQL does, too, whoever writes the rows.

create function is_from_terminal(people text[]) returns boolean language sql immutable as $$
  select exists (select from unnest(people) p where p like 'terminal:%')
$$;

create or replace function adoption_birth() returns trigger language plpgsql as $$
declare
  least_quorum integer := coalesce((select (body ->> 'quorum')::integer from policy_version order by version desc limit 1), 0);
begin
  new.asked_as := identities_of(new.requesters);
  if new.state <> 'proposed' then perform refuse('an adoption begins as a proposal', 'adoption_birth'); end if;
  if new.quorum < least_quorum then perform refuse('an adoption takes the quorum in force', 'adoption_policy_quorum'); end if;
  if is_from_terminal(new.requesters) and new.quorum < greatest(least_quorum, 2) + 1 then
    perform refuse('what was asked at a terminal takes one approver more', 'adoption_terminal_quorum');
  end if;
  return new;
end $$;

-- As in 0068, and planned once for a session, as in 0092; a table that was asked for at a terminal needs three at the least, however it came
-- to be stored.
create or replace function question_of(asked_kind text, asked text) returns ballot_question language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return (
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
  select row(a.state = 'proposed', a.requesters || coalesce(a.asked_as, '{}'), a.digest, a.proposed_at, a.expires_at,
      greatest(a.quorum, case when is_from_terminal(a.requesters) then 3 else 2 end),
      exists (select from ballot b where b.kind = 'adoption' and b.question = asked and b.verdict = 'reject'))::ballot_question
    from adoption a where a.id = case asked_kind when 'adoption' then asked::uuid end
  );
end $$;
