-- Up Migration
-- When each side of a plan's inputs was read. Equal reads are stored once (table snapshot), so the instants stand with the plan.

alter table plan add column desired_read_at bigint, add column observed_read_at bigint;
