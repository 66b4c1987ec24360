-- Up Migration
-- What the link of an export is, and the name of who asked, as lists show them.

alter table export
  -- Ours, which can be revoked; an address of the bucket's own, which cannot; null: none was handed out.
  add column link text check (link in ('ours', 'bucket')),
  -- As messages name people; null: asked for before it was kept.
  add column asked_by_name text;

update export set link = case when token_sha256 is not null or revoked_at is not null then 'ours' else 'bucket' end
  where state = 'ready' and link_until is not null;
