-- Up Migration
-- How long each other reason has kept a deletion's next step back since it is due, in milliseconds: two reasons that take turns must not
-- each begin to count anew, or neither would ever be put to people.
alter table deletion add column waits jsonb not null default '{}';
