-- Up Migration
-- For what people were called: a new card, a freeze, a stop, approvals that expire soon, plans that are held. Once for each, over all replicas.

create table notice (
  -- What is so; the same as long as it is so.
  key text primary key,
  kind text not null check (kind in ('card', 'frozen', 'stopped', 'expiring', 'held')),
  -- Since when, and until when; null: it still is. What is so again within the hour counts as not ended. Epoch milliseconds in UTC.
  since bigint not null,
  ended_at bigint check (ended_at >= since),
  -- When people were mentioned in Slack; null: not yet.
  mentioned_at bigint,
  -- What the webhook gets; null: nothing was made for it. When it is due; null: it was sent, or tried often enough.
  message jsonb,
  tries integer not null default 0,
  due_at bigint
);
