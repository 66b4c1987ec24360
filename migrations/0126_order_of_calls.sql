-- Up Migration
-- In which order calls were sent. How a call ended may be learned after a later one was sent: a machine that was destroyed, whose job could
-- not be read, and that was recovered before it expired, counted as destroyed by us last, and so as recovered by somebody.
alter table intent add column seq bigint generated always as identity;
