-- Up Migration
-- The mark at the managed root names the head of the audit log after each decision: an older database finds a row there that it does not
-- have, even where the archive was put back together with it.

-- Rows after which an older database would do something else: people's decisions, and ends and takings of deletions.
create function is_decision(kind text) returns boolean language sql immutable as $$
  select kind in (
    'stop', 'resume', 'policy.applied', 'adoption.applied',
    'deletion.reject', 'deletion.withdraw', 'deletion.cancel', 'deletion.keep', 'deletion.restore', 'deletion.go_on',
    'deletion.dismantling', 'deletion.closed', 'deletion.deleted')
$$;
create index audit_decision on audit (seq) where is_decision(kind);

-- The row of the audit log that our newest mark names; null: it names none.
alter table installation add column marked_seq bigint;
