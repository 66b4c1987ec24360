import pg from "pg";
import { z } from "zod";
import type { Failure } from "../core/failure.ts";
import { TeamPolicy } from "../core/policy.ts";
import { err, ok, type Result } from "../core/result.ts";
import { connectionSettings, withConnection } from "./db.ts";
import { notUsable } from "./not-usable.ts";
import { whyNoSession } from "./sessions.ts";
import { compareMigrations, type MigrationState } from "./migrate.ts";

/** The state of Twokey's own database. */
export interface DatabaseInspection {
  readonly version: string;
  readonly role: string;
  readonly migrations: MigrationState;
  /** Whether the role may migrate: it owns the schema `twokey`, or may create it where there is none. */
  readonly mayMigrate: boolean;
  /** The server's clock when it was asked. Units: UTC epoch ms. */
  readonly at: number;
  /** Why nothing can be written; null: it can. */
  readonly readOnly: "standby" | "setting" | null;
  /** Why its sessions are not Twokey's own, as behind a pooler; null: they are. */
  readonly problem: string | null;
}

const Server = z.object({ version: z.string(), role: z.string(), mayMigrate: z.boolean(), at: z.number(), isStandby: z.boolean() });
const Setting = z.object({ readOnly: z.enum(["on", "off"]) });

const Place = z.object({
  /** The database's oid and its server's start time: equal for two addresses of one database. */
  database: z.string(),
  role: z.string(),
  /** The role owns the schema `twokey`, or may create it. */
  mayMigrate: z.boolean(),
});

const MAY_MIGRATE = `
  coalesce((select pg_has_role(session_user, n.nspowner, 'USAGE') from pg_namespace n where n.nspname = 'twokey'),
    has_database_privilege(session_user, current_database(), 'create')) as "mayMigrate"`;

/** Inspects the database in read-only transactions: nothing is migrated. Errors: `unavailable` in words, never with the address. */
export function inspectDatabase(url: string): Promise<Result<DatabaseInspection, Failure>> {
  return readOnly(url, "DATABASE_URL", async (client) => {
    const { rows } = await client.query(
      `select current_setting('server_version') as version, current_user as role,
         ${MAY_MIGRATE}, pg_is_in_recovery() as "isStandby",
         (extract(epoch from clock_timestamp()) * 1000)::float8 as at`,
    );
    const { isStandby, ...server } = Server.parse(rows[0]);
    // Asked as the bot would be connected: this session is read-only by its own wish.
    const { readOnly } = await withConnection(url, async (own) =>
      Setting.parse((await own.query(`select current_setting('default_transaction_read_only') as "readOnly"`)).rows[0]),
    );
    return {
      ...server,
      readOnly: isStandby ? "standby" : readOnly === "on" ? "setting" : null,
      migrations: await compareMigrations(client),
      problem: isStandby ? null : await whyNoSession(connectionSettings(url)),
    };
  });
}

/** Reads which database the address of a variable is of, and its role. Errors: as for `inspectDatabase`, naming the variable. */
export function inspectPlace(url: string, variable: string): Promise<Result<z.output<typeof Place>, Failure>> {
  return readOnly(url, variable, async (client) => {
    const { rows } = await client.query(
      `select d.oid || '@' || pg_postmaster_start_time() as database, session_user::text as role,
         ${MAY_MIGRATE}
       from pg_database d where d.datname = current_database()`,
    );
    return Place.parse(rows[0]);
  });
}

/** Reads the protected domains of the policy in force. Errors: as for `inspectDatabase`, also when there are no tables yet. */
export function inspectProtectedDomains(url: string): Promise<Result<readonly string[], Failure>> {
  return readOnly(url, "DATABASE_URL", async (client) => {
    const { rows } = await client.query("select body from policy_version order by version desc limit 1");
    return z.array(z.object({ body: TeamPolicy })).parse(rows)[0]?.body.protectedDomains ?? [];
  });
}

async function readOnly<T>(url: string, variable: string, read: (client: pg.Client) => Promise<T>): Promise<Result<T, Failure>> {
  const client = new pg.Client({
    ...connectionSettings(url, "-c default_transaction_read_only=on"),
    statement_timeout: 10_000,
  });
  // Without a listener a connection that breaks while idle would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return ok(await read(client));
  } catch (thrown) {
    return err(notUsable(thrown, variable));
  } finally {
    await client.end().catch(() => undefined);
  }
}
