-- Up Migration
-- A question belongs to the freeze that it was made with, by the same instant: an older one is not open any more, also where a later freeze
-- asks nothing.

create or replace function question_of(asked_kind text, asked text) returns ballot_question language sql stable as $$
  select question_of_other_kinds(asked_kind, asked) where asked_kind <> 'go_on'
  union all
  select row(d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
        and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id),
      d.requesters, g.digest, g.opened_at, g.expires_at, greatest(d.quorum, 2), false)::ballot_question
    from go_on g join deletion d on d.id = g.deletion_id where g.id = case asked_kind when 'go_on' then asked::uuid end
$$;
