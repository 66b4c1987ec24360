-- Up Migration
-- Who closed a project again asks for its deletion like who closed it first: that person has no vote on whether it goes on, and the answer
-- is about that closing only.

-- The closing that people are asked about, where that is the reason (`closed_again`).
alter table go_on add column closed_at bigint, add column closed_by text, add check (reason = 'closed_again' or (closed_at is null and closed_by is null));

create or replace function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select question_of_other_kinds(asked_kind, asked) where asked_kind <> 'go_on'
  union all
  select row(d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
        and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id),
      d.requesters || array(select 'ci:' || n.closed_by from go_on n where n.deletion_id = d.id and n.closed_by is not null),
      g.digest, g.opened_at, g.expires_at, greatest(d.quorum, 2), false)::ballot_question
    from go_on g join deletion d on d.id = g.deletion_id where g.id = case asked_kind when 'go_on' then asked::uuid end
$$;

-- A slug that is used again is another project: an export belongs to the project's id. Null: asked for before this was kept, and not served
-- any more; its link was good for a day.
alter table export add column project_id text;
