-- Up Migration
-- INV-11: accounts that a later table adopts in a managed domain were in no plan that people released: its restrictions wait again.
create function managed_account_first_plan() returns trigger language plpgsql as $$
begin
  if exists (select from recorded r join managed_domain d using (domain_id) where r.adoption is not null and not d.first_plan) then
    perform refuse('what restricts in a domain with newly adopted accounts waits for a release', 'managed_account_first_plan');
  end if;
  return null;
end $$;
create trigger managed_account_first_plan after insert on managed_account referencing new table as recorded
  for each statement execute function managed_account_first_plan();
