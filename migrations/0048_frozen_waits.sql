-- Up Migration
-- INV-3: the policy that a deletion freezes at its birth has both waits, and neither is shorter than that of the policy
-- in force, as its quorum is not smaller (0008) and its budgets count with those in force (0039).

create function deletion_birth_policy() returns trigger language plpgsql as $$
declare
  wait text;
  frozen bigint;
  in_force jsonb := (select body from policy_version order by version desc limit 1);
begin
  foreach wait in array array['coolOffMs', 'graceMs'] loop
    frozen := case jsonb_typeof(new.policy -> wait) when 'number' then (new.policy ->> wait)::numeric end;
    if frozen is null or frozen < 0 or frozen < (in_force ->> wait)::numeric then
      perform refuse(format('%s is missing or shorter than the policy in force says', wait), 'deletion_birth_waits');
    end if;
  end loop;
  return new;
end $$;
create trigger deletion_birth_policy before insert on deletion for each row execute function deletion_birth_policy();
