-- Up Migration
-- What a vote counts for is asked in every look at a deletion. PostgreSQL plans an SQL function anew in each statement that calls it, which
-- took most of the time of the statement; in PL/pgSQL it is planned once for a session. The rules stay as they are written.
do $$
declare
  f record;
begin
  for f in
    select p.oid::regprocedure as signature, p.proname as name, pg_get_function_arguments(p.oid) as arguments,
           pg_get_function_result(p.oid) as result, regexp_replace(p.prosrc, ';\s*$', '') as rule
    from pg_proc p join pg_language l on l.oid = p.prolang
    where p.pronamespace = 'twokey'::regnamespace and l.lanname = 'sql' and p.oid in (
      'identities_of(text[])'::regprocedure, 'without_account(text[])'::regprocedure, 'one_person_until(text[])'::regprocedure,
      'question_of_other_kinds(text, text)'::regprocedure, 'question_of(text, text)'::regprocedure,
      'has_quorum(text, text)'::regprocedure, 'has_unsaved(text)'::regprocedure, 'is_settled(text, text)'::regprocedure,
      'agreed_adoption(uuid, text)'::regprocedure)
  loop
    -- As in SQL, a column counts before an argument of the same name.
    execute format('create or replace function %I(%s) returns %s language plpgsql stable set plan_cache_mode = force_generic_plan as %L', f.name, f.arguments, f.result,
      E'#variable_conflict use_column\nbegin\n  return (' || f.rule || E'\n  );\nend');
  end loop;
end $$;
