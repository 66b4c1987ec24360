-- Up Migration
-- Whose database this is and how old it may be, and what two people were asked about because CloudStack or the archive says otherwise.

create table installation (
  one boolean primary key default true check (one),
  -- Made once; the mark at the managed root and the copy of the audit log's head carry it.
  id uuid not null default gen_random_uuid(),
  -- The annotation that is our newest mark, and the managed root that has it; null before the first.
  mark text,
  mark_root text,
  -- The hash of the newest head of the audit log that the archive was given; null before the first.
  kept_hash text
);

create function installation_rules() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or new.id <> old.id then perform refuse('an installation keeps its id', 'installation_id'); end if;
  return new;
end $$;
create trigger installation_rules before update or delete on installation for each row execute function installation_rules();

-- Something that says that this database is older than what it is to manage, or another installation's; each belongs to the stop that asks.
create table claim (
  stop bigint not null references stop_switch (seq),
  kind text not null check (kind in ('mark', 'mark_removed', 'domain', 'account', 'older', 'copy_lost')),
  subject text not null check (subject <> ''),
  sentence text not null,
  at bigint not null,
  primary key (stop, kind, subject)
);
create index claim_subject on claim (kind, subject);
select make_append_only('claim');

-- INV-2: people vote on what they were shown. A claim is put with the stop in force, and not once somebody voted to end it.
create function claim_rules() returns trigger language plpgsql as $$
begin
  if (current_stop()).seq is distinct from new.stop or exists (select from ballot where kind = 'resume' and question = new.stop::text) then
    perform refuse('a claim is put with the stop that is in force, before anybody votes to end it', 'claim_stop');
  end if;
  return new;
end $$;
create trigger claim_rules before insert on claim for each row execute function claim_rules();

-- Two people accepted a claim when they ended the very stop that it was put with: no other stop in between hid it from them.
create function is_settled(asked_kind text, asked text) returns boolean language sql stable as $$
  select exists (
    select from claim c where c.kind = asked_kind and c.subject = asked
      and (select s.kind from stop_switch s where s.seq > c.stop order by s.seq limit 1) = 'resume')
$$;
