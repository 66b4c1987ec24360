/**
 * The role with which the bot works: it owns nothing, and has no right that a guard trigger would refuse.
 *
 * Roles belong to the whole server, tables to one database; so a role of our own making is named after its database's number. What it may
 * do follows from the guards: a table that refuses updates gives no right to update. A new table of a later migration needs nothing more
 * than its guard, and no list has to be kept.
 *
 * Source: PostgreSQL manual, GRANT, CREATE ROLE (version 16: who makes a role may grant it), "Writing SECURITY DEFINER functions safely".
 * Invariant: INV-10. ADR 0304.
 */
import pg from "pg";
import { z } from "zod";
import { runWithAdvisoryLock } from "./advisory-lock.ts";
import { connectionSettings } from "./db.ts";

/** How the bot's own role comes to its rights: `login` with an address of its own, or `set_role` behind the owner's login. */
export type RoleEntry = "login" | "set_role";

const TURN = { waitMs: Infinity, pollMs: 50 } as const;

/**
 * Makes this database's own role for the bot, unless it is there; gives its name, or null when the owner may not make roles.
 *
 * A role with `login` has no password: only a server that asks for none lets it in.
 */
export async function ensureBotRole(ownerUrl: string, entry: RoleEntry): Promise<string | null> {
  return asOwner(ownerUrl, async (client) => {
    const [me] = z.array(Me).parse((await client.query(ME)).rows);
    if (me === undefined) return null;
    if (!me.there && !me.may_create) return null;
    if (!me.there) await client.query(`create role ${me.role} noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls`);
    if (me.may_create) await client.query(`alter role ${me.role} ${entry === "login" ? "login" : "nologin"}`);
    if (entry === "set_role" && !me.may_become) await client.query(`grant ${me.role} to session_user`);
    return me.role;
  });
}

const Me = z.object({ role: z.string(), there: z.boolean(), may_create: z.boolean(), may_become: z.boolean() });
const ME = `
  select 'twokey_bot_' || d.oid as role, r.oid is not null as there, me.rolsuper or me.rolcreaterole as may_create,
         me.rolsuper or coalesce(pg_has_role(session_user, r.oid, 'USAGE'), false) as may_become
  from pg_database d join pg_roles me on me.rolname = session_user left join pg_roles r on r.rolname = 'twokey_bot_' || d.oid
  where d.datname = current_database()`;

/**
 * Gives a role what the bot needs in the schema `twokey`, takes from it what it has beyond that, and closes the guards' search path.
 *
 * Errors: throws what PostgreSQL says; then nothing has changed.
 */
export async function grantBotRights(ownerUrl: string, role: string): Promise<void> {
  await asOwner(ownerUrl, async (client) => {
    const name = pg.escapeIdentifier(role);
    await client.query("begin");
    await client.query(`revoke all on schema twokey from ${name}`);
    await client.query(`grant usage on schema twokey to ${name}`);
    for (const kind of ["tables", "sequences"]) await client.query(`revoke all on all ${kind} in schema twokey from ${name}`);
    const tables = z.array(Table).parse((await client.query(TABLES)).rows);
    for (const table of tables) await client.query(`grant ${rightsOn(table)} on ${table.name} to ${name}`);
    await closeSearchPath(client);
    await client.query("commit");
  });
}

const Table = z.object({
  name: z.string(),
  keeps_values: z.boolean(),
  keeps_rows: z.boolean(),
  is_record: z.boolean(),
  columns: z.string(),
});
/** A trigger's type is a set of bits: 8 delete, 16 update (`pg_trigger.tgtype`). */
const TABLES = `
  select c.oid::regclass::text as name, c.relname in ('pgmigrations', 'migration_file') as is_record,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'refuse_change'::regproc and t.tgtype & 16 <> 0) as keeps_values,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'refuse_change'::regproc and t.tgtype & 8 <> 0) as keeps_rows,
    (select string_agg(quote_ident(a.attname), ', ') from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity <> 'a' and a.attgenerated = '') as columns
  from pg_class c where c.relnamespace = 'twokey'::regnamespace and c.relkind in ('r', 'p')`;

/** Columns that the database numbers itself are left out: nobody gives a row a place of their choice in the log. */
function rightsOn(table: z.output<typeof Table>): string {
  if (table.is_record) return "select";
  const update = table.keeps_values ? "" : ", update";
  const remove = table.keeps_rows ? "" : ", delete";
  return `select, insert (${table.columns})${update}${remove}`;
}

/** A guard that looks for its tables on the caller's path would find the caller's temporary table of the same name. */
async function closeSearchPath(client: pg.Client): Promise<void> {
  const { rows } = await client.query(`
    select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'twokey'::regnamespace and p.prokind = 'f'
      and not coalesce(p.proconfig::text like '%search_path=%', false)`);
  for (const { name } of z.array(z.object({ name: z.string() })).parse(rows))
    await client.query(`alter function ${name} set search_path = twokey, pg_temp`);
}

/** Replicas that start at once take turns: two that change one role or one right at the same moment collide in PostgreSQL's catalogue. */
async function asOwner<T>(ownerUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const turn = await runWithAdvisoryLock(connectionSettings(ownerUrl), "twokey.store.roles", TURN, async () => {
    const client = new pg.Client(connectionSettings(ownerUrl));
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  });
  if (!turn.held) throw new Error("the lock on the roles was not given");
  return turn.value;
}
