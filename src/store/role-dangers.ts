import type pg from "pg";
import { z } from "zod";

const Row = z.object({ login: z.string(), danger: z.string() });

/** What a login could do to the tables that only grow. */
export interface RoleReport {
  readonly login: string;
  /** Part of a sentence each; empty: nothing. */
  readonly dangers: readonly string[];
}

/**
 * Reads what the bot's connection could do to the audit log with the rights of its role or of its login: SQL can return to the login.
 *
 * Errors: throws when the database cannot be read. Invariant: INV-10.
 */
export async function readRoleReport(bot: pg.Client): Promise<RoleReport> {
  const rows = z.array(Row).parse((await bot.query(DANGERS)).rows);
  return { login: rows[0]?.login ?? "?", dangers: rows.map((r) => r.danger).filter((d) => d !== "") };
}

/** The warning that is logged at start, or null when the role has no such right. */
export function roleWarning(report: RoleReport): string | null {
  if (report.dangers.length === 0) return null;
  return (
    `The bot's database login ${report.login} could change the audit log: it ${report.dangers.join("; it ")}. ` +
    "Give the bot a role of its own: docs/database-roles.md."
  );
}

/** One danger per row; the first row only names the login. */
const DANGERS = `
  with me as (select r.* from pg_roles r where r.rolname = session_user),
  guarded as (
    select c.oid, c.oid::regclass::text as name, c.relowner from pg_class c
    where c.relnamespace = 'twokey'::regnamespace and c.relkind in ('r', 'p')
      and exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'twokey.refuse_change'::regproc)),
  rights as (
    select g.name, p.what from guarded g cross join (values ('TRUNCATE'), ('TRIGGER')) p (what)
    where has_table_privilege(session_user, g.oid, p.what) or has_table_privilege(current_user, g.oid, p.what)
    union all
    select g.name, 'UPDATE' from guarded g
    where exists (select from pg_trigger t where t.tgrelid = g.oid and t.tgfoid = 'twokey.refuse_change'::regproc and t.tgtype & 16 <> 0)
      and (has_any_column_privilege(session_user, g.oid, 'UPDATE') or has_any_column_privilege(current_user, g.oid, 'UPDATE'))
    union all
    select g.name, 'DELETE' from guarded g
    where has_table_privilege(session_user, g.oid, 'DELETE') or has_table_privilege(current_user, g.oid, 'DELETE'))
  select session_user::text as login, '' as danger
  union all select session_user, 'is a superuser' from me where me.rolsuper
  union all select session_user, 'owns, or may become the owner of, ' || string_agg(g.name, ', ' order by g.name)
    from guarded g, me where not me.rolsuper and pg_has_role(session_user, g.relowner, 'MEMBER') having count(*) > 0
  union all select session_user, 'owns the schema twokey, or may become its owner' from pg_namespace n, me
    where n.nspname = 'twokey' and not me.rolsuper and pg_has_role(session_user, n.nspowner, 'MEMBER')
  union all select session_user, 'owns the database, or may become its owner, so that it may drop it' from pg_database d, me
    where d.datname = current_database() and not me.rolsuper and pg_has_role(session_user, d.datdba, 'MEMBER')
  union all select session_user, 'may create things in the schema twokey' from me
    where not me.rolsuper and has_schema_privilege(session_user, 'twokey', 'CREATE')
  union all select session_user, 'may make itself a member of any role (CREATEROLE)' from me
    where not me.rolsuper and me.rolcreaterole and current_setting('server_version_num')::int < 160000
  union all select session_user, 'may run programs or write files on the server' from me
    where not me.rolsuper and (pg_has_role(session_user, 'pg_execute_server_program', 'MEMBER') or pg_has_role(session_user, 'pg_write_server_files', 'MEMBER'))
  union all select session_user, 'has the right ' || r.what || ' on ' || string_agg(r.name, ', ' order by r.name)
    from rights r, me where not me.rolsuper group by r.what`;
