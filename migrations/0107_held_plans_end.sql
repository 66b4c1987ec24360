-- Up Migration
-- Plans of which nothing was carried out have an end, too: a hold that stays for a month, a row that cannot be used, or report mode stored one
-- at every pass for good. One goes when a newer plan of the same scope, or over everything, is there, it is old, was not shown, opened no
-- deletion, and nothing that is still so refers to it. What was shown stays, as do plans with changes that were tried.

-- Whether a plan only said what is held, or would be done: it tried nothing, and asked nobody about a deletion.
create function is_only_held(record jsonb) returns boolean language sql immutable set search_path = pg_catalog, pg_temp as $$
  select coalesce(record->>'state' in ('held', 'reported', 'unchanged')
    and (record->>'state' = 'reported' or jsonb_array_length(record->'plan'->'holds') > 0)
    and not jsonb_path_exists(record, '$.plan.holds[*] ? (!exists (@.kind) || !exists (@.blocks))')
    and not jsonb_path_exists(record, '$.outcomes[*] ? (!(@.outcome == "held" || @.outcome == "reported") || @.problem != null)')
    and (record->'plan'->'proposals' = '[]'
      or jsonb_path_exists(record, '$.plan.holds[*] ? (@.blocks == "everything" || @.blocks == "restrictions" || @.blocks == "deletions")')),
    false)
$$;
create index plan_only_held on plan (planned_at) where not shown and is_only_held(record);

-- Whether something that is still so refers to a plan, or no newer one of its scope, or over everything, replaces it.
create function is_held_plan_kept(asked uuid, at bigint, pass uuid, scope jsonb) returns boolean
language sql stable set search_path = twokey, pg_temp as $$
  select exists (select from matter m where m.plan = asked and m.ended_at is null)
    or exists (select from sync_state s where s.told_plan = asked or s.undone @> jsonb_build_array(jsonb_build_object('plan', asked::text)))
    or exists (select from intent i where i.owner_kind = 'pass' and i.owner_id = pass::text)
    or not exists (select from plan l where l.planned_at > at and (l.record->'scope'->>'kind' = 'fleet' or l.record->'scope' = scope))
$$;

-- INV-10: as in 0066, and for what was only held.
drop trigger kept_row on plan;
create trigger kept_row before delete on plan for each row
  when (old.shown or not (is_unchanged(old.record)
    or is_only_held(old.record) and not is_held_plan_kept(old.id, old.planned_at, old.pass_id, old.record->'scope')))
  execute function refuse_change();

-- As in 0066, and plans that were only held.
create or replace function drop_old_plans(before bigint, most integer) returns integer
language plpgsql security definer set search_path = twokey, pg_temp as $$
declare
  until bigint := least(before, (extract(epoch from clock_timestamp()) * 1000)::bigint - 86400000);
  passes uuid[];
begin
  -- Who stores a plan holds it shared: an input that was found again must not be dropped before its plan is there.
  perform pg_advisory_xact_lock(hashtextextended('twokey.snapshots', 0));
  with unchanged as (
    select p.id from plan p where not p.shown and is_unchanged(p.record) and p.planned_at < until
      and (p.record->'scope'->>'kind' is distinct from 'fleet'
        or exists (select from plan l where l.planned_at > p.planned_at and l.record->'scope'->>'kind' = 'fleet')
          and exists (
            select from (select e.shown, e.record from plan e where e.planned_at < p.planned_at and e.record->'scope'->>'kind' = 'fleet'
              order by e.planned_at desc limit 1) e
            where not e.shown and is_unchanged(e.record)))
    order by p.planned_at limit most),
  held as (
    select p.id from plan p where not p.shown and is_only_held(p.record) and p.planned_at < until
      and not is_held_plan_kept(p.id, p.planned_at, p.pass_id, p.record->'scope')
    order by p.planned_at limit greatest(0, most - (select count(*) from unchanged))),
  dropped as (delete from plan p using (select id from unchanged union all select id from held) old where p.id = old.id returning p.pass_id)
  select array_agg(pass_id) into passes from dropped;
  delete from pass where id = any (passes) and not is_pass_kept(id);
  delete from pass p using (
      select q.id from pass q where q.started_at < until and not is_pass_kept(q.id)
        and q.seq < (select max(seq) from pass) order by q.started_at limit most) old
    where p.id = old.id;
  delete from snapshot s using (
      select n.digest from snapshot n where n.stored_at < until
        and not exists (select from plan where desired = n.digest) and not exists (select from plan where observed = n.digest)
        and not exists (select from plan where known = n.digest) and not exists (select from plan where policy = n.digest)
      limit most) old
    where s.digest = old.digest;
  if found then
    delete from snapshot_part where stored_at < until and digest not in (
      select substr(s.body, n * 32 + 1, 32) from snapshot s, generate_series(0, octet_length(s.body) / 32 - 1) n where s.in_parts);
  end if;
  return coalesce(cardinality(passes), 0);
end $$;
