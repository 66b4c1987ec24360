-- Up Migration
-- Whether who asked for an export knows how it ended: a process may die after the end is stored and before it is told, and the next run tells it.

-- What ended under an earlier version counts as told.
alter table export add column told boolean not null default true;
alter table export alter column told set default false;
