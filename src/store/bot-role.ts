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
import { inTurn } from "./advisory-lock.ts";

/** How the bot's own role comes to its rights: `login` with an address of its own, or `set_role` behind the owner's login. */
export type RoleEntry = "login" | "set_role";

/** Replicas that start at once take turns: two that change one role or one right at the same moment collide in PostgreSQL's catalogue. */
const TURN = "twokey.store.roles";

/**
 * Makes this database's own role for the bot, unless it is there; gives its name, or null when the owner may not make roles.
 *
 * A role with `login` has no password: only a server that asks for none lets it in. `owner` is a connection of the owner's.
 */
export async function ensureBotRole(owner: pg.Client, entry: RoleEntry): Promise<string | null> {
  const found = await readBotRole(owner);
  if (!found.there && !found.may_create) return null;
  if (changesOf(found, entry).length === 0) return found.role;
  await inTurn(owner, TURN, async () => {
    // Whoever had the turn before may have made it.
    for (const change of changesOf(await readBotRole(owner), entry)) await owner.query(change);
  });
  return found.role;
}

const Me = z.object({ role: z.string(), there: z.boolean(), may_login: z.boolean(), may_create: z.boolean(), may_become: z.boolean() });
const ME = `
  select 'twokey_bot_' || d.oid as role, r.oid is not null as there, coalesce(r.rolcanlogin, false) as may_login,
         me.rolsuper or me.rolcreaterole as may_create,
         me.rolsuper or coalesce(pg_has_role(session_user, r.oid, 'USAGE'), false) as may_become
  from pg_database d join pg_roles me on me.rolname = session_user left join pg_roles r on r.rolname = 'twokey_bot_' || d.oid
  where d.datname = current_database()`;

async function readBotRole(owner: pg.Client): Promise<z.output<typeof Me>> {
  return Me.parse((await owner.query(ME)).rows[0]);
}

/** What makes a role that is there and entered in this way; empty: it is so already. */
function changesOf(me: z.output<typeof Me>, entry: RoleEntry): readonly string[] {
  const made = me.there ? [] : [`create role ${me.role} noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls`];
  const isOpen = me.may_login === (entry === "login");
  if (me.may_create && !isOpen) made.push(`alter role ${me.role} ${entry === "login" ? "login" : "nologin"}`);
  if (entry === "set_role" && !me.may_become) made.push(`grant ${me.role} to session_user`);
  return made;
}

/**
 * Gives a role what the bot needs in the schema `twokey`, takes from it what it has beyond that, and closes the guards' search path.
 *
 * Looks first: where the role has exactly these rights and every guard's path is closed, nothing is changed and nobody is waited for.
 * Errors: throws what PostgreSQL says; then nothing has changed.
 */
export async function grantBotRights(owner: pg.Client, role: string): Promise<void> {
  if (await hasJustTheRights(owner, role)) return;
  await inTurn(owner, TURN, async () => {
    const name = pg.escapeIdentifier(role);
    await owner.query(`revoke all on schema twokey from ${name}`);
    await owner.query(`grant usage on schema twokey to ${name}`);
    for (const kind of ["tables", "sequences"]) await owner.query(`revoke all on all ${kind} in schema twokey from ${name}`);
    for (const table of await readTables(owner)) await owner.query(`grant ${rightsOn(table).join(", ")} on ${table.name} to ${name}`);
    await closeSearchPath(owner);
  });
}

const Table = z.object({
  name: z.string(),
  keeps_values: z.boolean(),
  keeps_rows: z.boolean(),
  is_record: z.boolean(),
  columns: z.array(z.string()),
});
/** A trigger's type is a set of bits: 8 delete, 16 update (`pg_trigger.tgtype`). */
const TABLES = `
  select format('twokey.%I', c.relname) as name, c.relname in ('pgmigrations', 'migration_file') as is_record,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'twokey.refuse_change'::regproc and t.tgtype & 16 <> 0) as keeps_values,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'twokey.refuse_change'::regproc and t.tgtype & 8 <> 0) as keeps_rows,
    array(select quote_ident(a.attname) from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity <> 'a' and a.attgenerated = '') as columns
  from pg_class c where c.relnamespace = 'twokey'::regnamespace and c.relkind in ('r', 'p')`;

async function readTables(owner: pg.Client): Promise<readonly z.output<typeof Table>[]> {
  return z.array(Table).parse((await owner.query(TABLES)).rows);
}

/** Columns that the database numbers itself are left out: nobody gives a row a place of their choice in the log. */
function rightsOn(table: z.output<typeof Table>): readonly string[] {
  if (table.is_record) return ["select"];
  const update = table.keeps_values ? [] : ["update"];
  const remove = table.keeps_rows ? [] : ["delete"];
  return ["select", ...table.columns.map((column) => `insert (${column})`), ...update, ...remove];
}

/** Whether a role has every right that it should have, and none beyond: not one more column, nor the right to pass one on. */
async function hasJustTheRights(owner: pg.Client, role: string): Promise<boolean> {
  const wanted = ["usage on schema", ...(await readTables(owner)).flatMap((t) => rightsOn(t).map((right) => `${right} on ${t.name}`))];
  const rows = z.array(z.object({ right: z.string() })).parse((await owner.query(RIGHTS, [role])).rows);
  const has = rows.map((row) => row.right);
  const isSame = has.toSorted().join("\n") === wanted.toSorted().join("\n");
  return isSame && (await readOpenFunctions(owner)).length === 0;
}

/** Every right of a role on what is in the schema, as the catalogue has it; an owner's own rights are not written there, hence `acldefault`. */
const RIGHTS = `
  with thing as (
    select 'schema' as name, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as acl from pg_namespace where nspname = 'twokey'
    union all
    select format('twokey.%I', relname), relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
    from pg_class where relnamespace = 'twokey'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
  given as (
    select t.name, '' as part, t.owner, a.* from thing t, aclexplode(t.acl) a
    union all
    select format('twokey.%I', c.relname), format(' (%I)', t.attname), c.relowner, a.*
    from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
    where c.relnamespace = 'twokey'::regnamespace and not t.attisdropped)
  select lower(g.privilege_type) || g.part || ' on ' || g.name || case when g.is_grantable then ', to pass on' else '' end
    || case when g.grantor <> g.owner then ', from another' else '' end as right
  from given g join pg_roles r on r.oid = g.grantee where r.rolname = $1`;

/** A guard that looks for its tables on the caller's path would find the caller's temporary table of the same name. */
async function closeSearchPath(owner: pg.Client): Promise<void> {
  for (const name of await readOpenFunctions(owner)) await owner.query(`alter function ${name} set search_path = twokey, pg_temp`);
}

async function readOpenFunctions(owner: pg.Client): Promise<readonly string[]> {
  const { rows } = await owner.query(`
    select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'twokey'::regnamespace and p.prokind = 'f'
      and not coalesce(p.proconfig::text like '%search_path=%', false)`);
  return z
    .array(z.object({ name: z.string() }))
    .parse(rows)
    .map((row) => row.name);
}
