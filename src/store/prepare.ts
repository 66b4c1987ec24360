import pg from "pg";
import { z } from "zod";
import { ensureBotRole, grantBotRights } from "./bot-role.ts";
import { connectionSettings } from "./db.ts";
import { expectMigrated, migrate } from "./migrate.ts";
import { readRoleReport, roleWarning } from "./role-dangers.ts";

/** Where Twokey's own database is. `migrationUrl`: the owner's address, when the bot's own is a lesser role's. */
export interface StoreAddress {
  readonly url: string;
  readonly migrationUrl: string | null;
}

/** A database that is up to date, and how the bot reaches it. */
export interface PreparedStore {
  /** Address for everything that works at run time; never told to anybody. */
  readonly url: string;
  /** What to say aloud: the bot's role could change the audit log. Null: it could not. */
  readonly warning: string | null;
  /** Names of the migrations that were run now. */
  readonly applied: readonly string[];
}

/** Makes or checks the tables of another module in the same database; `role` is to be given rights on them. Null address: only check. */
export type MigrateAlso = (ownerUrl: string, role: string | null) => Promise<void>;

/**
 * Brings the database up to date as its owner, and finds the address with which the bot works: one whose role owns nothing.
 *
 * Three ways: the bot's address is a lesser role's already (its owner has migrated, or `migrationUrl` is the owner's); or it is the owner's, and
 * a role is made, reached by a login of its own where the server asks for no password, else by SET ROLE; or it is the owner's, and no role
 * can be made: then it is used as it is, and `warning` says so.
 *
 * Errors: `MigrationRefused`, also when a lesser role finds migrations that have not been run. Invariant: INV-10. ADR 0304.
 */
export async function prepareStore(address: StoreAddress, also: MigrateAlso): Promise<PreparedStore> {
  const { url, migrationUrl } = address;
  const made = await (migrationUrl === null ? prepareAlone(url, also) : prepareForOther(url, migrationUrl, also));
  return { ...made, warning: roleWarning(await readRoleReport(made.url)) };
}

/** As the owner: migrates, and gives `role` its rights. For `twokey migrate` and the two-role set-up. */
export async function migrateFor(ownerUrl: string, role: string, also: MigrateAlso): Promise<readonly string[]> {
  const applied = await migrate(ownerUrl);
  await grantBotRights(ownerUrl, role);
  await also(ownerUrl, role);
  return applied;
}

/**
 * Looks, and changes nothing: whether the database has our tables, and what the role could do with which the bot would work now.
 *
 * Errors: throws what keeps the database from being asked.
 */
export async function inspectStore(url: string): Promise<{ readonly isMigrated: boolean; readonly warning: string | null }> {
  const { owns, there, role } = await readLogin(url);
  if (!there) return { isMigrated: false, warning: null };
  const own = owns && new URL(url).password === "" ? addressOf(url, role) : null;
  const used = own !== null && (await letsIn(own)) ? own : url;
  return { isMigrated: true, warning: roleWarning(await readRoleReport(used)) };
}

type Made = Omit<PreparedStore, "warning">;

async function prepareForOther(url: string, migrationUrl: string, also: MigrateAlso): Promise<Made> {
  const [bot, owner] = [await readLogin(url), await readLogin(migrationUrl)];
  // Both addresses are of one role: then it is as if only one had been given.
  if (bot.login === owner.login) return prepareAlone(migrationUrl, also);
  return { url, applied: await migrateFor(migrationUrl, bot.login, also) };
}

async function prepareAlone(url: string, also: MigrateAlso): Promise<Made> {
  const { owns } = await readLogin(url);
  if (!owns) {
    await expectMigrated(url);
    return { url, applied: [] };
  }
  const applied = await migrate(url);
  const isOpen = new URL(url).password === "";
  const role = await ensureBotRole(url, isOpen ? "login" : "set_role");
  if (role === null) {
    await also(url, null);
    return { url, applied };
  }
  await grantBotRights(url, role);
  await also(url, role);
  if (isOpen) {
    const own = addressOf(url, role);
    if (own !== null && (await letsIn(own))) return { url: own, applied };
    await ensureBotRole(url, "set_role");
  }
  return { url: behindLogin(url, role), applied };
}

const Login = z.object({ login: z.string(), owns: z.boolean(), there: z.boolean(), role: z.string() });

/** Who an address logs in as, and whether that role may migrate: the schema is its own, or not there yet. */
async function readLogin(url: string): Promise<z.output<typeof Login>> {
  const client = new pg.Client(connectionSettings(url));
  await client.connect();
  try {
    const { rows } = await client.query(`
      select session_user::text as login, exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'twokey' and c.relname = 'audit') as there,
        (select 'twokey_bot_' || oid from pg_database where datname = current_database()) as role,
        coalesce((select pg_has_role(session_user, n.nspowner, 'USAGE') from pg_namespace n where n.nspname = 'twokey'), true) as owns`);
    return Login.parse(rows[0]);
  } finally {
    await client.end();
  }
}

/** The same address with another login and no password; null where an address cannot name a login. */
function addressOf(url: string, role: string): string | null {
  const own = new URL(url);
  own.username = role;
  return own.username === role ? own.href : null;
}

/** The owner's address, but every connection begins as the role. Whoever sends SQL can still go back: hence the warning. */
function behindLogin(url: string, role: string): string {
  const own = new URL(url);
  const given = own.searchParams.get("options");
  own.searchParams.set("options", `${given ?? "-c search_path=twokey"} -c role=${role}`);
  return own.href;
}

async function letsIn(url: string): Promise<boolean> {
  const client = new pg.Client(connectionSettings(url));
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false; // The question was whether the server asks for more than the name; any error is a yes.
  } finally {
    await client.end().catch(() => undefined);
  }
}
