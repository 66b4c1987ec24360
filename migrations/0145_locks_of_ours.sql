-- Up Migration
-- A lock of an account is ours from its intent on: a call may have had its effect although nobody recorded how it ended.

-- Locks and unlocks that a pass began, by account: the few without an end are looked up at each pass.
create index intent_lock on intent ((params -> 'change' ->> 'accountId'))
  where owner_kind = 'pass' and command in ('lock_account', 'unlock_account');

-- Those that an earlier version began since the last complete read, which tells what became of them. Of older ones nobody knows whose a
-- lock is that is there now.
update managed_account m set locked_by_us = true
from sync_state s
where not m.locked_by_us and exists (
  select from intent i
  where i.owner_kind = 'pass' and i.command = 'lock_account' and i.params -> 'change' ->> 'accountId' = m.account_id::text
    and i.at >= coalesce(s.complete_at, 0)
    and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate'));
