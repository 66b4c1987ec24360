-- Up Migration
-- A second stop adds to the first: all that were told since the last resume stand together.

-- Who said it, for people to read; null in rows that are older than this column.
alter table stop_switch add column by_name text;

-- The stops that nobody resumed, oldest first; none while nothing is stopped.
create function present_stops() returns setof stop_switch language sql stable as $$
  select s from stop_switch s
  where s.kind = 'stop' and s.seq > coalesce((select seq from stop_switch where kind = 'resume' order by seq desc limit 1), 0)
  order by s.seq
$$;
