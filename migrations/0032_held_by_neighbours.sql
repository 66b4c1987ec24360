-- Up Migration
-- What stood beside a domain before the first step of its deletion, by id: a count that falls says where to look, the ids settle what is gone.
-- JSON: a neighbour's id → [kind, id, the machine of a volume or null]. Null: read by a version that kept only counts.
alter table latest_neighbours add column held text;
alter table latest_neighbours alter column held set storage external;
