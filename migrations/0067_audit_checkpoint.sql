-- Up Migration
-- The old part of the audit log can be exported and cut off: what is left begins at a signed checkpoint.

-- What was cut off. Only the owner of the database writes here (`cut_audit`); the bot's role reads it.
create table audit_checkpoint (
  -- The last row that was cut off.
  last_seq bigint primary key,
  last_hash text not null check (last_hash ~ '^[0-9a-f]{64}$'),
  -- How many rows this cut took, and what the first of them followed.
  rows bigint not null check (rows > 0),
  prev_hash text not null check (prev_hash ~ '^[0-9a-f]{64}$'),
  -- SHA-256 of the file to which they were exported.
  file text not null check (file ~ '^[0-9a-f]{64}$'),
  at bigint not null,
  -- Ed25519 over all of it and the installation's id, in base64 (src/store/audit-checkpoints.ts).
  signature text not null check (signature <> '')
);
create trigger append_only_row before update or delete on audit_checkpoint for each row execute function refuse_change();
create trigger append_only_truncate before truncate on audit_checkpoint for each statement execute function refuse_change();

-- INV-10: a checkpoint is of rows that are there, of all before its last one, none younger than 30 days by the server's clock. What the
-- archive's copy of the head is compared with stays, as do the newest row and those since the oldest deletion that has not ended.
create function audit_checkpoint_rules() returns trigger language plpgsql as $$
declare
  old record;
begin
  select count(*) as rows, max(at) as at, min(prev_hash) filter (where seq = (select min(seq) from audit)) as prev_hash,
    min(hash) filter (where seq = new.last_seq) as hash into old from audit where seq <= new.last_seq;
  if old.hash is distinct from new.last_hash or old.rows <> new.rows or old.prev_hash is distinct from new.prev_hash then
    perform refuse('a checkpoint is of the rows that are there', 'checkpoint_rows');
  end if;
  if old.at > extract(epoch from clock_timestamp()) * 1000 - 30 * 86400000::bigint then
    perform refuse('rows of the last 30 days stay', 'checkpoint_young');
  end if;
  if not exists (select from audit where seq > new.last_seq) then
    perform refuse('the newest row stays', 'checkpoint_newest');
  end if;
  if exists (select from installation i where i.kept_hash is not null
      and not exists (select from audit a where a.hash = i.kept_hash and a.seq > new.last_seq)) then
    perform refuse('the row that the archive has as the head stays', 'checkpoint_kept');
  end if;
  if exists (select from deletion where phase not in ('deleted', 'closed') and opened_at <= old.at) then
    perform refuse('rows since the oldest deletion under way stay', 'checkpoint_deletion');
  end if;
  return new;
end $$;
create trigger audit_checkpoint_rules before insert on audit_checkpoint for each row execute function audit_checkpoint_rules();

create function is_cut_off(seq bigint) returns boolean language sql stable set search_path = twokey, pg_temp as $$
  select exists (select from audit_checkpoint c where c.last_seq >= is_cut_off.seq)
$$;
drop trigger append_only_row on audit;
create trigger append_only_row before update on audit for each row execute function refuse_change();
create trigger kept_row before delete on audit for each row when (not is_cut_off(old.seq)) execute function refuse_change();

-- Records a checkpoint and cuts off what it covers, or does neither; gives how many rows. Nobody but the owner may call it.
create function cut_audit(last_seq bigint, last_hash text, rows bigint, prev_hash text, file text, at bigint, signature text) returns bigint
language plpgsql security definer set search_path = twokey, pg_temp as $$
declare
  gone bigint;
begin
  -- As who appends does: nothing is written to the log meanwhile.
  perform pg_advisory_xact_lock(hashtextextended('twokey.audit', 0));
  insert into audit_checkpoint values (last_seq, last_hash, rows, prev_hash, file, at, signature);
  delete from audit a where a.seq <= cut_audit.last_seq;
  get diagnostics gone = row_count;
  if gone <> rows then perform refuse('a checkpoint is of the rows that are there', 'checkpoint_rows'); end if;
  return gone;
end $$;
revoke all on function cut_audit(bigint, text, bigint, text, text, bigint, text) from public;
