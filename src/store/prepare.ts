import type pg from "pg";
import { z } from "zod";
import { ensureBotRole, grantBotRights } from "./bot-role.ts";
import { connectionSettings, withConnection } from "./db.ts";
import { expectMigrated, migrateOn } from "./migrate.ts";
import { whyNoSession } from "./sessions.ts";
import { readRoleReport, roleWarning } from "./role-dangers.ts";

/** The addresses of Twokey's own database. `migrationUrl`: the owner's address, when `url` is of a role with fewer rights. */
export interface StoreAddress {
  readonly url: string;
  readonly migrationUrl: string | null;
}

/** A migrated database, and how the bot connects to it. */
export interface PreparedStore {
  /** The bot's address at run time; secret. */
  readonly url: string;
  /** For the log: the bot's role could change the audit log. Null: it could not. */
  readonly warning: string | null;
  /** Names of the migrations that were applied now. */
  readonly applied: readonly string[];
}

/** Migrates the tables of another module in the same database; `role` gets rights on them. */
export type MigrateAlso = (ownerUrl: string, role: string | null) => Promise<void>;

/**
 * Migrates the database as its owner, and finds the address for the bot: one whose role owns nothing.
 *
 * Three cases: `url` is of a role with fewer rights (the owner has migrated, or `migrationUrl` is the owner's); or it is the owner's, and
 * a role is created, used by a login of its own where the server asks for no password, else by SET ROLE; or it is the owner's, and no role
 * can be created: then the owner is used, with a `warning`. Only what is not yet in order is changed.
 *
 * Errors: `SessionsRefused` behind a pooler that shares sessions or drops options; `MigrationRefused`, also when a role without the right to migrate finds missing migrations. Invariant: INV-10. ADR 0304.
 */
export async function prepareStore(address: StoreAddress, also: MigrateAlso): Promise<PreparedStore> {
  const { url, migrationUrl } = address;
  for (const one of [url, migrationUrl ?? url]) await expectSessions(one);
  return migrationUrl === null
    ? withConnection(url, (client) => prepareAlone(client, url, also))
    : prepareForOther(url, migrationUrl, also);
}

/** Migrates as the owner, and grants `role` its rights. For `twokey migrate` and the two-role set-up. */
export function migrateFor(ownerUrl: string, role: string, also: MigrateAlso): Promise<readonly string[]> {
  return withConnection(ownerUrl, (owner) => migrateOnFor(owner, ownerUrl, role, also));
}

async function migrateOnFor(owner: pg.Client, ownerUrl: string, role: string, also: MigrateAlso): Promise<readonly string[]> {
  const applied = await migrateOn(owner);
  await grantBotRights(owner, role);
  await also(ownerUrl, role);
  return applied;
}

/**
 * Reads whether the database has Twokey's tables, and what the role that the bot would use could do; changes nothing.
 *
 * Errors: throws when the database cannot be read.
 */
export function inspectStore(url: string): Promise<{ readonly isMigrated: boolean; readonly warning: string | null }> {
  return withConnection(url, async (client) => {
    const { owns, there, role } = await readLogin(client);
    if (!there) return { isMigrated: false, warning: null };
    const own = owns && new URL(url).password === "" ? addressOf(url, role) : null;
    const warning = own === null ? null : await warningThrough(own);
    return { isMigrated: true, warning: warning === null ? roleWarning(await readRoleReport(client)) : warning.text };
  });
}

/** The address of a pooler that Twokey cannot work through; the message says what to do. */
class SessionsRefused extends Error {
  override readonly name = "SessionsRefused";
}

async function expectSessions(url: string): Promise<void> {
  const problem = await whyNoSession(connectionSettings(url));
  if (problem === null) return;
  throw new SessionsRefused(`Twokey cannot use its own database: ${problem}. Set DATABASE_URL to PostgreSQL itself, without the pooler.`);
}

function prepareForOther(url: string, migrationUrl: string, also: MigrateAlso): Promise<PreparedStore> {
  return withConnection(url, async (bot) => {
    const { login } = await readLogin(bot);
    return withConnection(migrationUrl, async (owner) => {
      // Both addresses are of one role: as if only one had been given.
      if ((await readLogin(owner)).login === login) return prepareAlone(owner, migrationUrl, also);
      const applied = await migrateOnFor(owner, migrationUrl, login, also);
      return { url, applied, warning: roleWarning(await readRoleReport(bot)) };
    });
  });
}

async function prepareAlone(client: pg.Client, url: string, also: MigrateAlso): Promise<PreparedStore> {
  const { owns } = await readLogin(client);
  if (!owns) {
    await expectMigrated(client);
    return { url, applied: [], warning: roleWarning(await readRoleReport(client)) };
  }

  const applied = await migrateOn(client);
  const isOpen = new URL(url).password === "";
  const role = await ensureBotRole(client, isOpen ? "login" : "set_role");
  if (role === null) {
    await also(url, null);
    return { url, applied, warning: roleWarning(await readRoleReport(client)) };
  }

  await grantBotRights(client, role);
  await also(url, role);
  if (isOpen) {
    const own = addressOf(url, role);
    const warning = own === null ? null : await warningThrough(own);
    if (own !== null && warning !== null) return { url: own, applied, warning: warning.text };
    await ensureBotRole(client, "set_role");
  }
  const botUrl = setRoleUrl(url, role);
  return { url: botUrl, applied, warning: await withConnection(botUrl, async (bot) => roleWarning(await readRoleReport(bot))) };
}

const Login = z.object({ login: z.string(), owns: z.boolean(), there: z.boolean(), role: z.string() });

/** The login of a connection, and whether it may migrate: it owns the schema, or there is none yet. */
async function readLogin(client: pg.Client): Promise<z.output<typeof Login>> {
  const { rows } = await client.query(`
    select session_user::text as login, exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'twokey' and c.relname = 'audit') as there,
      (select 'twokey_bot_' || oid from pg_database where datname = current_database()) as role,
      coalesce((select pg_has_role(session_user, n.nspowner, 'USAGE') from pg_namespace n where n.nspname = 'twokey'), true) as owns`);
  return Login.parse(rows[0]);
}

/** The same address with another login and no password; null where an address cannot name a login. */
function addressOf(url: string, role: string): string | null {
  const own = new URL(url);
  own.username = role;
  return own.username === role ? own.href : null;
}

/** The owner's address, but every connection starts as the role. SQL can still return to the owner's rights, so people are warned. */
function setRoleUrl(url: string, role: string): string {
  const own = new URL(url);
  const given = own.searchParams.get("options");
  own.searchParams.set("options", `${given ?? "-c search_path=twokey"} -c role=${role}`);
  return own.href;
}

/** The warning about the role of an address; null: the server refuses the login without a password. */
async function warningThrough(url: string): Promise<{ readonly text: string | null } | null> {
  let isConnected = false;
  try {
    return await withConnection(url, async (bot) => {
      isConnected = true;
      return { text: roleWarning(await readRoleReport(bot)) };
    });
  } catch (error) {
    // The question was whether the server accepts the login; any error before it means no.
    if (!isConnected) return null;
    throw error;
  }
}
