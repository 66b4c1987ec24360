-- Up Migration
-- Which run holds a deletion: each run that begins takes the next number, and a call of a run before it is refused.
alter table deletion add column lease integer not null default 0;

-- From when on CloudStack may expunge the machines that this deletion destroyed; null: it destroyed none, or all were brought back.
alter table deletion add column expunge_after bigint;
update deletion set expunge_after = entered_at + 86400000
where phase in ('dismantling', 'expunging') or (phase = 'frozen' and frozen_from in ('dismantling', 'expunging'));

-- Which pass is the newest, whatever the clocks of the replicas say: a change of a pass before it is not made.
alter table pass add column seq bigint generated always as identity;
