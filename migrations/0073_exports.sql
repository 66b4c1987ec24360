-- Up Migration
-- Exports of volumes and snapshots beside templates, and links that people revoke.

-- `template_id` and `template_name` are the thing's, whatever its kind.
alter table export add column item_kind text not null default 'template' check (item_kind in ('template', 'volume', 'snapshot')),
  add column revoked_at bigint,
  -- Who revoked it, as cards name people.
  add column revoked_by text,
  add check ((revoked_at is null) = (revoked_by is null)),
  -- What was revoked opens nothing: its secret is gone.
  add check (revoked_at is null or token_sha256 is null);
