-- Up Migration
-- What grows has an end: large inputs of plans are stored in parts, each once, and old plans that changed nothing are dropped.

-- What of a plan's `known` changes from pass to pass by itself; null: `known` holds all of it.
alter table plan add column known_now jsonb;

-- Of a large input, `body` is the digests of its parts one after the other, 32 bytes each.
alter table snapshot add column in_parts boolean not null default false;

-- Content-addressed: what two inputs have in common is stored once. `body` is gzip of a piece of the JSON text.
create table snapshot_part (
  digest bytea primary key check (octet_length(digest) = 32),
  body bytea not null,
  stored_at bigint not null
);
select make_append_only('snapshot_part');

-- Equal inputs follow each other, so these stay small; without them each input that is dropped would read all plans.
create index plan_desired on plan (desired);
create index plan_observed on plan (observed);
create index plan_known on plan (known);
create index plan_policy on plan (policy);
create index plan_pass on plan (pass_id);

-- Whether a plan found nothing to change, to ask or to hold: what it says, the plans before and after it say, too.
create function is_unchanged(record jsonb) returns boolean language sql immutable set search_path = pg_catalog, pg_temp as $$
  select coalesce(record->>'state' = 'unchanged' and record->'outcomes' = '[]' and coalesce(record->'notAsked', '[]') = '[]'
    and record->'plan'->'additive' = '[]' and record->'plan'->'restrictive' = '[]' and record->'plan'->'proposals' = '[]'
    and record->'plan'->'holds' = '[]' and record->'plan'->'heldRows' = '[]', false)
$$;
create index plan_unchanged on plan (planned_at) where not shown and is_unchanged(record);

create function is_pass_kept(pass uuid) returns boolean language sql stable set search_path = twokey, pg_temp as $$
  select exists (select from plan p where p.pass_id = pass)
    or exists (select from intent i where i.owner_kind = 'pass' and i.owner_id = pass::text)
$$;

create function is_part_kept(part bytea) returns boolean language sql stable set search_path = twokey, pg_temp as $$
  select exists (
    select from snapshot s, generate_series(0, octet_length(s.body) / 32 - 1) n where s.in_parts and substr(s.body, n * 32 + 1, 32) = part)
$$;

-- INV-10: nobody removes a plan with changes, proposals or holds, or one that was shown; nor a pass that did something. The bot's role,
-- which gets its rights from these guards, can remove no row of these tables: only `drop_old_plans` does.
create trigger kept_row before delete on plan for each row when (old.shown or not is_unchanged(old.record)) execute function refuse_change();
create trigger kept_row before delete on pass for each row when (is_pass_kept(old.id)) execute function refuse_change();
create trigger kept_truncate before truncate on plan for each statement execute function refuse_change();
create trigger kept_truncate before truncate on pass for each statement execute function refuse_change();

-- Inputs never change. One that no plan has any more may go; the references of table plan keep the others.
drop trigger append_only_row on snapshot;
create trigger append_only_row before update on snapshot for each row execute function refuse_change();
create trigger kept_row before delete on snapshot for each row
  when (old.stored_at > extract(epoch from clock_timestamp()) * 1000 - 86400000) execute function refuse_change();
drop trigger append_only_row on snapshot_part;
create trigger append_only_row before update on snapshot_part for each row execute function refuse_change();
create trigger kept_row before delete on snapshot_part for each row when (is_part_kept(old.digest)) execute function refuse_change();

-- Drops at most `most` unchanged plans of before an instant, their passes, and the inputs that no plan has any more; gives how many plans.
-- Never the last day by the server's clock, whatever it is given; the newest plan over everything and the first one after a plan that is
-- kept stay: they tell how it stood then.
create function drop_old_plans(before bigint, most integer) returns integer
language plpgsql security definer set search_path = twokey, pg_temp as $$
declare
  until bigint := least(before, (extract(epoch from clock_timestamp()) * 1000)::bigint - 86400000);
  passes uuid[];
begin
  -- Who stores a plan holds it shared: an input that was found again must not be dropped before its plan is there.
  perform pg_advisory_xact_lock(hashtextextended('twokey.snapshots', 0));
  with old as (
    select p.id from plan p where not p.shown and is_unchanged(p.record) and p.planned_at < until
      and (p.record->'scope'->>'kind' is distinct from 'fleet'
        or exists (select from plan l where l.planned_at > p.planned_at and l.record->'scope'->>'kind' = 'fleet')
          and exists (
            select from (select e.shown, e.record from plan e where e.planned_at < p.planned_at and e.record->'scope'->>'kind' = 'fleet'
              order by e.planned_at desc limit 1) e
            where not e.shown and is_unchanged(e.record)))
    order by p.planned_at limit most),
  dropped as (delete from plan p using old where p.id = old.id returning p.pass_id)
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
-- Granted to the bot's role alone (src/store/bot-role.ts).
revoke all on function drop_old_plans(bigint, integer) from public;
