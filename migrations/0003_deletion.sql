-- Up Migration
-- Deletions, votes, inventories, archive entries, exports. The third wall: what the code must never do is refused here too.

create table deletion (
  id uuid primary key,
  domain_id uuid not null,
  project_id text not null,
  slug text not null,
  path text not null,
  name text not null,
  evidence jsonb not null,
  requesters text[] not null,
  phase text not null check (phase in ('archiving', 'proposed', 'cooling_off', 'quarantining', 'grace', 'dismantling', 'expunging', 'removing', 'deleted', 'closed', 'frozen')),
  frozen_from text,
  version integer not null default 1,
  digest text check (digest ~ '^[0-9a-f]{64}$'),
  quorum integer not null check (quorum >= 2),
  policy jsonb not null,
  opened_at bigint not null,
  proposed_at bigint,
  expires_at bigint,
  until_at bigint,
  entered_at bigint,
  activity text,
  restore_by text,
  closed_because text,
  closed_by text,
  closed_reason text,
  frozen_reason text,
  ran_machines text[] not null default '{}'
);
create unique index deletion_one_live on deletion (domain_id) where phase not in ('deleted', 'closed');
create index deletion_due on deletion (until_at) where phase not in ('deleted', 'closed', 'frozen');

create table vote (
  deletion_id uuid not null references deletion (id),
  voter text not null,
  voter_name text not null,
  verdict text not null check (verdict in ('approve', 'reject')),
  digest text not null,
  reason text,
  at bigint not null,
  primary key (deletion_id, voter)
);
select make_append_only('vote');

create table withdrawal (
  deletion_id uuid not null references deletion (id),
  voter text not null,
  at bigint not null,
  primary key (deletion_id, voter)
);
select make_append_only('withdrawal');

create table deletion_event (
  seq bigint generated always as identity primary key,
  deletion_id uuid not null references deletion (id),
  at bigint not null,
  kind text not null,
  data jsonb not null
);
select make_append_only('deletion_event');

-- What approvers were shown; the digest is over it.
create table approved_inventory (
  deletion_id uuid primary key references deletion (id),
  body jsonb not null,
  stored_at bigint not null
);
select make_append_only('approved_inventory');

-- The newest look at a domain before its dismantling: only for showing.
create table latest_inventory (deletion_id uuid primary key references deletion (id), body jsonb not null, looked_at bigint not null);

create table archive_entry (
  id uuid primary key,
  owner_kind text not null check (owner_kind in ('deletion', 'export')),
  owner_id uuid not null,
  item_kind text not null,
  item_id text not null,
  name text not null,
  state text not null check (state in ('waiting', 'saving', 'verified', 'failed')),
  store_key text,
  sha256 text,
  bytes bigint,
  problem text,
  manifest jsonb,
  updated_at bigint not null,
  unique (owner_kind, owner_id, item_id),
  check (state <> 'verified' or (store_key is not null and sha256 is not null and bytes is not null and manifest is not null))
);

create table export (
  id uuid primary key,
  slug text not null,
  template_id text not null,
  template_name text not null,
  asked_by text not null,
  listener jsonb not null,
  state text not null check (state in ('waiting', 'saving', 'ready', 'failed', 'expired')),
  done_bytes bigint not null default 0,
  total_bytes bigint,
  token_sha256 text,
  link_until bigint,
  problem text,
  asked_at bigint not null
);

create function refuse(what text, rule text) returns void language plpgsql as $$
begin
  raise exception '%', what using errcode = 'P0001', constraint = rule;
end $$;

-- INV-2: who may vote, on what, and when.
create function vote_rules() returns trigger language plpgsql as $$
declare d deletion;
begin
  select * into d from deletion where id = new.deletion_id for update;
  if d.phase <> 'proposed' then perform refuse('votes count while a deletion is proposed, and at no other time', 'vote_phase'); end if;
  if new.voter = any (d.requesters) then perform refuse('who asked for a deletion may not vote on it', 'vote_requester'); end if;
  if new.digest is distinct from d.digest then perform refuse('the vote is for another digest', 'vote_digest'); end if;
  if d.proposed_at is null or new.at < d.proposed_at then perform refuse('the vote came before the question', 'vote_early'); end if;
  if d.expires_at is null or new.at >= d.expires_at then perform refuse('the vote came after the expiry', 'vote_expired'); end if;
  return new;
end $$;
create trigger vote_rules before insert on vote for each row execute function vote_rules();

create function withdrawal_rules() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from deletion where id = new.deletion_id and phase in ('proposed', 'cooling_off')) then
    perform refuse('an approval can be withdrawn until the cool-off ends', 'withdrawal_phase');
  end if;
  return new;
end $$;
create trigger withdrawal_rules before insert on withdrawal for each row execute function withdrawal_rules();

create function has_quorum(d deletion) returns boolean language sql stable as $$
  select d.digest is not null
    and not exists (select 1 from vote v where v.deletion_id = d.id and v.verdict = 'reject')
    and (select count(distinct v.voter) from vote v
         where v.deletion_id = d.id and v.verdict = 'approve' and v.digest = d.digest and not (v.voter = any (d.requesters))
           and not exists (select 1 from withdrawal w where w.deletion_id = d.id and w.voter = v.voter)) >= greatest(d.quorum, 2)
$$;

-- INV-2, INV-3: phases move along this table only, and none beyond `proposed` without a quorum, whoever asks.
create function deletion_rules() returns trigger language plpgsql as $$
declare
  moves constant jsonb := '{"archiving": ["proposed"], "proposed": ["cooling_off"], "cooling_off": ["quarantining", "proposed"], "quarantining": ["grace"],
    "grace": ["dismantling"], "dismantling": ["expunging"], "expunging": ["removing"], "removing": ["deleted"]}';
begin
  if new.id <> old.id or new.domain_id <> old.domain_id or new.project_id <> old.project_id or new.requesters <> old.requesters
     or new.quorum <> old.quorum or new.policy <> old.policy or new.path <> old.path or new.name <> old.name or new.slug <> old.slug
     or new.evidence <> old.evidence or new.opened_at <> old.opened_at then
    perform refuse('what people were asked does not change', 'deletion_frozen_question');
  end if;
  if new.digest is distinct from old.digest and old.phase <> 'archiving' then perform refuse('the digest does not change after it was shown', 'deletion_digest'); end if;
  if old.phase <> 'archiving' and (new.expires_at is distinct from old.expires_at or new.proposed_at is distinct from old.proposed_at) then
    perform refuse('the time to approve does not change after the question was put', 'deletion_frozen_question');
  end if;
  if new.frozen_from is distinct from old.frozen_from then perform refuse('where a deletion froze is written by the database only', 'deletion_frozen_from'); end if;
  if new.phase = old.phase then
    if old.phase in ('cooling_off', 'grace') and (new.until_at is distinct from old.until_at or new.entered_at is distinct from old.entered_at) then
      perform refuse('a wait that has begun does not change', 'deletion_wait');
    end if;
    return new;
  end if;
  if old.phase in ('deleted', 'closed') then perform refuse('a deletion that ended stays ended', 'deletion_ended'); end if;
  if new.phase = 'closed' then
    if old.phase = 'removing' or (old.phase = 'frozen' and old.frozen_from = 'removing') then perform refuse('there is no way back from removing', 'deletion_no_return'); end if;
  elsif new.phase = 'frozen' then
    new.frozen_from := old.phase;
  elsif old.phase = 'frozen' then
    if new.phase <> old.frozen_from then perform refuse('a frozen deletion goes on where it stood', 'deletion_move'); end if;
  elsif not (moves -> old.phase) ? new.phase then
    perform refuse(format('a deletion cannot go from %s to %s', old.phase, new.phase), 'deletion_move');
  end if;
  if new.phase in ('cooling_off', 'quarantining', 'grace', 'dismantling', 'expunging', 'removing', 'deleted') and not has_quorum(new) then
    perform refuse('two distinct people must have approved exactly this', 'deletion_quorum');
  end if;
  if old.phase in ('cooling_off', 'grace') and new.phase in ('quarantining', 'dismantling')
     and (old.until_at is null or new.entered_at is null or new.entered_at < old.until_at) then
    perform refuse('the wait has not ended', 'deletion_wait');
  end if;
  new.version := old.version + 1;
  return new;
end $$;
create trigger deletion_rules before update on deletion for each row execute function deletion_rules();

create function deletion_birth() returns trigger language plpgsql as $$
begin
  if new.phase <> 'archiving' or new.digest is not null then perform refuse('a deletion begins with archiving', 'deletion_birth'); end if;
  return new;
end $$;
create trigger deletion_birth before insert on deletion for each row execute function deletion_birth();
create trigger deletion_kept before delete on deletion for each row execute function refuse_change();
create trigger deletion_kept_truncate before truncate on deletion for each statement execute function refuse_change();
