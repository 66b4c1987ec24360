-- Up Migration
-- Which changes stay undone and in which plan's message that was told; and where restrictions are counted over all passes.

alter table sync_state add column undone jsonb not null default '[]';
create index intent_restriction on intent (at) where owner_kind = 'pass' and command in ('lock_account', 'lower_limit', 'set_role');
