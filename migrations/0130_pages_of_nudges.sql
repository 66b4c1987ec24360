-- Up Migration
-- What a person's newest message about machines without a template lists, and in which round: it shows a page at a time, and the next page is
-- of the same machines.
alter table nudged add column listed jsonb;
