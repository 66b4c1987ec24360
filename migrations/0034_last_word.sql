-- Up Migration
-- Which run holds a deletion: each run that begins takes the next number, and a call of a run before it is refused.
-- `at_rest`: while it is stopped or frozen, the machines that CloudStack still kept were brought back, so nothing expires meanwhile.
alter table deletion add column lease integer not null default 0;
alter table deletion add column at_rest boolean not null default false;
