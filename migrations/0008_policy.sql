-- Up Migration
-- Limits are data: versions of the team's policy, each but the first made by two people. Every `at` and *_at is epoch milliseconds in UTC.

create table policy_version (
  version integer primary key check (version >= 1),
  body jsonb not null,
  change_id uuid unique,
  at bigint not null,
  check ((version = 1) = (change_id is null))
);
select make_append_only('policy_version');

-- One proposed change of one setting. `body` is the whole policy as it would be.
create table policy_change (
  id uuid primary key,
  base_version integer not null references policy_version (version),
  setting text not null check (setting <> ''),
  body jsonb not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  proposed_by text not null check (proposed_by <> ''),
  proposed_by_name text not null,
  reason text not null check (reason <> ''),
  quorum integer not null check (quorum >= 2),
  proposed_at bigint not null,
  expires_at bigint not null check (expires_at > proposed_at),
  state text not null default 'proposed' check (state in ('proposed', 'applied', 'rejected', 'expired', 'superseded')),
  ended_at bigint,
  ended_by text,
  ended_reason text,
  check ((ended_at is null) = (state = 'proposed'))
);
create unique index policy_change_one_live on policy_change (setting) where state = 'proposed';
alter table policy_version add foreign key (change_id) references policy_change (id);

create table policy_vote (
  change_id uuid not null references policy_change (id),
  voter text not null check (voter <> ''),
  voter_name text not null,
  verdict text not null check (verdict in ('approve', 'reject')),
  digest text not null,
  reason text,
  at bigint not null,
  primary key (change_id, voter)
);
select make_append_only('policy_vote');

create function policy_change_birth() returns trigger language plpgsql as $$
declare base policy_version;
begin
  select * into base from policy_version order by version desc limit 1;
  if new.state <> 'proposed' then perform refuse('a change begins as a proposal', 'policy_birth'); end if;
  if new.base_version <> base.version then perform refuse('a change starts from the policy in force', 'policy_base'); end if;
  if new.quorum < (base.body ->> 'quorum')::integer then perform refuse('a change takes the quorum in force', 'policy_quorum'); end if;
  return new;
end $$;
create trigger policy_change_birth before insert on policy_change for each row execute function policy_change_birth();

create function policy_vote_rules() returns trigger language plpgsql as $$
declare c policy_change;
begin
  select * into c from policy_change where id = new.change_id for update;
  if c.state <> 'proposed' then perform refuse('votes count while a change is proposed, and at no other time', 'policy_vote_state'); end if;
  if new.verdict = 'approve' and new.voter = c.proposed_by then perform refuse('who proposed a change may not approve it', 'policy_vote_proposer'); end if;
  if new.digest <> c.digest then perform refuse('the vote is for another digest', 'policy_vote_digest'); end if;
  if new.at < c.proposed_at or new.at >= c.expires_at then perform refuse('the vote came before the question or after the expiry', 'policy_vote_time'); end if;
  return new;
end $$;
create trigger policy_vote_rules before insert on policy_vote for each row execute function policy_vote_rules();

create function has_policy_quorum(c policy_change) returns boolean language sql stable as $$
  select not exists (select 1 from policy_vote v where v.change_id = c.id and v.verdict = 'reject')
    and (select count(distinct v.voter) from policy_vote v
         where v.change_id = c.id and v.verdict = 'approve' and v.digest = c.digest and v.voter <> c.proposed_by) >= greatest(c.quorum, 2)
$$;

-- The same rule for the whole policy as for a deletion: nothing but the first version comes into force without two people.
create function policy_version_rules() returns trigger language plpgsql as $$
declare c policy_change;
begin
  if new.version <> coalesce((select max(version) from policy_version), 0) + 1 then perform refuse('versions are counted one by one', 'policy_version_next'); end if;
  if new.version = 1 then return new; end if;
  select * into c from policy_change where id = new.change_id for update;
  if c.id is null or c.state <> 'proposed' or c.base_version <> new.version - 1 or c.body <> new.body or new.at >= c.expires_at then
    perform refuse('a version comes from a live change of the version before it', 'policy_version_change');
  end if;
  if not has_policy_quorum(c) then perform refuse('two distinct people must have approved exactly this', 'policy_version_quorum'); end if;
  return new;
end $$;
create trigger policy_version_rules before insert on policy_version for each row execute function policy_version_rules();

create function policy_change_rules() returns trigger language plpgsql as $$
begin
  if (new.id, new.base_version, new.setting, new.body, new.digest, new.proposed_by, new.proposed_by_name, new.reason, new.quorum, new.proposed_at, new.expires_at)
     is distinct from
     (old.id, old.base_version, old.setting, old.body, old.digest, old.proposed_by, old.proposed_by_name, old.reason, old.quorum, old.proposed_at, old.expires_at) then
    perform refuse('what people were asked does not change', 'policy_frozen_question');
  end if;
  if old.state <> 'proposed' then perform refuse('a change that ended stays ended', 'policy_ended'); end if;
  if new.state = 'applied' and not exists (select 1 from policy_version where change_id = new.id) then
    perform refuse('a change is applied when its version is in force', 'policy_applied');
  end if;
  return new;
end $$;
create trigger policy_change_rules before update on policy_change for each row execute function policy_change_rules();
create trigger policy_change_kept before delete on policy_change for each row execute function refuse_change();
create trigger policy_change_kept_truncate before truncate on policy_change for each statement execute function refuse_change();

-- A deletion asks for no fewer people than the policy in force.
create function deletion_policy_birth() returns trigger language plpgsql as $$
begin
  if new.quorum < coalesce((select (body ->> 'quorum')::integer from policy_version order by version desc limit 1), 0) then
    perform refuse('a deletion takes the quorum in force', 'deletion_policy_quorum');
  end if;
  return new;
end $$;
create trigger deletion_policy_birth before insert on deletion for each row execute function deletion_policy_birth();

-- The confirmed scope stands in the policy from now on.
alter table sync_state drop column pinned_scope;
