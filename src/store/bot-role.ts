/**
 * The PostgreSQL role of the bot: it owns nothing, and has no right that a guard trigger would refuse.
 *
 * Roles belong to the whole server, tables to one database; so a role that we create is named after its database's oid. Its rights follow
 * from the guard triggers: on a table that refuses updates it has no right to update. A table of a later migration needs only its guard.
 *
 * Source: PostgreSQL manual, GRANT, CREATE ROLE (version 16: who makes a role may grant it), "Writing SECURITY DEFINER functions safely".
 * Invariant: INV-10. ADR 0304.
 */
import pg from "pg";
import { z } from "zod";
import { inLockedTransaction } from "./advisory-lock.ts";

/** How the bot uses its role: `login` as the role itself, or `set_role` after the owner's login. */
export type RoleEntry = "login" | "set_role";

/** Replicas that start at once wait for each other: two that change one role at the same time collide in PostgreSQL's catalogue. */
const ROLES_LOCK = "twokey.store.roles";

/**
 * Creates this database's role for the bot, unless it exists; gives its name, or null when the owner may not create roles.
 *
 * A role with `login` has no password: only a server that asks for none accepts it. `owner` is a connection of the owner's.
 */
export async function ensureBotRole(owner: pg.Client, entry: RoleEntry): Promise<string | null> {
  const found = await readBotRole(owner);
  if (!found.there && !found.may_create) return null;
  if (changesOf(found, entry).length === 0) return found.role;
  await inLockedTransaction(owner, ROLES_LOCK, async () => {
    // The process that held the lock before may have made it.
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

/** The statements that create a role with this entry; empty: it exists so. */
function changesOf(me: z.output<typeof Me>, entry: RoleEntry): readonly string[] {
  const made = me.there ? [] : [`create role ${me.role} noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls`];
  const isOpen = me.may_login === (entry === "login");
  if (me.may_create && !isOpen) made.push(`alter role ${me.role} ${entry === "login" ? "login" : "nologin"}`);
  if (entry === "set_role" && !me.may_become) made.push(`grant ${me.role} to session_user`);
  return made;
}

/**
 * Grants a role what the bot needs in the schema `twokey`, revokes everything else, and sets the guards' search path.
 *
 * Where the role has exactly these rights and every guard has its search path, nothing is changed and no lock is taken.
 * Errors: throws what PostgreSQL says; then nothing has changed.
 */
export async function grantBotRights(owner: pg.Client, role: string): Promise<void> {
  if (await hasJustTheRights(owner, role)) return;
  await inLockedTransaction(owner, ROLES_LOCK, async () => {
    const name = pg.escapeIdentifier(role);
    await owner.query(`revoke all on schema twokey from ${name}`);
    await owner.query(`grant usage on schema twokey to ${name}`);
    for (const kind of ["tables", "sequences", "functions"]) await owner.query(`revoke all on all ${kind} in schema twokey from ${name}`);
    for (const table of await readTables(owner)) await owner.query(`grant ${rightsOn(table).join(", ")} on ${table.name} to ${name}`);
    for (const call of CALLS) await owner.query(`grant execute on function ${call} to ${name}`);
    await closeSearchPath(owner);
  });
}

/** Functions that work with the owner's rights, and check by themselves what they are asked for. */
const CALLS = ["twokey.drop_old_plans"];

const Table = z.object({
  name: z.string(),
  keeps_values: z.boolean(),
  keeps_rows: z.boolean(),
  is_record: z.boolean(),
  columns: z.array(z.string()),
});
/** A trigger's type is a set of bits: 8 delete, 16 update (`pg_trigger.tgtype`). */
const TABLES = `
  select format('twokey.%I', c.relname) as name, c.relname in ('pgmigrations', 'migration_file', 'audit_checkpoint') as is_record,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'twokey.refuse_change'::regproc and t.tgtype & 16 <> 0) as keeps_values,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'twokey.refuse_change'::regproc and t.tgtype & 8 <> 0) as keeps_rows,
    array(select quote_ident(a.attname) from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity <> 'a' and a.attgenerated = '') as columns
  from pg_class c where c.relnamespace = 'twokey'::regnamespace and c.relkind in ('r', 'p')`;

async function readTables(owner: pg.Client): Promise<readonly z.output<typeof Table>[]> {
  return z.array(Table).parse((await owner.query(TABLES)).rows);
}

/** Without the columns that the database numbers itself: nobody may choose a row's place in the log. */
function rightsOn(table: z.output<typeof Table>): readonly string[] {
  if (table.is_record) return ["select"];
  const update = table.keeps_values ? [] : ["update"];
  const remove = table.keeps_rows ? [] : ["delete"];
  return ["select", ...table.columns.map((column) => `insert (${column})`), ...update, ...remove];
}

/** Whether a role has exactly the rights that it should have: no further column, no grant option. */
async function hasJustTheRights(owner: pg.Client, role: string): Promise<boolean> {
  const onTables = (await readTables(owner)).flatMap((t) => rightsOn(t).map((right) => `${right} on ${t.name}`));
  const wanted = ["usage on schema", ...CALLS.map((call) => `execute on ${call}`), ...onTables];
  const rows = z.array(z.object({ right: z.string() })).parse((await owner.query(RIGHTS, [role])).rows);
  const has = rows.map((row) => row.right);
  const isSame = has.toSorted().join("\n") === wanted.toSorted().join("\n");
  return isSame && (await readOpenFunctions(owner)).length === 0;
}

/** Every right of a role in the schema, from the catalogue; an owner's own rights are not stored there, so `acldefault` gives them. */
const RIGHTS = `
  with thing as (
    select 'schema' as name, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as acl from pg_namespace where nspname = 'twokey'
    union all
    select format('twokey.%I', relname), relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
    from pg_class where relnamespace = 'twokey'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select format('twokey.%I', proname), proowner, proacl from pg_proc where pronamespace = 'twokey'::regnamespace and proacl is not null),
  given as (
    select t.name, '' as part, t.owner, a.* from thing t, aclexplode(t.acl) a
    union all
    select format('twokey.%I', c.relname), format(' (%I)', t.attname), c.relowner, a.*
    from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
    where c.relnamespace = 'twokey'::regnamespace and not t.attisdropped)
  select lower(g.privilege_type) || g.part || ' on ' || g.name || case when g.is_grantable then ', to pass on' else '' end
    || case when g.grantor <> g.owner then ', from another' else '' end as right
  from given g join pg_roles r on r.oid = g.grantee where r.rolname = $1`;

/** With the caller's search path a guard would find the caller's temporary table of the same name. */
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
