-- Up Migration
-- The third wall knows time and number: by PostgreSQL's own clock, a wait of a deletion has its whole length, and no more deletions begin to
-- destroy in a day and a week than the frozen policy and the one in force allow. What a process writes into entered_at does not count.

-- A function of its own, so that a test can let the time pass.
create function server_now() returns bigint language sql volatile as $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint $$;

-- When it entered its phase, and when it began to destroy, by the server's clock; written by the trigger only.
alter table deletion add column phase_since bigint, add column destroys_since bigint;
update deletion set phase_since = least(entered_at, server_now()), destroys_since = (
  select min(e.at) from deletion_event e where e.deletion_id = deletion.id and e.kind = 'entered dismantling');
create index deletion_destroys_since on deletion (destroys_since);

-- How long a wait lasts still. Units: milliseconds.
create function wait_left(d deletion) returns bigint language sql volatile as $$
  select greatest(0, coalesce(d.phase_since, server_now()) - server_now()
    + coalesce((d.policy ->> case d.phase when 'cooling_off' then 'coolOffMs' when 'grace' then 'graceMs' end)::bigint, 0))
$$;

-- The smaller of the frozen limit and the one in force; null: neither has one.
create function limit_of(d deletion, name text, old_name text) returns integer language sql stable as $$
  select least(coalesce(d.policy ->> name, d.policy ->> old_name)::integer,
    (select (body ->> name)::integer from policy_version order by version desc limit 1))
$$;

create function deletion_time_and_number() returns trigger language plpgsql as $$
declare
  days integer;
  allowed integer;
  begun integer;
begin
  if tg_op = 'INSERT' then
    new.phase_since := server_now();
    new.destroys_since := null;
    return new;
  end if;
  if new.phase_since is distinct from old.phase_since or new.destroys_since is distinct from old.destroys_since then
    perform refuse('the times of the database are written by the database only', 'deletion_times');
  end if;
  if new.phase = old.phase then return new; end if;
  if old.phase in ('cooling_off', 'grace') and new.phase in ('quarantining', 'dismantling') and wait_left(old) > 0 then
    perform refuse('the wait has not ended by the clock of the database', 'deletion_wait_left');
  end if;
  if new.phase = 'dismantling' and old.phase <> 'frozen' then
    -- The lock under which the bot counts as well: of two at once, the second one sees the first.
    perform pg_advisory_xact_lock(hashtextextended('twokey.budget', 0));
    for days, allowed in values (1, limit_of(new, 'deletionsPerDay', 'perDay')), (7, limit_of(new, 'deletionsPerWeek', 'perWeek')) loop
      select count(*) into begun from deletion where destroys_since > server_now() - days * 86400000::bigint;
      if begun >= allowed then
        perform refuse(format('%s deletions began within %s days, and %s are allowed', begun, days, allowed), 'deletion_budget');
      end if;
    end loop;
    new.destroys_since := server_now();
  end if;
  -- Frozen, a wait stands still for nobody: what had passed before has passed.
  if new.phase <> 'frozen' and old.phase <> 'frozen' then new.phase_since := server_now(); end if;
  return new;
end $$;
create trigger deletion_time_and_number before insert or update on deletion for each row execute function deletion_time_and_number();
